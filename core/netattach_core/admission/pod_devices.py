"""Whether a pod requests the devices that its networks require; without one, its ADD fails (`netattach_core.devices`).

Only for pods, not for templates: network-resources-injector adds the requests to pods, and is called before us.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.api.networks_annotation import NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.attach.attachment import Network
from netattach_core.devices import assignment as device_assignment
from netattach_core.text.finding import Finding, Rule, Severity

DEVICE = Rule(
    "pod-device-missing",
    Severity.DENY,
    "a network that requires a device, in a pod that does not request one",
)

RULES = (DEVICE,)


def validate_devices(
    pod: JsonObject, selections: Sequence[NetworkSelection], nads: Mapping[Key, Nad]
) -> Iterator[Finding]:
    """Findings for networks that fail without a device. A pod with resource claims may get its devices from these."""
    if unstructured.mapping(pod, "spec").get("resourceClaims"):
        return
    available = _requested(pod)
    required = Counter[str]()
    for index, each in enumerate(selections):
        nad = nads.get((each.namespace, each.name))
        resource = _required_resource(nad) if nad and not each.device_id else ""
        required[resource] += 1
        if resource and required[resource] > available[resource]:
            problem = (
                f"{each.full_name} requires a device of {resource}, "
                f"and the containers of this pod request {available[resource]} in total: the pod cannot be attached"
            )
            fix = f'request one for each of its networks, in resources.limits: {{"{resource}": "{required[resource]}"}}'
            yield Finding(DEVICE, (NETWORKS, index), problem, fix)


def _required_resource(nad: Nad) -> str:
    """The resource of the device that the network requires, "" for none."""
    resource = nad.annotations.get(RESOURCE_NAME, "")
    network = Network(nad.full_name, nad.config, nad.name, resource=resource)
    return (
        resource
        if device_assignment.takes_device(network) and device_assignment.requires_device(network)
        else ""
    )


def _requested(pod: JsonObject) -> Counter[str]:
    """The number of devices by resource in all containers. For devices, a limit is a request too."""
    found = Counter[str]()
    for kind in ("containers", "initContainers"):
        containers = unstructured.mapping(pod, "spec").get(kind)
        for container in containers if isinstance(containers, list) else ():
            wanted = {
                **unstructured.mapping(container, "resources", "requests"),
                **unstructured.mapping(container, "resources", "limits"),
            }
            for resource, count in wanted.items():
                found[resource] += int(count) if str(count).isdecimal() else 0
    return found

"""Whether a pod requests the devices that its networks take; the daemon fails its ADD where one is missing (`devices`).

Validated of pods alone: what requests devices for a template's pods (network-resources-injector) changes the pods, and before us.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import Body
from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.api.networks_annotation import NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.attach.attachment import Network
from netattach_core.devices import assignment as device_assignment
from netattach_core.text.finding import Finding, Rule, Severity

DEVICE = Rule(
    "pod-device-missing", Severity.DENY, "a network that takes a device, in a pod that requests none"
)

RULES = (DEVICE,)


def check(pod: Body, selections: Sequence[NetworkSelection], nads: Mapping[Key, Nad]) -> Iterator[Finding]:
    """Of networks that are known and cannot do without. A pod with claims may have its devices from them."""
    if unstructured.mapping(pod, "spec").get("resourceClaims"):
        return
    left = _requested(pod)
    asking = Counter[str]()
    for index, each in enumerate(selections):
        nad = nads.get((each.namespace, each.name))
        resource = _taken(nad) if nad and not each.device_id else ""
        asking[resource] += 1
        if resource and asking[resource] > left[resource]:
            problem = (
                f"{each.full_name} takes a device of {resource}, and the containers of this pod request {left[resource]} in all: "
                "the pod cannot be attached"
            )
            fix = f'request one for each of its networks, resources.limits: {{"{resource}": "{asking[resource]}"}}'
            yield Finding(DEVICE, (NETWORKS, index), problem, fix)


def _taken(nad: Nad) -> str:
    """The resource of which it needs a device, "" for none."""
    resource = nad.annotations.get(RESOURCE_NAME, "")
    network = Network(nad.full_name, nad.config, nad.name, resource=resource)
    return (
        resource
        if device_assignment.takes_device(network) and device_assignment.requires_device(network)
        else ""
    )


def _requested(pod: Body) -> Counter[str]:
    """By resource, over all containers. Of devices a limit is a request too, and there are no halves of one."""
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

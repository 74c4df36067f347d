"""Whether a pod requests the devices that its networks take; the daemon fails its ADD where one is missing (`devices`).

Judged of pods alone: what requests devices for a template's pods (network-resources-injector) changes the pods, and before us.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from netattach_core import devices
from netattach_core.admission import objects
from netattach_core.admission.objects import Body, Key
from netattach_core.annotation import NETWORKS, Selection
from netattach_core.attachment import Network
from netattach_core.finding import Finding, Rule, Severity
from netattach_core.nad import RESOURCE_NAME, Nad

DEVICE = Rule(
    "pod-device-missing", Severity.DENY, "a network that takes a device, in a pod that requests none"
)

RULES = (DEVICE,)


def check(pod: Body, selections: Sequence[Selection], nads: Mapping[Key, Nad]) -> Iterator[Finding]:
    """Of networks that are known and cannot do without. A pod with claims may have its devices from them."""
    if objects.mapping(pod, "spec").get("resourceClaims"):
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
            mend = f'request one for each of its networks, resources.limits: {{"{resource}": "{asking[resource]}"}}'
            yield Finding(DEVICE, (NETWORKS, index), problem, mend)


def _taken(nad: Nad) -> str:
    """The resource of which it needs a device, "" for none."""
    resource = nad.annotations.get(RESOURCE_NAME, "")
    network = Network(nad.full_name, nad.config, nad.name, resource=resource)
    return resource if devices.takes_one(network) and devices.cannot_do_without(network) else ""


def _requested(pod: Body) -> Counter[str]:
    """By resource, over all containers. Of devices a limit is a request too, and there are no halves of one."""
    found = Counter[str]()
    for kind in ("containers", "initContainers"):
        containers = objects.mapping(pod, "spec").get(kind)
        for container in containers if isinstance(containers, list) else ():
            wanted = {
                **objects.mapping(container, "resources", "requests"),
                **objects.mapping(container, "resources", "limits"),
            }
            for resource, count in wanted.items():
                found[resource] += int(count) if str(count).isdecimal() else 0
    return found

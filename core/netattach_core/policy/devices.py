"""Devices: a pod gets those that the kubelet gave it, not those that it or a network names.

A device is named by its id (`deviceID`, `pciBusID`): a PCI address, or the name of an auxiliary or mediated device. A path below
/sys (`kernelpath`) contains it. Plugins that look it up join the id to a path of /sys.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Sequence

from netattach_core.api.nad import RESOURCE_NAME, Nad
from netattach_core.policy import severities
from netattach_core.policy.case import Findings, KnownDevices, NetworkCase, PodCase, ask, rule
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Path
from netattach_core.text.json_document import JsonTextError, Node

RULE = rule("policy-device", "a device that the kubelet did not give to the pod")

RULES = (RULE,)

_NAMES = frozenset({"deviceid", "pcibusid", "kernelpath"})

_PCI = re.compile(r"(?:([0-9a-f]{1,8}):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})\.([0-7])")

Named = tuple[Path, Node, str]
"""Where a network names a device, the value's node, and the key in lower case."""


def check_pod(case: PodCase) -> Findings:
    """`deviceID` in an annotation: on the node, one that the pod does not have; at admission, one that it cannot have."""
    for path, selection in case.selections():
        device = selection.device_id
        if device and _is_foreign(case, device, case.nad(selection)):
            problem = (
                f"the kubelet did not give the device {device!r} to the pod for network {selection.full_name}"
            )
            owner = ask(case.policy, "give the network a resource of a device plugin")
            fix = f"remove `deviceID` and request the resource in a container's resources.limits, or {owner}"
            yield Finding(RULE, (*path, "deviceID"), problem, fix)


def _is_foreign(case: PodCase, device: str, nad: Nad | None) -> bool:
    if case.devices is not None:
        return _canonical(device) not in _canonical_all(case.devices.own)
    return nad is not None and not nad.annotations.get(RESOURCE_NAME)


def check_network(case: NetworkCase) -> Findings:
    """An id that plugins would read as a path to another device than the one that it seems to name."""
    for path, node, key in _named(case.root):
        if key == "deviceid" and "/" in node.value:
            problem = f"the device {node.value!r} is a path, and a device is named by its id"
            yield Finding(RULE, path, problem, "write the id alone, for example 0000:3b:00.1", node.start)


def names_device(nad: Nad) -> bool:
    """Whether a network names a device itself: only then does `of_other_pods` need the devices of the node's pods."""
    return bool(_named_in(nad.config))


def of_other_pods(nad: Nad, policy: NamespacePolicy, devices: KnownDevices) -> list[Finding]:
    """The devices that a network names although the kubelet has given them to other pods, as the daemon knows at ADD.

    `policy` is that of the network's namespace. Cheap for a network that names none.
    """
    return severities.findings(((Level.BASELINE, _taken),), (nad, devices), policy)


def _taken(case: tuple[Nad, KnownDevices]) -> Findings:
    nad, devices = case
    named = _named_in(nad.config)
    taken = _canonical_all(devices.others) - _canonical_all(devices.own) if named else frozenset()
    for path, node, _ in named:
        for device in _canonical_all(node.value.split("/")) & taken:  # the parts of a path too
            problem = f"network {nad.full_name} names the device {device!r}, which the kubelet has given to another pod"
            fix = f"annotate the network with {RESOURCE_NAME}, so that each pod gets a device of its own"
            yield Finding(RULE, path, problem, fix, node.start)


def _canonical_all(ids: Collection[str]) -> frozenset[str]:
    return frozenset(map(_canonical, ids))


def _canonical(device: str) -> str:
    """The same text for all spellings of one PCI address; other ids in lower case, without blanks at their ends."""
    text = device.strip().casefold()
    found = _PCI.fullmatch(text)
    if found is None:
        return text
    domain, bus, slot, function = (int(part or "0", 16) for part in found.groups())
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"


@functools.lru_cache(maxsize=512)  # all pods of a node use the same few networks
def _named_in(config: str) -> Sequence[Named]:
    try:
        return tuple(_named(json_document.parse(config)))
    except JsonTextError:
        return ()


def _named(node: Node, path: Path = ()) -> Iterator[Named]:
    """Each device that a config names, at any depth; keys in any case, and all of those that are duplicate."""
    for member in node.members:
        key, value = member.key.casefold(), member.node.value
        if key in _NAMES and isinstance(value, str) and value:
            yield (*path, member.key), member.node, key
        yield from _named(member.node, (*path, member.key))
    for index, item in enumerate(node.items):
        yield from _named(item, (*path, index))

"""What makes pods: a Deployment and its like. Only warned of; the pods themselves are validated when they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netattach_core.admission import unstructured
from netattach_core.admission.unstructured import JsonObject
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import NETWORKS, NetworkSelection
from netattach_core.api.objects import Key
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import footprint
from netattach_core.validation.footprint import Footprint

CAPACITY = Rule("pod-capacity", Severity.WARN, "more pods than the network has addresses for")

RULES = (CAPACITY,)

_TEMPLATE = ("spec", "template")
PATHS: Mapping[str, tuple[str, ...]] = {
    "Deployment": _TEMPLATE,
    "StatefulSet": _TEMPLATE,
    "DaemonSet": _TEMPLATE,
    "ReplicaSet": _TEMPLATE,
    "Job": _TEMPLATE,
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}
"""Where each kind has its pods' template."""


def template_pod(kind: str, body: JsonObject | None) -> dict[str, Any] | None:
    """The pod that the object makes; None where it makes none, or is made itself by one that was validated."""
    path = PATHS.get(kind)
    if body is None or path is None or unstructured.is_being_deleted(body):
        return None
    return dict(unstructured.mapping(body, *path))


def template_replicas(kind: str, body: JsonObject, nodes: int) -> int:
    """How many pods it makes at once."""
    if kind == "DaemonSet":
        return nodes
    spec = unstructured.mapping(body, "spec")
    if kind == "CronJob":
        spec = unstructured.mapping(spec, "jobTemplate", "spec")
    wanted = spec.get("parallelism" if kind in {"Job", "CronJob"} else "replicas", 1)
    return wanted if isinstance(wanted, int) and not isinstance(wanted, bool) else 1


def validate_capacity(
    selections: Sequence[NetworkSelection], nads: Mapping[Key, Nad], pods: int, nodes: int
) -> Iterator[Finding]:
    """Whether so many pods can all have an address; host-local has its range once on each node."""
    for index, selection in enumerate(selections):
        nad = nads.get((selection.namespace, selection.name))
        network = footprint.from_nad(nad) if nad else footprint.NONE
        room = _room(network, max(nodes, 1))
        if selection.ips and pods > 1:
            problem = f"`ips` asks for the same addresses for each of {pods} pods: they answer to them at once, or fail"
            yield Finding(CAPACITY, (NETWORKS, index), problem, "ask for none, or have one pod")
        elif room is not None and room < pods:
            problem = f"{selection.full_name} has addresses for {room} pod{'' if room == 1 else 's'}, and this makes {pods}"
            yield Finding(CAPACITY, (NETWORKS, index), problem, "widen its range, or have fewer pods")


def _room(network: Footprint, nodes: int) -> int | None:
    """Pods that can have an address; None where that is not known."""
    if not network.spans:
        return None
    if network.ipam == "static":
        return 1
    if network.ipam not in {"host-local", "whereabouts"}:
        return None
    sets = [
        sum(span.hosts for span in network.spans if span.group == group)
        for group in {s.group for s in network.spans}
    ]
    return min(sets) * (nodes if network.ipam == "host-local" else 1)

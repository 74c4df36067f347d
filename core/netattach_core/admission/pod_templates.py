"""Pod templates: Deployments and similar objects. All findings are warnings; the pods are validated when they are created."""

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

CAPACITY = Rule("pod-capacity", Severity.WARN, "more pods than addresses in the network")

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
"""The path of the pod template in each kind."""


def template_pod(kind: str, body: JsonObject | None) -> dict[str, Any] | None:
    """The pod template of an object; None for other kinds and objects that are being deleted."""
    path = PATHS.get(kind)
    if body is None or path is None or unstructured.is_being_deleted(body):
        return None
    return dict(unstructured.mapping(body, *path))


def template_replicas(kind: str, body: JsonObject, nodes: int) -> int:
    """The number of pods that the object creates at a time."""
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
    """Whether each network has addresses for `pods` pods; with host-local, each of the `nodes` has the whole range."""
    for index, selection in enumerate(selections):
        nad = nads.get((selection.namespace, selection.name))
        network = footprint.from_nad(nad) if nad else footprint.NONE
        room = _room(network, max(nodes, 1))
        if selection.ips and pods > 1:
            problem = f"`ips` requests the same addresses for each of {pods} pods: they share them, or fail"
            yield Finding(
                CAPACITY, (NETWORKS, index), problem, "remove `ips`, or reduce the number of pods to one"
            )
        elif room is not None and room < pods:
            of_pods = f"{room} pod{'' if room == 1 else 's'}"
            problem = f"{selection.full_name} has addresses for {of_pods}, and this object creates {pods}"
            yield Finding(
                CAPACITY, (NETWORKS, index), problem, "extend its range, or reduce the number of pods"
            )


def _room(network: Footprint, nodes: int) -> int | None:
    """The number of pods that can get an address; None where it is unknown."""
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

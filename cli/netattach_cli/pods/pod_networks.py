"""What a pod asks for next to what it has. Requested does not mean attached, and attached does not mean still there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_cli.ask import bodies
from netattach_cli.pods import network_status
from netattach_cli.pods.network_status import Attached
from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.api.node_state import UnmetPod, UnmetReason
from netattach_core.api.objects import Body, Key
from netattach_core.errors import AnnotationError

_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What is kept of a pod, of which a cluster may have 10,000."""

    namespace: str
    name: str
    uid: str
    node: str
    phase: str
    host_network: bool
    annotations: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PodNetwork:
    """One network of a pod. `requested` and `attached` are "namespace/name"; "" for one that it does not request, or lacks.

    `reason` is "" where it is ready, else one word, and `message` a sentence where there is more to say.
    """

    requested: str
    attached: str
    interface: str
    addresses: Sequence[str]
    mac: str
    default: bool
    ready: bool
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class PodNetworks:
    """A pod with its networks: those that it requests, in its order, then others that it has."""

    namespace: str
    name: str
    node: str
    phase: str
    networks: Sequence[PodNetwork]

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


_ANNOTATIONS = (
    networks_annotation.NETWORKS,
    networks_annotation.DEFAULT_NETWORK,
    networks_annotation.NETWORK_STATUS,
)


def facts(body: Body) -> PodFacts:
    """Of a pod as the API server returns it."""
    found = bodies.annotations_of(body)
    return PodFacts(
        bodies.namespace(body),
        bodies.name(body),
        bodies.text(body, "metadata", "uid"),
        bodies.text(body, "spec", "nodeName"),
        bodies.text(body, "status", "phase"),
        bodies.at(body, "spec", "hostNetwork") is True,
        {key: found[key] for key in _ANNOTATIONS if key in found},
    )


def networks_of(pod: PodFacts, unmet: Mapping[Key, UnmetPod], *, default: bool = False) -> PodNetworks:
    """The pod's networks; `default`: its default network too, which it does not request."""
    lacks = unmet.get((pod.namespace, pod.name))
    lacks = lacks if lacks is not None and lacks.uid in {"", pod.uid} else None
    status = network_status.parse(pod.annotations.get(networks_annotation.NETWORK_STATUS, ""))
    try:
        requested = _requested(pod)
    except AnnotationError as error:
        refused = _row(
            pod.annotations[networks_annotation.NETWORKS][:64], None, "AnnotationInvalid", error.message
        )
        rows = [refused, *(_row_of(pod, "", each, lacks) for each in status.attached)]
    else:
        rows = list(_rows(pod, requested, list(status.attached), lacks, status.problem))
    shown = [row for row in rows if default or row.requested or not row.default]
    return PodNetworks(pod.namespace, pod.name, pod.node, pod.phase, shown)


def unmet_pods(pods: Iterable[UnmetPod]) -> dict[Key, UnmetPod]:
    return {(pod.namespace, pod.name): pod for pod in pods}


def _requested(pod: PodFacts) -> list[NetworkSelection]:
    """Raises AnnotationError."""
    text = pod.annotations.get(networks_annotation.NETWORKS, "")
    return list(networks_annotation.parse(text, pod.namespace))


def _rows(
    pod: PodFacts,
    requested: Sequence[NetworkSelection],
    left: list[Attached],
    lacks: UnmetPod | None,
    problem: str,
) -> Iterator[PodNetwork]:
    """A network with several interfaces has a row for each."""
    names = {each.full_name for each in requested}
    for selection in requested:
        found = _take(left, selection)
        if found is None:
            yield _row(selection.full_name, None, *_why_not(pod, lacks, problem))
        else:
            yield _row_of(pod, selection.full_name, found, lacks)
    for each in left:
        yield _row_of(pod, each.network if each.network in names else "", each, lacks)


def _take(left: list[Attached], selection: NetworkSelection) -> Attached | None:
    """The first interface of the network that has the requested name; without such a one, the first."""
    candidates = [each for each in left if each.network == selection.full_name]
    named = [each for each in candidates if each.interface == selection.interface]
    found = next(iter(named or ([] if selection.interface else candidates)), None)
    if found is not None:
        left.remove(found)
    return found


def _row_of(pod: PodFacts, requested: str, found: Attached, lacks: UnmetPod | None) -> PodNetwork:
    if pod.phase in _ENDED:
        return _row(requested, found, pod.phase)
    lost = (
        lacks is not None
        and lacks.reason != UnmetReason.ANNOTATION_CHANGED
        and found.network in lacks.networks
    )
    return _row(requested, found, *((lacks.reason, lacks.message) if lacks is not None and lost else ()))


def _why_not(pod: PodFacts, lacks: UnmetPod | None, problem: str) -> tuple[str, str]:
    """Why a pod does not have a network that it requests."""
    if pod.host_network:
        return "HostNetwork", "a pod in the node's network gets no networks"
    if lacks is not None:
        return lacks.reason, lacks.message
    if not pod.node:
        return "NotScheduled", "the pod is on no node yet"
    if pod.phase == "Running":
        return "NotReported", problem or "network-status does not have it"
    return pod.phase or "Unknown", problem


def _row(requested: str, found: Attached | None, reason: str = "", message: str = "") -> PodNetwork:
    found = found or Attached("")
    ready = bool(found.network) and not reason
    return PodNetwork(
        requested,
        found.network,
        found.interface,
        found.addresses,
        found.mac,
        found.default,
        ready,
        reason,
        message,
    )

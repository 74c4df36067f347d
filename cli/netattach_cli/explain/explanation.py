"""From facts to an explanation: whether a pod has its networks, else the causes, with evidence and fix."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from netattach_cli.ask import bodies, copyable, durations, unmet
from netattach_cli.ask.contests import CONTESTED
from netattach_cli.explain import candidates, messages
from netattach_cli.explain.inputs import Facts
from netattach_cli.explain.messages import Failure, Phase
from netattach_cli.pods import pod_networks
from netattach_cli.pods.pod_networks import PodNetwork
from netattach_core.api import call_record
from netattach_core.api.call_record import CallRecord
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body

_FAILED, _ADDED, _MISSING = "FailedAttachment", "AddedInterface", "NetworkMissing"
_KUBELET, _NO_NODE = "FailedCreatePodSandBox", "NoNodeForNetworks"
_UNSCHEDULED = "FailedScheduling"
_OF_POD = frozenset({_FAILED, _ADDED, _MISSING, _KUBELET, _NO_NODE, _UNSCHEDULED})

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_GENERIC = frozenset({"PluginFailed", "PluginCrashed", "InterfaceMissing", "Unknown"})
"""Causes that what the node reports may explain better."""

_MOST_CALLS = 10


@dataclass(frozen=True, slots=True)
class Cause:
    """Why networks are not attached. `code` is the plugin's exit code as CNI has it, 0 where none is known."""

    cause: str
    phase: str
    message: str
    fix: str
    network: str
    interface: str
    plugin: str
    code: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a cause comes from: an Event, or what an object of the cluster has. `age` is "" where it has none."""

    source: str
    age: str
    message: str


@dataclass(frozen=True, slots=True)
class CallData:
    """One ADD, as the Event about it has it; durations in milliseconds, the networks' at the same time."""

    age: str
    succeeded: bool
    code: int
    milliseconds: float
    phases: dict[str, float]
    networks: dict[str, float]


@dataclass(frozen=True, slots=True)
class Explanation:
    """`verdict` is one sentence; `causes` are empty where nothing is wrong, `notes` say what may still be unknown."""

    namespace: str
    name: str
    node: str
    phase: str
    attached: bool
    verdict: str
    networks: Sequence[PodNetwork]
    causes: Sequence[Cause]
    evidence: Sequence[Evidence]
    calls: Sequence[CallData]
    notes: Sequence[str]


def explain(facts: Facts) -> Explanation:
    """Of a pod that exists."""
    pod = facts.pod or {}
    events = _events(facts, pod)
    lacks = _unmet(facts)
    of_pod = pod_networks.networks_of(
        pod_networks.facts(pod), {(each.namespace, each.name): each for each in lacks}
    )
    requested = [each for each in of_pod.networks if each.requested]
    ended = of_pod.phase in {"Succeeded", "Failed"}
    attached = all(each.ready for each in requested) or ended
    causes = [] if attached and requested else list(_causes(facts, pod, events, lacks, requested))
    records = list(_records(events))
    return Explanation(
        of_pod.namespace,
        of_pod.name,
        of_pod.node,
        of_pod.phase,
        attached and not causes,
        _verdict(pod, requested, causes, attached=attached, ended=ended),
        of_pod.networks,
        [_cause(each, of_pod.node, [record for _, record in records]) for each in causes],
        list(_evidence(facts, events, lacks)),
        [_call(facts, event, record) for event, record in records[:_MOST_CALLS]],
        list(_notes(facts, requested, causes, attached=attached)),
    )


def _causes(
    facts: Facts,
    pod: Body,
    events: Sequence[Body],
    lacks: Sequence[UnmetPod],
    requested: Sequence[PodNetwork],
) -> Iterator[Failure]:
    """The most certain source that says anything: the pod, what was seen of it while it ran, then Events, then the node."""
    of_annotation = list(candidates.of_annotation(pod))
    if of_annotation:
        yield from of_annotation
    elif not bodies.text(pod, "spec", "nodeName"):
        yield from _of_scheduling(events) or candidates.of_missing_networks(facts)
    elif bodies.text(pod, "status", "phase") == "Running":
        yield from _of_running(facts, events, lacks, requested)
    else:
        yield from _of_start(facts, events)


def _of_scheduling(events: Sequence[Body]) -> list[Failure]:
    fix = "prepare a node for these networks: kubectl netattach networks shows what each of them lacks"
    ours = _latest(events, _NO_NODE)
    if ours:
        return [Failure("NoNodeForNetworks", Phase.SCHEDULING, bodies.text(ours, "message"), fix)]
    other = _latest(events, _UNSCHEDULED)
    if other:
        see = "see what the scheduler says; it is no matter of the pod's networks, unless a label netattach.io/… is named"
        return [Failure("NotScheduled", Phase.SCHEDULING, bodies.text(other, "message"), see)]
    return []


def _of_running(
    facts: Facts, events: Sequence[Body], lacks: Sequence[UnmetPod], requested: Sequence[PodNetwork]
) -> Iterator[Failure]:
    """A pod that runs without a network: it was started without netattach, or has lost the network since."""
    contest = _latest(events, CONTESTED)
    again = "delete the pod, so that it is created again with its networks"
    for each in lacks:
        networks = ",".join(each.networks)
        if each.reason == "NotAttached" and contest:
            message = f"{each.message}; {bodies.text(contest, 'message')}"
            yield Failure(CONTESTED, Phase.RUNTIME, message, f"end the contest, then {again}", networks)
        else:
            yield Failure(each.reason, Phase.RUNNING, each.message, again, networks)
    if not lacks and (event := _latest(events, _MISSING)):
        yield Failure("NetworkMissing", Phase.RUNNING, bodies.text(event, "message"), again)
    elif not lacks and requested:
        found = [*candidates.of_missing_networks(facts), *candidates.of_node(facts)]
        yield from found or [_not_reported(again)]


def _not_reported(again: str) -> Failure:
    message = (
        "network-status does not have all networks that the pod asks for, and its node reports no loss: the status was not "
        "written yet, the annotation was changed, or somebody else changed the status"
    )
    return Failure("NotReported", Phase.STATUS, message, f"wait a moment; else {again}")


def _of_start(facts: Facts, events: Sequence[Body]) -> Iterator[Failure]:
    """A pod that does not start. What the node lacks explains more than a plugin's own words."""
    found = _of_events(events)
    of_node = list(candidates.of_node(facts))
    if not found:
        yield from [*candidates.of_missing_networks(facts), *of_node]
    for each in found:
        better = next((other for other in of_node if other.network and other.network == each.network), None)
        if better is not None and each.cause in _GENERIC:
            message = f"{better.message}; the plugin says: {each.message}"
            yield dataclasses.replace(each, cause=better.cause, message=message)
        else:
            yield each


def _of_events(events: Sequence[Body]) -> list[Failure]:
    """Of the last failure. The kubelet's Event repeats ours, and is newer where the same failure is repeated."""
    for event in events:
        if bodies.text(event, "reason") == _ADDED:
            return []
        message = bodies.text(event, "message")
        if bodies.text(event, "reason") == _FAILED:
            return messages.of_netattach(message)
        if bodies.text(event, "reason") == _KUBELET:
            found = messages.of_kubelet(message)
            if found:
                return found
    return []


def _events(facts: Facts, pod: Body) -> list[Body]:
    """Those of this pod, not of an earlier one of its name, and of its node; the latest first."""
    uid, name, node = (
        bodies.text(pod, "metadata", "uid"),
        bodies.name(pod),
        bodies.text(pod, "spec", "nodeName"),
    )

    def concerns(event: Body) -> bool:
        kind = bodies.text(event, "involvedObject", "kind")
        about = bodies.text(event, "involvedObject", "name")
        if kind == "Node":
            return bool(node) and about == node and bodies.text(event, "reason") == CONTESTED
        of = bodies.text(event, "involvedObject", "uid")
        is_known = bodies.text(event, "reason") in _OF_POD
        return kind == "Pod" and about == name and (not of or not uid or of == uid) and is_known

    return sorted(filter(concerns, facts.events), key=_time, reverse=True)


def _time(event: Body) -> datetime:
    times = (
        bodies.text(event, "series", "lastObservedTime"),
        bodies.text(event, "lastTimestamp"),
        bodies.text(event, "eventTime"),
        bodies.text(event, "metadata", "creationTimestamp"),
    )
    return next((found for each in times if (found := durations.moment(each))), _LONG_AGO)


def _latest(events: Sequence[Body], reason: str) -> Body | None:
    return next((each for each in events if bodies.text(each, "reason") == reason), None)


def _unmet(facts: Facts) -> list[UnmetPod]:
    """What the node says of this pod; of an earlier one with its name, nothing."""
    pod = facts.pod or {}
    key = bodies.namespace(pod), bodies.name(pod), bodies.text(pod, "metadata", "uid")
    return [
        each
        for body in facts.node.inventories
        for each in unmet.pods(body)
        if (each.namespace, each.name) == key[:2] and each.uid in {"", key[2]}
    ]


def _cause(failure: Failure, node: str, records: Sequence[CallRecord]) -> Cause:
    """With the plugin's own code, from the last call in which it failed, and a fix that can be copied."""
    code = next(
        (
            failed.code
            for record in records
            for failed in record.failures
            if failed.network == failure.network and failed.plugin == failure.plugin
        ),
        0,
    )
    return Cause(
        failure.cause,
        failure.phase.value,
        failure.message,
        failure.fix.replace("node/NODE", f"node/{copyable.name(node, 'NODE')}").replace(
            "networks NETWORK", f"networks {copyable.full_name(failure.network, 'NETWORK')}"
        ),
        failure.network,
        failure.interface,
        failure.plugin,
        code,
    )


def _records(events: Sequence[Body]) -> Iterator[tuple[Body, CallRecord]]:
    for event in events:
        if bodies.text(event, "reason") in {_ADDED, _FAILED}:
            record = call_record.parse(bodies.annotations_of(event).get(call_record.ANNOTATION, ""))
            if record is not None:
                yield event, record


def _call(facts: Facts, event: Body, record: CallRecord) -> CallData:
    return CallData(
        _age(facts, event),
        bodies.text(event, "reason") == _ADDED,
        record.code,
        record.milliseconds,
        dict(record.phases),
        dict(record.networks),
    )


def _age(facts: Facts, event: Body) -> str:
    found = _time(event)
    return durations.shown(facts.now - found) if found != _LONG_AGO else ""


def _evidence(facts: Facts, events: Sequence[Body], lacks: Sequence[UnmetPod]) -> Iterator[Evidence]:
    for event in events:
        source = f"Event {bodies.text(event, 'reason')}"
        yield Evidence(source, _age(facts, event), bodies.text(event, "message"))
    for each in lacks:
        yield Evidence("NodeNetworkInventory unmetPods", "", f"{each.reason}: {each.message}")


def _verdict(
    pod: Body,
    requested: Sequence[PodNetwork],
    causes: Sequence[Failure],
    *,
    attached: bool,
    ended: bool,
) -> str:
    if ended:
        return "the pod has ended; its networks are released"
    if not requested and not causes:
        return "the pod asks for no secondary networks"
    if attached and not causes:
        return f"the pod has all {len(requested)} networks that it asks for"
    if not causes:
        return "the pod is not attached, and nothing says why"
    lacking = sum(not each.ready for each in requested)
    how = "not attached" if bodies.text(pod, "status", "phase") != "Running" else "running without"
    return f"{how}: {lacking} of {len(requested)} networks; {causes[0].cause}"


def _notes(
    facts: Facts, requested: Sequence[PodNetwork], causes: Sequence[Failure], *, attached: bool
) -> Iterator[str]:
    if facts.known and requested and not attached and not causes:
        yield "Events are kept for an hour; the daemon's log has older ones, and so has the runtime's: journalctl -u containerd"

"""A pod that is about to be created: what admission says and changes, and what each node would do with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from netattach_cli.ask import bodies
from netattach_cli.networks import on_nodes
from netattach_cli.simulate import interfaces
from netattach_cli.simulate.inputs import Facts
from netattach_cli.simulate.interfaces import InterfaceData
from netattach_cli.simulate.networks import FindingData, is_refused, shown
from netattach_cli.simulate.sources import PodOfFile
from netattach_core import admission
from netattach_core.admission import RequestedNetworks
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_core.api.objects import Body, Key
from netattach_core.mutation import device_requests, node_affinity, pod_networks
from netattach_core.policy import requests
from netattach_core.policy.case import PodCase, Surroundings
from netattach_core.readiness.reason import Code, Reason
from netattach_core.text import finding_line
from netattach_core.text.finding import Finding, Severity
from netattach_kube.cluster_settings import DeviceInjection, Scheduling

_RuledOut = Mapping[Key, Mapping[str, Reason]]


@dataclass(frozen=True, slots=True)
class PodOnNode:
    """`outcome` is "attached", "kept off", "fails" or "not selected"; `reasons` say why, network by network."""

    node: str
    outcome: str
    reasons: Sequence[str]


@dataclass(frozen=True, slots=True)
class SimulatedPod:
    """`changes` are what the mutating webhook would add, in words. `nodes` are empty where nothing is known of them.

    `problem`: why no node would attach it; also that a workload is admitted, and its pods are refused.
    """

    kind: str
    pod: str
    admitted: bool
    findings: Sequence[FindingData]
    changes: Sequence[str]
    interfaces: Sequence[InterfaceData]
    routes: str
    problem: str
    nodes: Sequence[PodOnNode]


def simulate(pod: PodOfFile, facts: Facts) -> SimulatedPod:
    """As webhooks, scheduler and daemons would decide; the scheduler's other constraints are not known."""
    settings, nads = facts.settings.validation, facts.nads()
    asked = admission.validate_pod(pod.body, None, pod.namespace, settings)
    attached = [
        nads[key] for key in pod_networks.of_pod(pod.body, pod.namespace, settings.selection) if key in nads
    ]
    ruled_out = _ruled_out(attached, facts)
    weighted = admission.apply_severities(
        _findings(pod, asked, nads, ruled_out, facts), settings, pod.namespace
    )
    findings, text = admission.with_text(weighted, pod.body)
    pods_refused = "" if pod.kind == "Pod" else _pods_refused(findings, text)
    findings = findings if pod.kind == "Pod" else [_as_warning(each) for each in findings]
    first = next((facts.inventories[each] for each in sorted(facts.inventories)), None)
    found = interfaces.of_pod(bodies.annotations_of(pod.body), pod.namespace, settings.selection, nads, first)
    admitted = not is_refused(findings)
    problem = pods_refused or found.problem
    return SimulatedPod(
        pod.kind,
        f"{pod.namespace}/{pod.name}",
        admitted,
        shown(findings, text),
        _changes(pod, attached, facts),
        found.interfaces,
        found.routes,
        problem,
        _nodes(pod, ruled_out, facts, problem) if admitted and facts.nodes.known else [],
    )


def _findings(
    pod: PodOfFile,
    asked: RequestedNetworks,
    nads: Mapping[Key, Nad],
    ruled_out: _RuledOut,
    facts: Facts,
) -> list[Finding]:
    """Those of the validating webhook, with the same functions in the same order."""
    settings = facts.settings.validation
    visible = {key: nad for key, nad in nads.items() if settings.selection.reaches(pod.namespace, key[0])}
    missing = [
        key
        for key in asked.networks
        if key not in visible and settings.selection.reaches(pod.namespace, key[0])
    ]
    if facts.networks_known:
        unknown = admission.unknown_networks(missing, visible.keys(), pod.namespace)
    else:
        unknown = admission.unverified_networks(missing, "the networks cannot be read")
    findings = [*asked.findings, *unknown]
    findings += admission.validate_requests(asked.selections, visible)
    if asked.default is not None:
        findings += _of_default(pod, asked, nads, facts)
    if asked.selections or asked.default:
        around = Surroundings(list(facts.inventories.values()), settings.networks)
        known = {key: nad for key, nad in visible.items() if key in asked.networks}
        if asked.default and asked.default.key in nads:
            known[asked.default.key] = nads[asked.default.key]
        case = PodCase(facts.policy(pod.namespace), asked.selections, asked.default, known, around)
        findings += requests.check(case)
    possible = admission.possible_nodes(pod.body, facts.inventories)
    findings += admission.validate_nodes(ruled_out, possible, pod.namespace)
    if pod.kind != "Pod":
        findings += _of_owner(pod, asked, visible, facts)
    elif facts.settings.device_injection is not DeviceInjection.ON:
        findings += admission.validate_devices(pod.body, asked.selections, visible)
    return findings


def _of_owner(
    pod: PodOfFile, asked: RequestedNetworks, nads: Mapping[Key, Nad], facts: Facts
) -> Iterator[Finding]:
    """Of a workload: whether there are addresses for all its pods, and annotations that are at the wrong place."""
    nodes = len(facts.inventories)
    replicas = admission.template_replicas(pod.kind, pod.owner, nodes)
    yield from admission.validate_capacity(asked.selections, nads, replicas, nodes)
    yield from admission.validate_owner(pod.owner, pod.body)


def _of_default(
    pod: PodOfFile, asked: RequestedNetworks, nads: Mapping[Key, Nad], facts: Facts
) -> list[Finding]:
    selection, default = facts.settings.validation.selection, asked.default
    if default is None:
        return []
    findings: list[Finding] = []
    if default.key not in nads and default.namespace == selection.namespace:
        primaries = {each.primary.name for each in facts.inventories.values() if each.primary}
        findings += admission.unknown_default_file(default, primaries)
    elif default.key not in nads:
        findings += admission.unknown_default_network(default, nads.keys(), pod.namespace)
    return [*findings, *admission.validate_requests([default], nads, DEFAULT_NETWORK)]


def _pods_refused(findings: Sequence[Finding], text: str) -> str:
    """Why the pods of a workload would be refused; "" where they would not."""
    first = next((each for each in findings if is_refused([each])), None)
    if first is None:
        return ""
    return f"its pods would be refused: {finding_line.cut(finding_line.line(first, text))}"


def _as_warning(finding: Finding) -> Finding:
    """A workload is admitted, and its pods are refused."""
    denies = finding.effective_severity is Severity.DENY
    return dataclasses.replace(finding, severity=Severity.WARN) if denies else finding


def _ruled_out(attached: Sequence[Nad], facts: Facts) -> dict[Key, dict[str, Reason]]:
    """By network, the nodes on which it is not ready, each with the first reason."""
    found: dict[Key, dict[str, Reason]] = {}
    for nad in attached:
        key = nad.namespace, nad.name
        on = on_nodes.of_network(facts.networks[key], facts.nodes)
        found[key] = {
            each.node: Reason(Code(each.reasons[0].reason), each.reasons[0].message)
            for each in on
            if not each.ready and each.reasons
        }
    return found


def _changes(pod: PodOfFile, attached: Sequence[Nad], facts: Facts) -> list[str]:
    body: Body = dict(pod.body)
    found = []
    if facts.settings.scheduling is Scheduling.ON and attached:
        expressions = node_affinity.expressions(list(attached))
        if node_affinity.patch(body, expressions):
            terms = ", ".join(_expression(each) for each in expressions)
            found.append(f"required node affinity: {terms}")
    if facts.settings.device_injection is DeviceInjection.ON:
        change = device_requests.plan(body, attached)
        devices = ", ".join(f"{name}: {count}" for name, count in change.added.items())
        if devices:
            found.append(f"requests and limits of container {change.container!r}: {devices}")
        found += change.problems
    return found


def _expression(each: Mapping[str, object]) -> str:
    values = each.get("values")
    shown_values = f" ({', '.join(map(str, values))})" if isinstance(values, list) else ""
    return f"{each.get('key')} {each.get('operator')}{shown_values}"


def _nodes(pod: PodOfFile, ruled_out: _RuledOut, facts: Facts, problem: str) -> list[PodOnNode]:
    possible = set(admission.possible_nodes(pod.body, facts.inventories))
    keeps_off = facts.settings.scheduling is Scheduling.ON
    found = []
    for name in sorted(map(bodies.name, facts.nodes.nodes)):
        reasons = [
            f"{'/'.join(key)}: {by_node[name].code}: {by_node[name].message}"
            for key, by_node in ruled_out.items()
            if name in by_node
        ]
        if name in facts.inventories and name not in possible:
            found.append(
                PodOnNode(name, "not selected", ["the pod's nodeName or nodeSelector leaves it out"])
            )
        elif problem:
            found.append(PodOnNode(name, "fails", [problem]))
        elif reasons:
            found.append(PodOnNode(name, "kept off" if keeps_off else "fails", reasons))
        else:
            found.append(PodOnNode(name, "attached", []))
    return found

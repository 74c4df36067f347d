"""A NetworkAttachmentDefinition that is about to be applied: what admission says, and on which nodes it would be ready."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netattach_cli.ask import bodies
from netattach_cli.networks import on_nodes
from netattach_cli.networks.on_nodes import OnNode
from netattach_cli.simulate.inputs import Facts
from netattach_core import admission
from netattach_core.api.objects import Body
from netattach_core.text import finding_line
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.footprint_index import FootprintIndex


@dataclass(frozen=True, slots=True)
class FindingData:
    """`severity` is deny or warn; `text` has the place, the problem and the fix."""

    severity: str
    rule: str
    text: str


@dataclass(frozen=True, slots=True)
class SimulatedNetwork:
    """`changes`: the network exists already, and `pods` are attached to it: they keep what they have.

    `admitted` is false where a finding refuses it; then it is ready on no node.
    """

    network: str
    changes: bool
    pods: int
    admitted: bool
    findings: Sequence[FindingData]
    nodes: Sequence[OnNode]


def simulate(body: Body, facts: Facts) -> SimulatedNetwork:
    """As the webhook and the operator would decide."""
    namespace, name = bodies.namespace(body), bodies.name(body)
    before = facts.networks.get((namespace, name))
    findings = admission.validate_nad(
        body,
        before,
        [facts.inventories[each] for each in sorted(facts.inventories)],
        footprints=FootprintIndex(nad for key, nad in facts.nads().items() if key != (namespace, name)),
        settings=facts.settings.validation,
        policy=facts.policy(namespace),
    )
    if admission.change_depends_on_users(body, before, findings):
        users = facts.users((namespace, name))
        findings += admission.validate_nad_change(body, users, facts.settings.validation)
    config = bodies.text(body, "spec", "config")
    admitted = not is_refused(findings)
    nodes = on_nodes.of_network(body, facts.nodes) if admitted and facts.nodes.known else []
    return SimulatedNetwork(
        f"{namespace}/{name}",
        before is not None,
        bodies.number(before, "status", "pods"),
        admitted,
        shown(findings, config),
        nodes,
    )


def is_refused(findings: Iterable[Finding]) -> bool:
    return any(each.effective_severity is Severity.DENY for each in findings)


def shown(findings: Iterable[Finding], config: str = "") -> list[FindingData]:
    """Those that a user sees: not what is for the audit log only, or off."""
    return [
        FindingData(
            each.effective_severity.value, each.rule.id, finding_line.cut(finding_line.line(each, config))
        )
        for each in findings
        if each.effective_severity in {Severity.DENY, Severity.WARN}
    ]

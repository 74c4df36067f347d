"""NADs for the validator's tests: valid ones, of which a test changes one thing, and checks of the findings."""

from __future__ import annotations

import json
from typing import Any

from netattach_core.api.inventory import NodeInventory
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.validator import validate

STATIC = {"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
HOST_LOCAL = {"type": "host-local", "subnet": "10.1.2.0/24"}


def nad(config: Any, **annotations: str) -> dict[str, Any]:
    """A NAD with this CNI config: a string unchanged, anything else as JSON."""
    text = config if isinstance(config, str) or config is None else json.dumps(config)
    return {
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"namespace": "lab", "name": "net", "annotations": annotations},
        "spec": {"config": text},
    }


def config(kind: str, **keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "type": kind, **keys}


def macvlan(**keys: Any) -> dict[str, Any]:
    return config("macvlan", **{"master": "eth1", "ipam": STATIC, **keys})


def bridge(**keys: Any) -> dict[str, Any]:
    return config("bridge", **{"bridge": "br1", "ipam": HOST_LOCAL, **keys})


def ranged(**keys: Any) -> dict[str, Any]:
    """A bridge with host-local."""
    return bridge(ipam={**HOST_LOCAL, **keys})


def ids(findings: list[Finding]) -> set[str]:
    return {finding.rule.id for finding in findings}


def validated(config: Any, inventories: list[NodeInventory] | None = None) -> list[Finding]:
    return validate(nad(config), inventories)


def validated_as_written(config: Any) -> list[Finding]:
    """The findings in a CNI config, or in a whole NAD."""
    return validate(config if isinstance(config, dict) and "spec" in config else nad(config))


def assert_fires(rule: str, config: Any) -> None:
    """Asserts that the rule has findings, with a problem and a fix."""
    findings = [finding for finding in validated_as_written(config) if finding.rule.id == rule]

    assert {rule} == ids(findings)
    assert all(finding.problem and finding.fix for finding in findings)


RuleCase = tuple[str, Severity, str, Any, Any]
"""A rule, its severity, a description, a config that breaks the rule, and a similar one that does not."""


def assert_rule_case(case: RuleCase) -> None:
    """The rule reports the bad config with this severity, and does not report the good one."""
    rule, severity, _, bad, good = case
    assert_fires(rule, bad)
    assert {severity} == severities(rule, bad)
    assert rule not in ids(validated_as_written(good))


def severities(rule: str, config: Any) -> set[Severity]:
    """The severities of a rule's findings about a config."""
    return {finding.effective_severity for finding in validated_as_written(config) if finding.rule.id == rule}

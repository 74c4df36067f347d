"""The default-network annotation by level."""

from __future__ import annotations

from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from unit.core.policy.pod_requests import BASELINE, RESTRICTED, asked, rules


def test_a_restricted_pod_keeps_the_nodes_default_network() -> None:
    (finding,) = asked(RESTRICTED, default="lab/other")

    assert "policy-default-network" == finding.rule.id
    assert ("v1.multus-cni.io/default-network",) == finding.path
    assert "policy.namespaces" in finding.fix


def test_a_name_of_the_nodes_files_is_no_exception() -> None:
    assert ["policy-default-network"] == rules(asked(RESTRICTED, default="cbr0"))


def test_baseline_admits_another_default_network_and_audits_it_where_restricted_is_audited() -> None:
    assert [] == asked(BASELINE, default="lab/other")
    audited = NamespacePolicy("lab", enforce=Level.BASELINE, audit=Level.RESTRICTED)
    (finding,) = asked(audited, default="lab/other")
    assert "audit" == finding.effective_severity


def test_a_restricted_pod_without_the_annotation_is_admitted() -> None:
    assert [] == asked(RESTRICTED, "net", default=" ")

"""`netattach rules`: the list of rules, and what is said of one."""

from __future__ import annotations

import json

import pytest

from netattach_cli import rule_pages
from netattach_cli.lint.rules import ALL_RULES
from unit.cli.samples import Netattach


def test_all_rules_are_listed_with_their_severity(netattach: Netattach) -> None:
    status, out, err = netattach("rules")

    assert (0, "") == (status, err)
    assert [(rule.id, rule.severity.value) for rule in ALL_RULES] == [
        tuple(line.split()[:2]) for line in out.splitlines()
    ]


def test_a_pattern_lists_the_rules_that_match(netattach: Netattach) -> None:
    listed = [line.split()[0] for line in netattach("rules", "pod-*", "schema")[1].splitlines()]

    assert "schema" in listed
    assert all(rule.startswith("pod-") or rule == "schema" for rule in listed)
    assert len(listed) > 10


def test_a_rule_is_explained_with_an_example_and_its_finding(netattach: Netattach) -> None:
    status, out, _ = netattach("rules", "pod-field-misspelt")

    assert 0 == status
    assert out.startswith("pod-field-misspelt (warn): a field of a network selection that is not read")
    assert '[{"name": "net", "interfaceName": "lan"}]\n' in out
    assert "did you mean `interface`?" in out
    assert "--severity pod-field-misspelt=off" in out
    assert "```" not in out
    assert out.endswith(f"{rule_pages.url('pod-field-misspelt')}\n")


def test_what_decides_on_a_rule_of_policy_is_said(netattach: Netattach) -> None:
    out = netattach("rules", "policy-too-many-plugins")[1]

    assert "The policy of the namespace decides on its severity." in out
    assert "--severity" not in out


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.id)
def test_each_rule_has_a_page(rule: object) -> None:
    assert rule_pages.page(getattr(rule, "id", "")).startswith("**")


def test_programs_get_json(netattach: Netattach) -> None:
    listed = json.loads(netattach("rules", "-o", "json")[1])
    (one,) = json.loads(netattach("rules", "-o", "json", "schema")[1])

    assert len(ALL_RULES) == len(listed)
    assert {"id", "severity", "summary", "policy", "url", "page"} == set(one)
    assert {"id", "severity", "summary", "policy", "url"} == set(listed[0])


def test_an_unknown_rule_is_an_error(netattach: Netattach) -> None:
    status, out, err = netattach("rules", "shema")

    assert (2, "") == (status, out)
    assert "error: there is no rule `shema`; did you mean `schema`?\n" == err

"""docs/rules.md equals the validator's rules and findings; `make rules`, or NETATTACH_WRITE_RULES=1, generates it again."""

from __future__ import annotations

import logging
import os
from collections import Counter

import pytest

from netattach_core.text.finding import Finding
from support import scripts

rules = scripts.load("rules")


@pytest.fixture(scope="module")
def findings() -> dict[str, list[Finding]]:
    """The findings for each example. One example has an unavailable API server, so warnings are not logged."""
    logging.disable(logging.WARNING)
    try:
        validated: dict[str, list[Finding]] = rules.validated()
    finally:
        logging.disable(logging.NOTSET)
    return validated


def test_rule_ids_are_unique() -> None:
    counts = Counter(rule.id for rule in rules.RULES)

    assert len(counts) > 80
    assert {} == {rule: count for rule, count in counts.items() if count > 1}


def test_every_rule_has_an_example_and_every_example_a_rule() -> None:
    problems = list(rules.problems())

    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("rule", rules.examples())
def test_an_example_violates_its_rule(rule: str, findings: dict[str, list[Finding]]) -> None:
    found = sorted({finding.rule.id for finding in findings[rule]})

    assert rule in found, f"docs/rules/examples/{rule}.yaml does not violate {rule} but {found or 'no rule'}"


def test_an_example_violates_at_most_one_other_rule(findings: dict[str, list[Finding]]) -> None:
    others = {rule: {each.rule.id for each in found} - {rule} for rule, found in findings.items()}

    assert {} == {rule: more for rule, more in others.items() if len(more) > 1}


def test_the_page_is_up_to_date() -> None:
    if list(rules.problems()):
        pytest.fail("some rules have no example")
    page, packaged = rules.page(), rules.packaged()
    if os.environ.get("NETATTACH_WRITE_RULES"):
        rules.PAGE.write_text(page)
        rules.PACKAGED.write_text(packaged)

    assert page == rules.PAGE.read_text(), "docs/rules.md is not up to date: run `make rules`"
    assert packaged == rules.PACKAGED.read_text(), (
        "the text of `netattach rules` is not up to date: run `make rules`"
    )

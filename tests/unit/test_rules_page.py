"""The page of rules says what the validator says; NETATTACH_WRITE_RULES=1, or `make rules`, writes it anew."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
from collections import Counter
from types import ModuleType

import pytest

from netattach_core.text.finding import Finding
from support import require


def _tool() -> ModuleType:
    """tools/rules.py, which is in no package."""
    spec = importlib.util.spec_from_file_location("tools_rules", require.REPOSITORY / "tools/rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclasses look for their module there
    spec.loader.exec_module(module)
    return module


rules = _tool()


@pytest.fixture(scope="module")
def said() -> dict[str, list[Finding]]:
    """Of each example. That an API server is away is what one of them is about."""
    logging.disable(logging.WARNING)
    try:
        validated: dict[str, list[Finding]] = rules.validated()
    finally:
        logging.disable(logging.NOTSET)
    return validated


def test_every_rule_has_an_id_of_its_own() -> None:
    counts = Counter(rule.id for rule in rules.RULES)

    assert len(counts) > 80
    assert {} == {rule: count for rule, count in counts.items() if count > 1}


def test_every_rule_has_an_example_and_every_example_a_rule() -> None:
    problems = list(rules.problems())

    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("rule", rules.examples())
def test_an_example_breaks_its_rule(rule: str, said: dict[str, list[Finding]]) -> None:
    there = sorted({finding.rule.id for finding in said[rule]})

    assert rule in there, f"docs/rules/examples/{rule}.yaml does not break {rule}, but {there or 'no rule'}"


def test_an_example_breaks_little_else(said: dict[str, list[Finding]]) -> None:
    """A page of accidents would teach nothing."""
    others = {rule: {each.rule.id for each in found} - {rule} for rule, found in said.items()}

    assert {} == {rule: more for rule, more in others.items() if len(more) > 1}


def test_the_page_says_what_the_validator_says() -> None:
    if list(rules.problems()):
        pytest.fail("some rule has no example yet")
    page = rules.page()
    if os.environ.get("NETATTACH_WRITE_RULES"):
        rules.PAGE.write_text(page)

    assert page == rules.PAGE.read_text(), "docs/rules.md is not what the rules say: make rules"

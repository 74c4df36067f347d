"""Findings as kubectl prints them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.text.finding import Finding, Rule, Severity
from netattach_webhooks import messages

DENY = Rule("master-default-interface", Severity.DENY, "")
WARN = Rule("key-misspelt", Severity.WARN, "")
CONFIG = '{\n  "type": "macvlan",\n  "master": "eth0"\n}'
DENIED = Finding(DENY, ("master",), "eth0 is the node's own", "use eth1", CONFIG.index('"master"'))
WARNED = Finding(WARN, ("plugins", 0, "mod"), "`mod` has no effect", "did you mean `mode`?")


def test_a_denial_has_a_line_and_an_excerpt_for_each_finding() -> None:
    assert messages.denial("NetworkAttachmentDefinition default/net", [DENIED, WARNED], CONFIG).split(
        "\n"
    ) == [
        "",
        "NetworkAttachmentDefinition default/net is refused, 2 findings:",
        (
            "  deny [master-default-interface] master (line 3, column 3): eth0 is the node's own. "
            "Fix: use eth1"
        ),
        '      3 |   "master": "eth0"',
        "        |   ^",
        "  warn [key-misspelt] plugins[0].mod: `mod` has no effect. Fix: did you mean `mode`?",
    ]


def test_one_finding_is_singular() -> None:
    assert "is refused, 1 finding:" in messages.denial("Pod a/b", [DENIED])


def test_a_warning_is_one_line_with_the_fix() -> None:
    expected = "[key-misspelt] plugins[0].mod: `mod` has no effect; fix: did you mean `mode`?"

    assert [expected] == messages.warnings([WARNED])


def test_a_rule_that_is_off_is_not_reported() -> None:
    off = Finding(DENY, (), "no matter", "", severity=Severity.OFF)

    assert [] == messages.warnings([off])
    assert "no matter" not in messages.denial("Pod a/b", [DENIED, off])


def test_a_long_warning_is_cut_after_a_word() -> None:
    (line,) = messages.warnings([Finding(WARN, (), "word " * 100, "")])

    assert len(line) <= 256
    assert line.endswith(" word…")


def test_a_warning_of_one_long_word_is_cut_too() -> None:
    (line,) = messages.warnings([Finding(WARN, (), "x" * 1000, "")])

    assert 256 == len(line)


@pytest.mark.parametrize("count", [40, 1000])
def test_warnings_that_do_not_fit_are_counted(count: int) -> None:
    lines = messages.warnings([Finding(WARN, (), "word " * 40, "")] * count)

    assert sum(map(len, lines)) <= 4096
    assert lines[-1] == f"and {count - len(lines) + 1} more; `netattach lint` reports all"


def test_findings_that_do_not_fit_are_counted() -> None:
    text = messages.denial("Pod a/b", [DENIED] * 1000, CONFIG)

    assert len(text) < 8100
    assert "1000 findings:" in text
    assert text.split("\n")[-1] == f"  and {1000 - text.count('deny [')} more; `netattach lint` reports all"


@given(st.text(), st.text(), st.text(alphabet=st.characters(), max_size=30))
def test_messages_have_no_control_characters(problem: str, fix: str, key: str) -> None:
    for rule in (DENY, WARN):
        found = [Finding(rule, (key,), problem, fix)]
        lines = [*messages.denial("Pod a/b", found).split("\n")[2:], *messages.warnings(found)]

        assert all(line.isprintable() for line in lines)
        assert len(lines) == (1 if rule is DENY else 2)


def test_line_breaks_and_lone_surrogates_are_replaced() -> None:
    finding = Finding(WARN, ("a\nb",), "one\r\n two\x1b[31m \ud800", "three")

    assert [r"[key-misspelt] a b: one two\x1b[31m \ud800; fix: three"] == messages.warnings([finding])

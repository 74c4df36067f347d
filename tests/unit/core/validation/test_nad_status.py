"""The status of a NAD, from what the validator found."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import nad_status
from netattach_core.validation.validator import RULES, validate
from support.validation import HOST_LOCAL, bridge, macvlan, nad

DENIED = Rule("master-missing-on-node", Severity.DENY, "")
WARNED = Rule("key-misspelt", Severity.WARN, "")
NOW, EARLIER = "2026-11-24T10:00:00Z", "2026-01-01T00:00:00Z"
SOUND = json.dumps(macvlan())


def deny(problem: str = "eth9 is nowhere") -> Finding:
    return Finding(DENIED, ("plugins", 0, "master"), problem, "use eth1")


def warn(problem: str = "nobody reads `mod`") -> Finding:
    return Finding(WARNED, ("mod",), problem, "did you mean `mode`?")


def status(found: nad_status.Summary, before: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    return nad_status.status(found, before or {}, **{"generation": 3, "pods": 2, "now": NOW, **keys})


def test_a_sound_config_is_valid() -> None:
    found = nad_status.summarize(SOUND, [])

    assert (True, "Valid", "valid") == (found.valid, found.reason, found.message)


def test_warnings_leave_it_valid_and_are_told() -> None:
    found = nad_status.summarize(SOUND, [warn()])

    assert (True, "ValidWithWarnings") == (found.valid, found.reason)
    assert "valid, with 1 warning: mod: nobody reads `mod` (did you mean `mode`?)" == found.message


def test_a_denial_gives_the_reason_and_all_that_is_wrong() -> None:
    found = nad_status.summarize(SOUND, [deny(), warn(), warn("again")])

    assert (False, "MasterMissingOnNode") == (found.valid, found.reason)
    assert "plugins[0].master: eth9 is nowhere (use eth1); mod: " == found.message[:52]
    assert found.message.endswith("mod: again (did you mean `mode`?)")


def test_a_rule_that_is_off_is_not_told() -> None:
    off = Finding(DENIED, (), "no matter", "", severity=Severity.OFF)

    assert "valid" == nad_status.summarize(SOUND, [off]).message


def test_ten_reasons_are_told_and_the_others_counted() -> None:
    message = nad_status.summarize(SOUND, [warn() for _ in range(13)]).message

    assert message.startswith("valid, with 13 warnings: ")
    assert 10 == message.count("nobody reads")
    assert message.endswith("; and 3 more; `netattach lint` tells all")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rules_name_makes_a_reason_that_kubernetes_takes(rule: Rule) -> None:
    """metav1.Condition's pattern."""
    reason = nad_status.summarize("", [Finding(rule, (), "", "", severity=Severity.DENY)]).reason

    assert re.fullmatch(r"[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", reason)


@pytest.mark.parametrize(
    ("config", "plugins", "ipam"),
    [
        pytest.param(bridge(), "bridge", "host-local", id="one plugin"),
        pytest.param(
            {"cniVersion": "1.0.0", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, {"type": "tuning"}]},
            "bridge,tuning",
            "host-local",
            id="a chain",
        ),
        pytest.param({"type": "tap"}, "tap", "", id="no IPAM"),
        pytest.param(
            {"plugins": [{"type": "cnv-bridge"}, {"type": "cnv-tuning"}]},
            "cnv-bridge,cnv-tuning",
            "",
            id="other names of plugins",
        ),
        pytest.param({"plugins": [{"name": "no type"}, 3]}, "", "", id="plugins that are none"),
        pytest.param("", "", "", id="found by name on the node"),
        pytest.param(None, "", "", id="absent"),
        pytest.param("{,}", "", "", id="no JSON"),
        pytest.param("[]", "", "", id="no object"),
    ],
)
def test_the_types_of_plugins_and_ipam_are_named(config: Any, plugins: str, ipam: str) -> None:
    """They are columns of `kubectl get`."""
    found = nad_status.summarize(nad(config)["spec"]["config"], [])

    assert (plugins, ipam) == (found.plugins, found.ipam)


def test_the_whole_status() -> None:
    assert {
        "observedGeneration": 3,
        "plugins": "macvlan",
        "ipam": "static",
        "pods": 2,
        "conditions": [
            {
                "type": "Valid",
                "status": "True",
                "reason": "Valid",
                "message": "valid",
                "observedGeneration": 3,
                "lastTransitionTime": NOW,
            }
        ],
    } == status(nad_status.summarize(SOUND, []))


def test_the_time_is_that_of_the_last_change_between_valid_and_not() -> None:
    before = status(nad_status.summarize(SOUND, []), now=EARLIER)
    warned = status(nad_status.summarize(SOUND, [warn()]), before)
    denied = status(nad_status.summarize(SOUND, [deny()]), before)

    assert [EARLIER, NOW] == [s["conditions"][0]["lastTransitionTime"] for s in (warned, denied)]


def test_other_peoples_conditions_and_fields_are_kept() -> None:
    """A merge patch replaces the whole list."""
    ready = {"type": "Ready", "status": "False"}
    before = {"nodes": {"ready": 1, "total": 2}, "conditions": [ready, {"type": "Valid", "status": "False"}]}

    after = status(nad_status.summarize(SOUND, []), before)

    assert ["Valid", "Ready"] == [one["type"] for one in after["conditions"]]
    assert ready == after["conditions"][1]
    assert {"ready": 1, "total": 2} == after["nodes"]


def test_the_count_of_pods_stands_until_it_is_known() -> None:
    """Ours may be a process that has just begun."""
    found = nad_status.summarize(SOUND, [])

    assert 7 == status(found, {"pods": 7}, pods=None)["pods"]
    assert "pods" not in status(found, pods=None)


def test_what_has_not_changed_is_not_written() -> None:
    found = nad_status.summarize(SOUND, [])
    before = status(found, now=EARLIER)

    assert {} == nad_status.changes(before, status(found, before))
    assert {"pods": 5} == nad_status.changes(before, status(found, before, pods=5))


def test_a_text_comes_back_from_the_api_as_it_went_there() -> None:
    """Half a character would come back as another one, and be written again for ever."""
    assert "a?" == nad_status.summarize('{"type": "a\\ud800"}', []).plugins


TEXT = st.text(max_size=600)


@given(st.lists(st.builds(Finding, st.sampled_from([DENIED, WARNED]), st.just(()), TEXT, TEXT), max_size=14))
def test_a_status_never_has_more_than_two_kilobytes(findings: list[Finding]) -> None:
    chain = json.dumps(
        {"plugins": [{"type": "\N{SNOWMAN}\n" * 20, "ipam": {"type": f"x{n}"}} for n in range(40)]}
    )

    after = status(nad_status.summarize(chain, findings), generation=2**62, pods=2**31)

    assert nad_status.LONGEST >= len(json.dumps(after, ensure_ascii=False).encode(errors="replace"))


def test_the_validator_and_the_status_agree() -> None:
    """All of the validator's words go through it."""
    body = nad("{'type': 'macvlan'}")

    found = nad_status.summarize(body["spec"]["config"], validate(body))

    assert (False, "JsonSyntax") == (found.valid, found.reason)
    assert found.message.startswith("config: ")

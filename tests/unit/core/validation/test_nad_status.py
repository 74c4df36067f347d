"""The status of a NAD, from its findings."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.policy import permission
from netattach_core.readiness import nad_nodes
from netattach_core.readiness.index import Readiness, Shortfall
from netattach_core.readiness.reason import Code, Reason
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


def warn(problem: str = "`mod` is not read") -> Finding:
    return Finding(WARNED, ("mod",), problem, "did you mean `mode`?")


def status(found: nad_status.Summary, before: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
    return nad_status.status(found, before or {}, **{"generation": 3, "pods": 2, "now": NOW, **keys})


def test_a_config_without_findings_is_valid() -> None:
    found = nad_status.summarize(SOUND, [])

    assert (True, "Valid", "valid") == (found.verdict.holds, found.verdict.reason, found.verdict.message)


def test_a_config_with_warnings_is_valid_and_the_message_contains_them() -> None:
    found = nad_status.summarize(SOUND, [warn()])

    assert (True, "ValidWithWarnings") == (found.verdict.holds, found.verdict.reason)
    assert "valid, with 1 warning: mod: `mod` is not read (did you mean `mode`?)" == found.verdict.message


def test_the_first_denial_is_the_reason_and_the_message_contains_all_findings() -> None:
    found = nad_status.summarize(SOUND, [deny(), warn(), warn("again")])

    assert (False, "MasterMissingOnNode") == (found.verdict.holds, found.verdict.reason)
    assert "plugins[0].master: eth9 is nowhere (use eth1); mod: " == found.verdict.message[:52]
    assert found.verdict.message.endswith("mod: again (did you mean `mode`?)")


def test_a_finding_of_a_rule_that_is_off_is_not_in_the_message() -> None:
    off = Finding(DENIED, (), "no matter", "", severity=Severity.OFF)

    assert "valid" == nad_status.summarize(SOUND, [off]).verdict.message


def test_the_message_contains_ten_findings_and_the_number_of_the_others() -> None:
    message = nad_status.summarize(SOUND, [warn() for _ in range(13)]).verdict.message

    assert message.startswith("valid, with 13 warnings: ")
    assert 10 == message.count("is not read")
    assert message.endswith("; and 3 more; `netattach lint` shows all")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_each_rule_id_becomes_a_valid_reason(rule: Rule) -> None:
    """The pattern of metav1.Condition."""
    reason = nad_status.summarize("", [Finding(rule, (), "", "", severity=Severity.DENY)]).verdict.reason

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
            id="aliases of plugins",
        ),
        pytest.param({"plugins": [{"name": "no type"}, 3]}, "", "", id="plugins without a type"),
        pytest.param("", "", "", id="empty, with a file on the node"),
        pytest.param(None, "", "", id="absent"),
        pytest.param("{,}", "", "", id="not JSON"),
        pytest.param("[]", "", "", id="not an object"),
    ],
)
def test_the_types_of_plugins_and_ipam(config: Any, plugins: str, ipam: str) -> None:
    """They are columns of `kubectl get`."""
    found = nad_status.summarize(nad(config)["spec"]["config"], [])

    assert (plugins, ipam) == (found.plugins, found.ipam)


def test_a_complete_status() -> None:
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


def test_the_transition_time_changes_only_with_the_status_of_the_condition() -> None:
    before = status(nad_status.summarize(SOUND, []), now=EARLIER)
    warned = status(nad_status.summarize(SOUND, [warn()]), before)
    denied = status(nad_status.summarize(SOUND, [deny()]), before)

    assert [EARLIER, NOW] == [s["conditions"][0]["lastTransitionTime"] for s in (warned, denied)]


def test_conditions_and_fields_of_other_controllers_are_kept() -> None:
    """A merge patch replaces the whole list."""
    ready = {"type": "Ready", "status": "False"}
    before = {"nodes": {"ready": 1, "total": 2}, "conditions": [ready, {"type": "Valid", "status": "False"}]}

    after = status(nad_status.summarize(SOUND, []), before)

    assert ["Valid", "Ready"] == [one["type"] for one in after["conditions"]]
    assert ready == after["conditions"][1]
    assert {"ready": 1, "total": 2} == after["nodes"]


def test_the_number_of_pods_is_kept_until_it_is_known() -> None:
    """The operator may have just started."""
    found = nad_status.summarize(SOUND, [])

    assert 7 == status(found, {"pods": 7}, pods=None)["pods"]
    assert "pods" not in status(found, pods=None)


def test_the_patch_contains_only_changed_fields() -> None:
    found = nad_status.summarize(SOUND, [])
    before = status(found, now=EARLIER)

    assert {} == nad_status.changes(before, status(found, before))
    assert {"pods": 5} == nad_status.changes(before, status(found, before, pods=5))


def test_lone_surrogates_are_replaced() -> None:
    """The API server would replace them, and the operator would write the status again and again."""
    assert "a?" == nad_status.summarize('{"type": "a\\ud800"}', []).plugins


TEXT = st.text(max_size=600)


SHORTFALLS = st.lists(
    st.builds(
        Shortfall,
        st.builds(Reason, st.sampled_from(Code), TEXT),
        st.integers(1, 5000),
        st.lists(st.text(max_size=253), min_size=1, max_size=3).map(tuple),
    ),
    max_size=14,
)


@given(
    st.lists(st.builds(Finding, st.sampled_from([DENIED, WARNED]), st.just(()), TEXT, TEXT), max_size=14),
    SHORTFALLS,
)
def test_a_status_has_at_most_two_kilobytes(findings: list[Finding], lacking: list[Shortfall]) -> None:
    chain = json.dumps(
        {"plugins": [{"type": "\N{SNOWMAN}\n" * 20, "ipam": {"type": f"x{n}"}} for n in range(40)]}
    )
    found = Readiness(5000, 0 if lacking else 5000, tuple(lacking))

    after = status(
        nad_status.summarize(chain, findings),
        also=[permission.verdict(findings), nad_nodes.verdict(found)],
        generation=2**62,
        pods=2**31,
        observed={"nodes": nad_nodes.nodes(found), "outdatedPods": 2**31},
    )

    assert nad_status.MAX_BYTES >= len(json.dumps(after, ensure_ascii=False).encode(errors="replace"))
    assert {"ready", "total", "summary", "reasons"} == after["nodes"].keys()


def test_reasons_about_nodes_give_way_to_the_conditions() -> None:
    """The first ones are in the message of the condition Ready, too."""
    reason = Reason(Code.PLUGIN_MISSING, "x" * 180)
    found = Readiness(10, 0, tuple(Shortfall(reason, 1, (f"n{n}",)) for n in range(10)))

    after = status(nad_status.summarize(SOUND, [deny("y" * 400)]), observed={"nodes": nad_nodes.nodes(found)})

    assert 3 < len(after["nodes"]["reasons"]) < 10
    assert "y" * 400 in after["conditions"][0]["message"]


def test_what_is_unknown_neither_holds_nor_fails() -> None:
    unknown = nad_nodes.verdict(Readiness(0, 0, ()))

    after = status(nad_status.summarize(SOUND, []), also=[unknown])

    assert ("Unknown", "NoNodes") == (after["conditions"][1]["status"], after["conditions"][1]["reason"])


def test_a_status_from_the_validators_findings() -> None:
    body = nad("{'type': 'macvlan'}")

    found = nad_status.summarize(body["spec"]["config"], validate(body))

    assert (False, "JsonSyntax") == (found.verdict.holds, found.verdict.reason)
    assert found.verdict.message.startswith("config: ")

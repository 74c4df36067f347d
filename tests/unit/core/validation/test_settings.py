"""The cluster's settings for validation."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import custom_schemas
from netattach_core.validation.settings import Exemption, ValidationSettings, apply_severities
from netattach_core.validation.validator import validate
from support.validation import ids, nad

DENY, WARN, OFF = Severity.DENY, Severity.WARN, Severity.OFF
HARD = Finding(Rule("hard", DENY, ""), (), "", "")
PARTLY = Finding(Rule("hard", DENY, ""), (), "", "", severity=WARN)
SOFT = Finding(Rule("soft", WARN, ""), (), "", "")

CASES: dict[str, tuple[ValidationSettings, list[Severity]]] = {
    "nothing": (ValidationSettings(), [DENY, WARN, WARN]),
    "a rule made a warning": (ValidationSettings(severities={"hard": WARN}), [WARN, WARN, WARN]),
    "a rule turned off": (ValidationSettings(severities={"hard": OFF}), [WARN]),
    "a rule made a denial": (ValidationSettings(severities={"soft": DENY}), [DENY, DENY, WARN]),
    "warnings only": (ValidationSettings(warn_only=True), [WARN, WARN, WARN]),
    "warnings only, whatever the severity of a rule": (
        ValidationSettings(severities={"soft": DENY}, warn_only=True),
        [WARN, WARN, WARN],
    ),
    "an exempt namespace": (ValidationSettings(exemptions=(Exemption(("kube-*",)),)), [WARN, WARN, WARN]),
    "an exempt namespace, for another rule": (
        ValidationSettings(exemptions=(Exemption(("kube-*",), ("soft",), OFF),)),
        [DENY, WARN],
    ),
    "another namespace": (ValidationSettings(exemptions=(Exemption(("team-?",)),)), [DENY, WARN, WARN]),
}


@pytest.mark.parametrize(("settings", "severities"), CASES.values(), ids=CASES)
def test_the_severities_that_settings_determine(
    settings: ValidationSettings, severities: list[Severity]
) -> None:
    assert severities == [
        each.effective_severity for each in apply_severities([SOFT, HARD, PARTLY], settings, "kube-system")
    ]


SCHEMA = {
    "type": "object",
    "required": ["card"],
    "properties": {"card": {"type": "string"}, "queues": {"$ref": "#/$defs/small"}},
    "$defs": {"small": {"type": "integer", "maximum": 8}},
}


def test_an_unknown_plugin_is_validated_with_the_schema_for_it() -> None:
    settings = ValidationSettings(schemas={"fancy": SCHEMA, "fancy-ipam": {"required": ["pool"]}})
    config: dict[str, Any] = {
        "cniVersion": "1.0.0",
        "type": "fancy",
        "queues": 9,
        "ipam": {"type": "fancy-ipam"},
    }
    findings = [
        each for each in validate(nad(config), settings=settings) if each.rule is custom_schemas.CUSTOM_SCHEMA
    ]

    assert [(), ("queues",), ("ipam",)] == [each.path for each in findings]
    assert "'card' is a required property" in findings[0].problem
    assert "foreign-schema" not in ids(validate(nad(config)))
    sound = {**config, "queues": 8, "card": "c1", "ipam": {"type": "fancy-ipam", "pool": "p"}}
    assert "foreign-schema" not in ids(validate(nad(sound), settings=settings))


def test_a_schema_may_be_for_an_alias_of_a_known_plugin() -> None:
    """KubeVirt's build of bridge may have keys that the reference plugin does not have."""
    settings = ValidationSettings(schemas={"cnv-bridge": SCHEMA, "bridge": SCHEMA})

    def denied(kind: str) -> bool:
        config = {"cniVersion": "1.0.0", "type": kind, "bridge": "br1"}
        return "foreign-schema" in ids(validate(nad(config), settings=settings))

    assert denied("cnv-bridge")
    assert not denied("bridge")


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "text"}, "type"),
        ([], "is not of type"),
        ({"properties": {"a": {"$ref": "https://example.com/x"}}}, "only references within the schema"),
    ],
)
def test_a_schema_that_cannot_be_used(schema: Any, text: str) -> None:
    assert text in (custom_schemas.problem(schema) or "")
    assert custom_schemas.problem(SCHEMA) is None

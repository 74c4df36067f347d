"""Findings about host-device."""

from __future__ import annotations

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, config

DENY, WARN = Severity.DENY, Severity.WARN


CASES: list[RuleCase] = [
    ("host-device-device", DENY, "no device", config("host-device"), config("host-device", device="eth1")),
    (
        "host-device-device",
        DENY,
        "an invalid PCI address",
        config("host-device", pciBusID="1f.6"),
        config("host-device", pciBusID="0000:00:1f.6"),
    ),
    (
        "host-device-device",
        DENY,
        "a path outside /sys/devices",
        config("host-device", kernelpath="/dev/eth1"),
        config("host-device", device="eth1", kernelpath="/dev/eth1"),
    ),
    (
        "no-effect",
        WARN,
        "a device by name and by PCI address",
        config("host-device", device="eth1", pciBusID="0000:00:1f.6"),
        config("host-device", device="eth1", pciBusID=""),
    ),
    (
        "interface-name",
        DENY,
        "a space",
        config("host-device", device="eth1 "),
        config("host-device", device="eth1"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)

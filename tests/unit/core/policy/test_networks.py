"""The rules about networks, and their severity by the policy of the namespace."""

from __future__ import annotations

import json

import pytest

from netattach_core.api.nad import Nad
from netattach_core.policy import networks
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level, Limits
from netattach_core.text.finding import Severity

BASELINE, PRIVILEGED = Level.BASELINE, Level.PRIVILEGED


def nad(plugins: int) -> Nad:
    chain = [{"type": "tuning"} for _ in range(plugins)]
    return Nad("lab", "net", json.dumps({"cniVersion": "1.0.0", "name": "net", "plugins": chain}))


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (NamespacePolicy("lab", enforce=BASELINE), [Severity.DENY]),
        (NamespacePolicy("lab", warn=BASELINE), [Severity.WARN]),
        (NamespacePolicy("lab", audit=BASELINE), [Severity.AUDIT]),
        (NamespacePolicy("lab"), []),
    ],
)
def test_the_policy_of_the_namespace_decides_on_the_severity(
    policy: NamespacePolicy, expected: list[Severity]
) -> None:
    found = networks.check(nad(17), policy)

    assert expected == [finding.effective_severity for finding in found]


def test_as_many_plugins_as_the_limit_pass() -> None:
    policy = NamespacePolicy("lab", enforce=BASELINE, limits=Limits(plugins_per_network=3))

    assert networks.check(nad(3), policy) == []
    assert ["policy-too-many-plugins"] == [finding.rule.id for finding in networks.check(nad(4), policy)]


TEXTS = ["", "{", "[]", "null", '{"plugins": 7}', '{"type": 7}', '{"type": "x", "ipam": []}']


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_no_plugin_gets_has_no_findings(text: str) -> None:
    assert networks.check(Nad("lab", "net", text), NamespacePolicy("lab", enforce=BASELINE)) == []


@pytest.mark.parametrize("text", TEXTS)
def test_restricted_raises_nothing_for_such_a_text(text: str) -> None:
    networks.check(Nad("lab", "net", text), NamespacePolicy("lab", enforce=Level.RESTRICTED))


def test_of_a_chain_above_the_limit_nothing_else_is_said() -> None:
    """Its plugins are not looked at, since there may be ten thousand of them."""
    chain = [{"type": "tuning", "dataDir": "/etc"}] * 17
    text = json.dumps({"cniVersion": "1.0.0", "name": "net", "plugins": chain})
    found = networks.check(Nad("lab", "net", text), NamespacePolicy("lab", enforce=BASELINE))

    assert ["policy-too-many-plugins"] == [finding.rule.id for finding in found]


def test_of_ten_thousand_mistakes_a_hundred_are_reported_and_those_that_refuse_first() -> None:
    paths = [f"/etc/x{index}" for index in range(3000)]
    config = json.dumps({"cniVersion": "1.0.0", "name": "net", "type": "somebodys", "log": paths})

    found = networks.check(
        Nad("lab", "net", config), NamespacePolicy("lab", enforce=BASELINE, audit=Level.RESTRICTED)
    )

    assert 100 == len(found)
    assert {Severity.DENY} == {each.effective_severity for each in found}

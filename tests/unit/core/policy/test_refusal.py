"""What readiness takes from validation and policy: why no node attaches a network, and who may use a default interface."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE
from netattach_core.policy import exemptions, networks, refusal
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.readiness.index import Network
from netattach_core.text.finding import Severity
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.settings import ValidationSettings
from netattach_core.validation.validator import nad_of, validate
from support.validation import STATIC, bridge, config, macvlan

NODE = NodeInventory(
    "n1",
    interfaces=(Interface("eth0", mtu=1500), Interface("eth1", mtu=1500)),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    plugins=tuple(map(Plugin, ("macvlan", "bridge", "static", "host-local"))),
)
PRIVILEGED, BASELINE = NamespacePolicy("ns"), NamespacePolicy("ns", enforce=Level.BASELINE)
WARNED = ValidationSettings(severities={"master-default-interface": Severity.WARN})


def network(
    body: Any,
    policy: NamespacePolicy = PRIVILEGED,
    settings: ValidationSettings = validation_settings.DEFAULTS,
    **notes: Any,
) -> Network:
    text = body if isinstance(body, str) else json.dumps(body)
    metadata = {"namespace": "ns", "name": "net", "annotations": notes}
    honoured = exemptions.honoured({"metadata": metadata, "spec": {"config": text}}, policy)
    findings = validate(honoured, (NODE,), settings=settings)
    of_policy = networks.check(nad_of(honoured), policy, Surroundings((NODE,)))
    return refusal.network(nad_of(honoured), findings, of_policy, settings, policy)


def refused(*args: Any, **kwargs: Any) -> str | None:
    found = network(*args, **kwargs).refused
    return found and found.code


@pytest.mark.parametrize(
    ("body", "policy", "code"),
    [
        pytest.param(macvlan(), BASELINE, None, id="a network without findings"),
        pytest.param("{,}", PRIVILEGED, "Invalid", id="no JSON"),
        pytest.param(bridge(vlan=9999), PRIVILEGED, "Invalid", id="a value that the plugin refuses"),
        pytest.param(macvlan(master="eth9"), PRIVILEGED, None, id="an interface that no node has"),
        pytest.param(config("nowhere"), PRIVILEGED, None, id="a plugin that no node has"),
        pytest.param(macvlan(master="eth0"), BASELINE, None, id="the default interface of a node"),
        pytest.param(
            bridge(bridge="eth0"), BASELINE, "NotPermitted", id="the default interface in another key"
        ),
        pytest.param(bridge(mtu=9999), PRIVILEGED, None, id="a warning at most"),
    ],
)
def test_what_depends_on_the_node_is_no_refusal(body: Any, policy: NamespacePolicy, code: str | None) -> None:
    assert code == refused(body, policy)


def test_the_message_says_what_is_wrong_in_a_few_words() -> None:
    found = network(bridge(ipam={"type": "host-local", "subnet": "x" * 500})).refused

    assert found is not None
    assert found.message.startswith("the network is not valid: ")
    assert len(found.message) < 160


@pytest.mark.parametrize(
    ("policy", "settings", "notes", "expected"),
    [
        pytest.param(PRIVILEGED, ValidationSettings(), {}, True, id="the validator refuses it"),
        pytest.param(PRIVILEGED, WARNED, {}, False, id="the settings only warn"),
        pytest.param(PRIVILEGED, ValidationSettings(warn_only=True), {}, False, id="nothing is refused"),
        pytest.param(
            PRIVILEGED,
            ValidationSettings(),
            {ALLOW_DEFAULT_INTERFACE: "true"},
            False,
            id="the author allows it",
        ),
        pytest.param(
            BASELINE, WARNED, {ALLOW_DEFAULT_INTERFACE: "true"}, True, id="policy refuses it all the same"
        ),
    ],
)
def test_whether_a_default_interface_is_refused(
    policy: NamespacePolicy,
    settings: ValidationSettings,
    notes: dict[str, Any],
    expected: bool,  # noqa: FBT001
) -> None:
    found = network(macvlan(master="eth0", ipam=STATIC), policy, settings, **notes)

    assert expected == found.demand.default_refused


def test_the_selector_is_that_of_the_annotation() -> None:
    assert (
        "a=b"
        == network(
            macvlan(), PRIVILEGED, validation_settings.DEFAULTS, **{"netattach.io/node-selector": "a=b"}
        ).selector
    )
    assert network(macvlan()).selector is None

"""The annotation `netattach.io/allow-default-interface`: its author has to be trusted, and one mistake has one finding."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Severity

NODE = NodeInventory(
    "worker-1",
    interfaces=(Interface("eth0"), Interface("eth1")),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
)
BASELINE = NamespacePolicy("lab", enforce=Level.BASELINE)
ONLY_WARNS = NamespacePolicy("lab", warn=Level.BASELINE)
OWNERS = NamespacePolicy("lab")

DENY, WARN = Severity.DENY, Severity.WARN
MASTER, POLICY, ANNOTATION = "master-default-interface", "policy-default-interface", "policy-self-exemption"


def found(policy: NamespacePolicy, config: dict[str, Any], *, blessed: bool) -> dict[str, Severity]:
    """The rules about the interface that are violated, and their severity."""
    annotations = {ALLOW_DEFAULT_INTERFACE: "true"} if blessed else {}
    body = {
        "metadata": {"name": "net", "namespace": "lab", "annotations": annotations},
        "spec": {"config": json.dumps({"cniVersion": "1.0.0", "name": "n", **config})},
    }
    findings = admission.validate_nad(body, None, (NODE,), policy=policy)
    return {
        each.rule.id: each.effective_severity
        for each in findings
        if each.rule.id in {MASTER, POLICY, ANNOTATION, "master-omitted"}
    }


NAMED, OMITTED = {"type": "macvlan", "master": "eth0"}, {"type": "macvlan"}


@pytest.mark.parametrize("config", [NAMED, OMITTED], ids=["named", "omitted"])
def test_one_mistake_has_one_finding(config: dict[str, str]) -> None:
    assert {MASTER: DENY} == found(BASELINE, config, blessed=False)


@pytest.mark.parametrize("config", [NAMED, OMITTED], ids=["named", "omitted"])
def test_an_author_cannot_exempt_his_own_network(config: dict[str, str]) -> None:
    assert {MASTER: DENY, ANNOTATION: WARN} == found(BASELINE, config, blessed=True)


def test_the_owner_can() -> None:
    assert {} == found(OWNERS, NAMED, blessed=True)
    assert {MASTER: DENY} == found(OWNERS, NAMED, blessed=False)


def test_where_policy_only_warns_the_annotation_keeps_its_effect() -> None:
    assert {POLICY: WARN, ANNOTATION: WARN} == found(ONLY_WARNS, NAMED, blessed=True)


def test_what_only_policy_finds_is_not_dropped() -> None:
    assert {POLICY: DENY} == found(BASELINE, {"type": "bridge", "bridge": "eth0"}, blessed=False)


def test_link_in_container_hides_nothing_from_a_plugin_that_does_not_read_it() -> None:
    config = {"type": "host-device", "device": "eth0", "linkInContainer": True}

    assert {MASTER: DENY} == found(OWNERS, config, blessed=False)

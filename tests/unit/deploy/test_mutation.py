"""The configuration that sends new pods to the webhooks to be changed: few pods, never in the way, after other webhooks."""

from __future__ import annotations

import re

import pytest

from netattach_operator.settings import Settings as OperatorSettings
from netattach_webhooks import app
from netattach_webhooks.validators import MUTATE_PODS
from support.manifests import CONTROL, NODE, ROLES, Body, kind

CONFIGURATIONS = kind("MutatingWebhookConfiguration")
(WEBHOOK,) = CONFIGURATIONS[OperatorSettings().mutating_webhooks]["webhooks"]
VALIDATING = {w["name"]: w for w in kind("ValidatingWebhookConfiguration")["netattach"]["webhooks"]}
CONDITIONS = {c["name"]: c["expression"] for c in WEBHOOK["matchConditions"]}


def test_it_can_block_nothing() -> None:
    assert ("Ignore", 3, "None") == (
        WEBHOOK["failurePolicy"],
        WEBHOOK["timeoutSeconds"],
        WEBHOOK["sideEffects"],
    )
    assert app._MAX_SECONDS == WEBHOOK["timeoutSeconds"]


def test_it_is_called_again_where_another_webhook_changes_the_pod() -> None:
    assert "IfNeeded" == WEBHOOK["reinvocationPolicy"]


def test_it_reaches_the_webhooks_as_validation_does() -> None:
    service = {**VALIDATING["pods.netattach.io"]["clientConfig"]["service"], "path": f"/{MUTATE_PODS}"}

    assert {"service": service} == WEBHOOK[
        "clientConfig"
    ]  # without caBundle: an upgrade must not remove the operator's


def test_only_the_creation_of_pods_is_sent() -> None:
    (rule,) = WEBHOOK["rules"]

    assert (["CREATE"], ["pods"], [""], ["v1"]) == (
        rule["operations"],
        rule["resources"],
        rule["apiGroups"],
        rule["apiVersions"],
    )


def test_pods_without_networks_and_those_of_netattach_are_never_sent() -> None:
    (excluded,) = WEBHOOK["namespaceSelector"]["matchExpressions"]
    validated = {c["name"]: c["expression"] for c in VALIDATING["pods.netattach.io"]["matchConditions"]}

    assert {CONTROL, NODE} == set(excluded["values"])
    assert "NotIn" == excluded["operator"]
    assert validated["asks-for-networks"] == CONDITIONS["asks-for-networks"]


@pytest.mark.parametrize("expression", CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_works_if_parts_of_the_object_are_missing(expression: str) -> None:
    """A condition that fails would send the pod all the same, or refuse it."""
    for part in ("annotations", "spec"):
        bare = rf"(?<!\?)\bobject(?:\.metadata)?\.{part}\b"  # not `.?spec`
        assert f"has(object.metadata.{part})" in expression or not re.search(bare, expression)


def test_it_comes_after_network_resources_injector() -> None:
    """API servers call mutating webhooks in the order of the configurations' names; whoever comes last must not count twice."""
    names = ("network-resources-injector-config", "network-resources-injector-mutating-config")

    assert all(name < OperatorSettings().mutating_webhooks for name in names)


def test_the_operator_may_write_its_ca_and_nothing_else() -> None:
    rules: list[Body] = [
        rule
        for rule in ROLES["netattach-operator"]["rules"]
        if "mutatingwebhookconfigurations" in rule["resources"]
    ]

    assert [([OperatorSettings().mutating_webhooks], {"get", "list", "watch", "update"})] == [
        (rule["resourceNames"], set(rule["verbs"])) for rule in rules
    ]

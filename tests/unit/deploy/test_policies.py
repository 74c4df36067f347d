"""The ValidatingAdmissionPolicies of deploy/: they limit everything that a program writes, and fit what the code does.

Whether they refuse is tested with an API server: tests/e2e/test_rbac.py.
"""

from __future__ import annotations

import re

import pytest
import yaml

from netattach_core.readiness import node_label
from netattach_operator import evictor, pending_pods
from netattach_operator.cluster_nodes import TAINT
from netattach_operator.settings import Settings as OperatorSettings
from netattach_plugin.cluster import event_queue
from support import chart, require
from support.manifests import CONTROL, NODE, POLICIES, ROLES, Body, kind


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_a_policy_applies_to_one_program_fails_closed_and_is_bound(policy: Body) -> None:
    (condition,) = policy["spec"]["matchConditions"]
    binding = kind("ValidatingAdmissionPolicyBinding")[policy["metadata"]["name"]]["spec"]
    account = {
        "daemon": f"{NODE}:netattach-daemon",
        "operator": f"{CONTROL}:netattach-operator",
    }[policy["metadata"]["name"].split("-")[1]]

    assert f"request.userInfo.username == 'system:serviceaccount:{account}'" == condition["expression"]
    assert "Fail" == policy["spec"]["failurePolicy"]
    assert {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]} == binding
    assert {"Forbidden"} == {v["reason"] for v in policy["spec"]["validations"]}


@pytest.mark.parametrize(
    ("program", "free"),
    [
        ("daemon", set()),
        # RBAC limits it to the status, of which the API server takes nothing but the status.
        ("operator", {"network-attachment-definitions/status"}),
        ("webhooks", set()),
    ],
)
def test_policies_cover_everything_that_a_program_writes(program: str, free: set[str]) -> None:
    written = {
        what
        for name, role in ROLES.items()
        if name.rpartition("/")[2] == f"netattach-{program}"
        for rule in role["rules"]
        for what in rule["resources"]
        if {"create", "update", "patch"} & set(rule["verbs"])
    }
    limited = {
        what
        for name, policy in POLICIES.items()
        if name.startswith(f"netattach-{program}-")
        for rule in policy["spec"]["matchConstraints"]["resourceRules"]
        for what in rule["resources"]
    }

    assert free == written - limited
    assert bool(written) == (program != "webhooks")


def test_the_policy_on_events_has_the_reasons_that_the_daemon_uses() -> None:
    (listed,) = [
        re.findall(r"'(\w+)'", v["expression"].partition(" in ")[2])
        for v in POLICIES["netattach-daemon-events"]["spec"]["validations"]
        if v["expression"].startswith("object.?reason")
    ]

    assert sorted((*event_queue.REASONS, event_queue.CONTESTED)) == sorted(listed)


def test_the_policy_on_webhooks_compares_every_field_but_the_ca() -> None:
    """Those of both kinds of webhooks in admissionregistration.k8s.io/v1; a new one in Kubernetes has to be added."""
    expression = POLICIES["netattach-operator-webhooks"]["spec"]["validations"][1]["expression"]
    fields_ = {
        *(
            "name",
            "clientConfig.?service",
            "clientConfig.?url",
            "?rules",
            "?failurePolicy",
            "?matchPolicy",
        ),
        *("?namespaceSelector", "?objectSelector", "?sideEffects", "?timeoutSeconds"),
        *("?admissionReviewVersions", "?matchConditions"),
    }
    mutating = "dyn(new).?reinvocationPolicy == dyn(old).?reinvocationPolicy"

    for field in fields_:
        assert f"new.{field} == old.{field}" in expression
    assert mutating in expression
    assert "caBundle" not in expression


def test_the_policy_on_webhooks_covers_both_kinds() -> None:
    (rule,) = POLICIES["netattach-operator-webhooks"]["spec"]["matchConstraints"]["resourceRules"]

    assert ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"] == rule["resources"]


def test_the_policy_on_crds_fits_the_crds_of_the_image() -> None:
    """An operator with a new CRD needs a new policy, which `kubectl apply -k` writes before the operator starts."""
    (names,) = [
        v["expression"]
        for v in POLICIES["netattach-operator-crds"]["spec"]["variables"]
        if v["name"] == "version"
    ]
    crds = [yaml.safe_load(path.read_text()) for path in (require.REPOSITORY / "crds").iterdir()]

    assert {c["metadata"]["name"]: c["spec"]["versions"][0]["name"] for c in crds} == dict(
        re.findall(r"'([\w.-]+)': *'(\w+)'", names)
    )
    assert all(1 == len(c["spec"]["versions"]) and "conversion" not in c["spec"] for c in crds)
    (kinds,) = [
        v["expression"]
        for v in POLICIES["netattach-operator-crds"]["spec"]["validations"]
        if "names.kind" in v["expression"]
    ]
    assert {f"{c['spec']['scope']} {c['spec']['names']['kind']}" for c in crds} == set(
        re.findall(r"'(\w+ \w+)'", kinds)
    )
    (networks,) = [c for c in crds if c["spec"]["group"] == "k8s.cni.cncf.io"]
    schema = networks["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert {"type", "description", "properties"} == schema.keys() == schema["properties"]["spec"].keys()
    assert {"type", "description"} == schema["properties"]["spec"]["properties"]["config"].keys()


def test_the_policy_on_nodes_has_our_labels_and_our_taint_alone() -> None:
    """And it compares each field of NodeSpec in core/v1 but the taints; a new one in Kubernetes has to be added."""
    expressions = " ".join(
        v["expression"] for v in POLICIES["netattach-operator-nodes"]["spec"]["validations"]
    )

    assert {node_label.PREFIX} == set(re.findall(r"startsWith\('([^']*)'\)", expressions))
    assert {TAINT} == set(re.findall(r"taint.key [!=]= '([^']*)'", expressions))
    for field in ("podCIDR", "podCIDRs", "providerID", "unschedulable", "configSource", "externalID"):
        assert f"object.?spec.?{field} == oldObject.?spec.?{field}" in expressions


def test_evictions_need_a_permission_that_is_not_given_by_default() -> None:
    assert not [
        rule for role in ROLES.values() for rule in role["rules"] if "pods/eviction" in rule["resources"]
    ]
    rendered = chart.rendered({"operator": {"evictPods": True}})
    (role,) = [
        r for r in rendered if r["kind"] == "ClusterRole" and r["metadata"]["name"] == "netattach-operator"
    ]
    (rule,) = [rule for rule in role["rules"] if "pods/eviction" in rule["resources"]]

    assert ["create"] == rule["verbs"]


def test_the_policy_on_events_has_the_reasons_that_the_operator_writes_about_pods() -> None:
    (listed,) = [
        re.findall(r"'(\w+)'", v["expression"].partition(" in ")[2])
        for v in POLICIES["netattach-operator-events"]["spec"]["validations"]
        if "?reason" in v["expression"]
    ]

    assert {evictor.REASON, pending_pods.REASON} == set(listed)


def test_the_policy_on_names_has_those_of_the_settings() -> None:
    settings = OperatorSettings()
    expression = POLICIES["netattach-operator-names"]["spec"]["validations"][0]["expression"]

    assert f"request.namespace == '{settings.namespace}'" in expression
    assert [
        f"secrets/{settings.ca_secret}",
        f"secrets/{settings.tls_secret}",
        f"leases/{settings.lease}",
    ] == re.findall(r"'(\w+/[\w-]+)'", expression)


def test_webhooks_may_list_pods_and_neither_watch_nor_get_them() -> None:
    rules = [rule["verbs"] for rule in ROLES["netattach-webhooks"]["rules"] if "pods" in rule["resources"]]

    assert [["list"]] == rules

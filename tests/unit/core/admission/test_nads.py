"""NADs at admission: new and changed ones, deletions, and the pods that use them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.admission import NetworkUsers
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.api.nad import PROTECT
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.settings import ValidationSettings

NODE = NodeInventory(
    "node1",
    interfaces=(Interface("eth0"), Interface("eth1")),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    plugins=(Plugin("macvlan"), Plugin("host-local")),
)


SOUND = json.dumps({"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"})


BROKEN = SOUND.replace("}", ",}")


def nad(config: Any, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"name": "net", "namespace": "default", **metadata}, "spec": {"config": config}}


def being_deleted(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}


def rules(findings: Any) -> list[str]:
    return [finding.rule.id for finding in findings]


def test_a_new_network_is_validated_with_the_nodes() -> None:
    assert [] == admission.validate_nad(nad(SOUND), None, [NODE])
    assert ["master-default-interface"] == rules(
        admission.validate_nad(nad(SOUND.replace("eth1", "eth0")), None, [NODE])
    )


NOT_VALIDATED = {
    "an update of a label": (nad(BROKEN, labels={"a": "b"}), nad(BROKEN)),
    "an update of another annotation": (nad(BROKEN, annotations={"a/b": "c"}), nad(BROKEN)),
    "an update that changes nothing": (nad(BROKEN), nad(BROKEN)),
    "the removal of a finalizer": (
        being_deleted(nad(BROKEN)),
        being_deleted(nad(BROKEN, finalizers=["example.com/hold"])),
    ),
}


@pytest.mark.parametrize(("body", "before"), NOT_VALIDATED.values(), ids=NOT_VALIDATED)
def test_a_broken_network_can_still_be_changed_in_other_parts(
    body: dict[str, Any], before: dict[str, Any]
) -> None:
    assert [] == admission.validate_nad(body, before, [NODE])


VALIDATED = {
    "a new config": (nad(BROKEN), nad(SOUND)),
    "a config where there was none": (nad(BROKEN), {"metadata": {"name": "net"}}),
    "one of our annotations": (nad(BROKEN, annotations={"netattach.io/x": "y"}), nad(BROKEN)),
    "one of our annotations removed": (nad(BROKEN), nad(BROKEN, annotations={"netattach.io/x": "y"})),
    "a new config while a finalizer delays the deletion": (
        being_deleted(nad(BROKEN)),
        being_deleted(nad(SOUND)),
    ),
    "one of our annotations while a finalizer delays the deletion": (
        being_deleted(nad(BROKEN, annotations={"netattach.io/x": "y"})),
        being_deleted(nad(BROKEN)),
    ),
}


@pytest.mark.parametrize(("body", "before"), VALIDATED.values(), ids=VALIDATED)
def test_an_update_of_a_validated_part_is_validated(body: dict[str, Any], before: dict[str, Any]) -> None:
    assert ["json-syntax"] == rules(admission.validate_nad(body, before, [NODE]))


def test_removing_the_annotation_that_allows_a_default_interface_is_validated() -> None:
    config = SOUND.replace("eth1", "eth0")
    allowed = nad(config, annotations={"netattach.io/allow-default-interface": "true"})

    assert [] == admission.validate_nad(allowed, None, [NODE])
    assert ["master-default-interface"] == rules(admission.validate_nad(nad(config), allowed, [NODE]))


def test_a_network_without_any_inventory_is_a_warning() -> None:
    (finding,) = admission.validate_nad(nad(SOUND), None, [])

    assert ("inventory-missing", Severity.WARN) == (finding.rule.id, finding.effective_severity)
    assert "no node has published an inventory yet" in finding.problem


@pytest.mark.parametrize("config", ["", None])
def test_a_network_with_its_config_on_the_nodes_has_no_findings(config: str | None) -> None:
    assert [] == admission.validate_nad(nad(config), None, [])


def test_a_config_that_is_too_long_is_denied() -> None:
    (finding,) = admission.validate_nad(nad("x" * (admission.MAX_CONFIG_LENGTH + 1)), None, [NODE])

    assert ("config-too-long", Severity.DENY) == (finding.rule.id, finding.effective_severity)


PODS = tuple(("lab", f"p{i}") for i in range(5))
USERS = NetworkUsers(PODS)
MORE = NetworkUsers(PODS, "the pods of 2 of 3 nodes are not known")
UNKNOWN = NetworkUsers(unknown="the API server does not answer in time")
UNVERIFIED = dataclasses.replace(UNKNOWN, unverified=True)


def body(**annotations: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "net", "namespace": "lab", "annotations": annotations},
        "spec": {"config": "{}"},
    }


def test_deleting_an_unused_network_has_no_findings() -> None:
    assert [] == admission.validate_nad_deletion(
        body(**{PROTECT: "true"}), admission.NOBODY, "jo", ValidationSettings(protected=True)
    )


def test_deleting_a_network_in_use_is_a_warning_with_its_pods() -> None:
    (finding,) = admission.validate_nad_deletion(body(), USERS, "jo")

    assert ("deleted-in-use", Severity.WARN) == (finding.rule.id, finding.effective_severity)
    assert "lab/p0, lab/p1, lab/p2 and 2 more" in finding.problem


@pytest.mark.parametrize(
    ("annotations", "settings", "reason"),
    [
        ({PROTECT: "true"}, ValidationSettings(), "annotation"),
        ({}, ValidationSettings(protected=True), "settings"),
    ],
)
def test_deleting_a_protected_network_in_use_is_denied(
    annotations: dict[str, str], settings: ValidationSettings, reason: str
) -> None:
    (finding,) = admission.validate_nad_deletion(body(**annotations), USERS, "jo", settings)

    assert ("deleted-though-protected", Severity.DENY) == (finding.rule.id, finding.effective_severity)
    assert reason in finding.problem
    controller = "system:serviceaccount:kube-system:namespace-controller"
    assert [] == admission.validate_nad_deletion(body(**annotations), USERS, controller, settings)


def test_changing_the_config_of_a_network_in_use_is_a_warning() -> None:
    (found,) = admission.validate_nad_change(body(), USERS)

    assert ("changed-in-use", Severity.WARN) == (found.rule.id, found.effective_severity)
    assert [] == admission.validate_nad_change(body(), NetworkUsers())
    off = ValidationSettings(severities={"changed-in-use": Severity.OFF})
    assert [] == admission.validate_nad_change(body(), USERS, off)


def test_a_change_depends_on_users_where_the_config_changes_and_nothing_refuses_it() -> None:
    before, after = nad('{"type": "bridge"}'), nad('{"type": "bridge", "cniVersion": "1.0.0"}')
    annotated = nad('{"type": "bridge"}', annotations={PROTECT: "true"})
    warned = admission.validate_nad(after, before, [])
    refused = admission.validate_nad(nad(BROKEN), before, [NODE])

    assert "inventory-missing" in rules(warned)
    assert admission.change_depends_on_users(after, before, warned)
    assert ["json-syntax"] == rules(refused)
    assert not admission.change_depends_on_users(nad(BROKEN), before, refused)
    assert not admission.change_depends_on_users(annotated, before, [])
    assert not admission.change_depends_on_users(after, None, [])


@pytest.mark.parametrize("users", [UNKNOWN, UNVERIFIED])
def test_unknown_users_are_a_warning(users: NetworkUsers) -> None:
    (found,) = admission.validate_nad_change(body(), users)
    (deleted,) = admission.validate_nad_deletion(body(), users, "jo")

    assert (Severity.WARN, Severity.WARN) == (found.effective_severity, deleted.effective_severity)
    assert "users-unknown" == found.rule.id == deleted.rule.id
    assert all("the API server does not answer in time" in each.problem for each in (found, deleted))


@pytest.mark.parametrize("protected", [True, False])
def test_of_a_protected_network_only_attached_pods_that_are_not_named_deny_the_deletion(
    protected: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """Anything else that is unknown could be caused by those who do not use the network."""
    nad, settings = body(**{PROTECT: "true"}), ValidationSettings(protected=True)
    if protected:
        (unknown,) = admission.validate_nad_deletion(body(), UNKNOWN, "jo", settings)
        (unverified,) = admission.validate_nad_deletion(body(), UNVERIFIED, "jo", settings)
        assert "set protectNetworksInUse to false" in unverified.fix
    else:
        (unknown,) = admission.validate_nad_deletion(nad, UNKNOWN, "jo")
        (unverified,) = admission.validate_nad_deletion(nad, UNVERIFIED, "jo")
        assert f"try again, or set the annotation {PROTECT}: 'false'" == unverified.fix

    assert ("users-unknown", Severity.WARN) == (unknown.rule.id, unknown.effective_severity)
    assert ("deleted-though-protected", Severity.DENY) == (
        unverified.rule.id,
        unverified.effective_severity,
    )
    assert "which pods do is not known: the API server does not answer in time" in unverified.problem


def test_where_there_may_be_more_users_the_known_ones_are_the_least() -> None:
    findings = [
        *admission.validate_nad_change(body(), MORE),
        *admission.validate_nad_deletion(body(), MORE, "jo"),
        *admission.validate_nad_deletion(body(**{PROTECT: "true"}), MORE, "jo"),
    ]

    in_use = ["changed-in-use", "deleted-in-use", "deleted-though-protected"]
    assert in_use == rules(findings)
    assert all(": at least lab/p0, lab/p1, lab/p2 and 2 more" in each.problem for each in findings)


@pytest.mark.parametrize(
    ("user", "settings", "expected"),
    [
        ("jo", ValidationSettings(), True),
        ("system:serviceaccount:kube-system:generic-garbage-collector", ValidationSettings(), False),
        ("jo", ValidationSettings(selection=SelectionSettings(defaults=("net",), namespace="lab")), False),
    ],
)
def test_a_deletion_that_does_not_depend_on_users(
    user: str, settings: ValidationSettings, *, expected: bool
) -> None:
    assert expected == admission.deletion_depends_on_users(body(), user, settings)


HIDDEN = NetworkUsers((*PODS, ("hidden", "secret"), ("vault", "key")))
IN_USE = {
    "deleted": lambda: admission.validate_nad_deletion(body(), HIDDEN, "jo"),
    "deleted though protected": lambda: admission.validate_nad_deletion(
        body(**{PROTECT: "true"}), HIDDEN, "jo"
    ),
    "deleted though protected by the settings": lambda: admission.validate_nad_deletion(
        body(), HIDDEN, "jo", ValidationSettings(protected=True)
    ),
    "changed": lambda: admission.validate_nad_change(body(), HIDDEN),
}


@pytest.mark.parametrize("findings", IN_USE.values(), ids=IN_USE)
def test_pods_of_other_namespaces_are_counted_and_not_named(findings: Callable[[], list[Finding]]) -> None:
    text = " ".join(f"{each.problem} {each.fix}" for each in findings())

    assert "lab/p0, lab/p1, lab/p2 and 2 more, 2 in other namespaces" in text
    assert not [name for name in ("hidden", "secret", "vault", "key ") if name in text]


def test_a_network_that_only_pods_of_other_namespaces_use_has_their_number() -> None:
    (finding,) = admission.validate_nad_deletion(body(), NetworkUsers(HIDDEN.pods[-1:]), "jo")

    assert "pods use this network: 1 in other namespaces. They keep" in finding.problem

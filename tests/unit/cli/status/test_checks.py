"""Each part of netattach: how it works, and how it does not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from netattach_cli.status.checks import Check, State, checks
from netattach_cli.status.inputs import Facts, Many, One
from netattach_core.api.node_state import UnmetPod
from unit.cli import cluster_objects as objects
from unit.cli.cluster_objects import CONTROL, NOW, base64_text, body

HEALTHY = Facts(
    now=NOW,
    daemons=One(objects.daemons()),
    operator=One(objects.deployment("netattach-operator", 1, 1)),
    webhooks=One(objects.deployment("netattach-webhooks", 2, 2)),
    lease=One(objects.lease()),
    validating=One(objects.webhook_configuration("ValidatingWebhookConfiguration", "netattach")),
    mutating=One(objects.webhook_configuration("MutatingWebhookConfiguration", "pods.netattach.io")),
    certificate=One(objects.secret(NOW + timedelta(days=80, hours=1))),
    networks=Many([objects.network()]),
    inventories=Many([objects.inventory_of("node1"), objects.inventory_of("node2")]),
    contests=Many(),
)


def check(name: str, **changes: Any) -> Check:
    """One check, where something differs from a healthy cluster."""
    return next(each for each in checks(dataclasses.replace(HEALTHY, **changes)) if each.name == name)


def _facts(one: One, many: Many) -> Facts:
    """The same of each object."""
    return Facts(NOW, one, one, one, one, one, one, one, many, many, many)


def summary(found: Sequence[Check]) -> dict[str, tuple[State, str]]:
    return {each.name: (each.state, each.message) for each in found}


def contest(
    node: str, message: str = "renamed twice in a minute", at: str = "2026-11-30T11:59:00Z"
) -> dict[str, Any]:
    involved = {"kind": "Node", "name": node}
    return body(
        "Event", f"contest-{node}", "default", involvedObject=involved, message=message, lastTimestamp=at
    )


def test_a_healthy_cluster() -> None:
    expected = {
        "daemons": (State.OK, "2/2 ready"),
        "webhooks": (State.OK, "2/2 ready"),
        "operator": (State.OK, "1/1 ready, netattach-operator-7d9f leads"),
        "certificates": (State.OK, "certificate valid for 80d, CA valid for 300d"),
        "networks": (State.OK, "1/1 ready"),
        "pods": (State.OK, "2 pods have networks, none lacks one"),
        "CNI configs": (State.OK, "none is contested"),
    }
    assert expected == summary(checks(HEALTHY))


def test_a_cluster_without_netattach() -> None:
    nothing = _facts(One(None), Many())

    found = summary(checks(nothing))

    assert (State.WRONG, "the DaemonSet netattach-daemon does not exist") == found["daemons"]
    assert (State.WRONG, "the Deployment netattach-webhooks does not exist") == found["webhooks"]
    assert (State.WRONG, "the Deployment netattach-operator does not exist") == found["operator"]
    assert (State.OK, "none") == found["networks"]


def test_what_may_not_be_read_is_unknown_and_not_wrong() -> None:
    hidden = _facts(One(None, known=False), Many(known=False))

    assert {State.UNKNOWN} == {each.state for each in checks(hidden)}


def test_a_daemon_that_is_not_ready_is_named_with_its_node() -> None:
    waiting = {"reason": "CrashLoopBackOff", "message": "back-off 10s"}
    pods = Many([objects.daemon_pod("node1"), objects.daemon_pod("node2", ready=False, waiting=waiting)])

    found = check("daemons", daemons=One(objects.daemons(ready=1)), daemon_pods=pods)

    assert (State.WRONG, "1/2 ready") == (found.state, found.message)
    (item,) = found.items
    expected = ("pod", "netattach-node/netattach-daemon-node2", "node2", "CrashLoopBackOff", "back-off 10s")
    assert expected == (item.kind, item.full_name, item.where, item.reason, item.message)


def test_a_daemon_that_is_only_not_ready_has_the_reason_of_its_condition() -> None:
    pods = Many([objects.daemon_pod("node2", ready=False)])

    (item,) = check("daemons", daemons=One(objects.daemons(ready=1)), daemon_pods=pods).items

    assert "ContainersNotReady" == item.reason


def test_no_node_is_selected() -> None:
    assert State.WRONG is check("daemons", daemons=One(objects.daemons(0, 0))).state


def test_a_rollout_is_mentioned() -> None:
    assert "2/2 ready, 1 of them updated" == check("daemons", daemons=One(objects.daemons(2, 2, 1))).message


def test_webhooks_that_are_not_registered_validate_nothing() -> None:
    found = check("webhooks", validating=One(None))

    assert State.WRONG is found.state
    assert found.message.startswith("2/2 ready, but not registered, so nothing is validated")


@pytest.mark.parametrize("part", ["validating", "mutating"])
def test_a_webhook_without_a_ca_is_called_in_vain(part: str) -> None:
    kind = "ValidatingWebhookConfiguration"
    found = check("webhooks", **{part: One(objects.webhook_configuration(kind, "netattach", bundle=""))})

    assert (State.WRONG, "2/2 ready, but a webhook has no CA yet") == (found.state, found.message)


def test_the_webhook_that_changes_pods_may_be_left_out() -> None:
    assert State.OK is check("webhooks", mutating=One(None)).state


def test_a_webhook_replica_is_missing() -> None:
    found = check("webhooks", webhooks=One(objects.deployment("netattach-webhooks", 1, 2)))

    assert (State.WRONG, "1/2 ready") == (found.state, found.message)


def test_a_deployment_of_no_replicas_is_wrong() -> None:
    assert (
        State.WRONG is check("webhooks", webhooks=One(objects.deployment("netattach-webhooks", 0, 0))).state
    )


@pytest.mark.parametrize(
    ("lease", "message"),
    [
        (None, "1/1 ready, but none leads"),
        (objects.lease(holder=""), "1/1 ready, but none leads"),
        (
            body("Lease", "netattach-operator", CONTROL, spec={"holderIdentity": "x", "renewTime": "?"}),
            "1/1 ready, but none leads",
        ),
        (
            objects.lease(renewed=NOW - timedelta(minutes=5)),
            "1/1 ready, but netattach-operator-7d9f last renewed its Lease 5m ago",
        ),
    ],
    ids=["no lease", "no holder", "no time", "late"],
)
def test_no_operator_leads(lease: dict[str, Any] | None, message: str) -> None:
    found = check("operator", lease=One(lease))

    assert (State.WRONG, message) == (found.state, found.message)


def test_a_clock_that_differs_a_little_is_no_failure() -> None:
    for seconds in (-40, 40):
        assert (
            State.OK
            is check("operator", lease=One(objects.lease(renewed=NOW + timedelta(seconds=seconds)))).state
        )


@pytest.mark.parametrize(
    ("left", "state", "message"),
    [
        (timedelta(days=21), State.OK, "certificate valid for 21d, CA valid for 300d"),
        (timedelta(days=19), State.WRONG, "certificate valid for 19d, CA valid for 300d"),
        (timedelta(hours=-5), State.WRONG, "the certificate expired 5h ago, CA valid for 300d"),
    ],
)
def test_a_certificate_expires(left: timedelta, state: State, message: str) -> None:
    found = check("certificates", certificate=One(objects.secret(NOW + left)))

    assert (state, message) == (found.state, found.message)


def test_a_secret_without_a_certificate_is_wrong() -> None:
    broken = body(
        "Secret", "netattach-webhooks-tls", CONTROL, data={"tls.crt": base64_text(b"no certificate")}
    )

    assert State.WRONG is check("certificates", certificate=One(broken)).state


def test_without_the_right_to_read_secrets_the_ca_is_still_known() -> None:
    found = check("certificates", certificate=One(None, known=False))

    assert (State.OK, "CA valid for 300d") == (found.state, found.message)


def test_networks_that_are_not_ready_have_their_first_reason() -> None:
    networks = [
        objects.network(),
        objects.not_ready("b", "InterfaceMissing", "eth1 does not exist on node2"),
        objects.network(
            "a", conditions=objects.conditions(Valid=("JsonSyntax", "a comma"), Ready=("Invalid", "no"))
        ),
        {key: value for key, value in objects.network("new").items() if key != "status"},
        objects.network(
            "nowhere",
            conditions=[{"type": "Valid", "status": "True"}, {"type": "Ready", "status": "Unknown"}],
        ),
    ]

    found = check("networks", networks=Many(networks))

    assert (State.WRONG, "2/5 ready") == (found.state, found.message)
    expected = [
        ("default/a", "2/2", "JsonSyntax", "a comma"),
        ("default/b", "1/2", "InterfaceMissing", "eth1 does not exist on node2"),
        ("default/new", "", "NoStatus", "it has no status: is the operator running?"),
    ]
    assert expected == [(each.full_name, each.where, each.reason, each.message) for each in found.items]


@pytest.mark.parametrize(
    "status",
    [
        None,
        [],
        "text",
        {"conditions": "x", "nodes": 7},
        {"conditions": [7, {"type": 7}, {"type": "Valid", "status": {"a": 1}}], "nodes": {"summary": 8}},
    ],
)
def test_a_status_that_is_not_the_operators_breaks_nothing(status: Any) -> None:
    """The CRD may be upstream's, which has no schema for it."""
    found = check("networks", networks=Many([{**objects.network(), "status": status}])).items

    assert {"default/lan"} >= {item.full_name for item in found}


def test_pods_that_lack_a_network_are_counted_of_all_nodes_and_named() -> None:
    lost = UnmetPod("default", "loser", "u", ("default/lan",), "InterfaceMissing", "lost interface net1")
    inventories = [objects.inventory_of("node1", lost), objects.inventory_of("node2")]
    inventories[0]["status"]["unmetPods"]["total"] = 25

    found = check("pods", inventories=Many(inventories))

    assert (State.WRONG, "2 pods have networks, 25 lack one") == (
        found.state,
        found.message,
    )
    assert [("default/loser", "node1", "InterfaceMissing")] == [
        (i.full_name, i.where, i.reason) for i in found.items
    ]


@pytest.mark.parametrize(
    "unmet", [7, [], {"total": "x"}, {"total": 1, "pods": [{}]}, {"total": 1, "pods": 7}]
)
def test_an_inventory_of_another_form_breaks_nothing(unmet: Any) -> None:
    inventory = objects.inventory_of("node1")
    inventory["status"]["unmetPods"] = unmet

    assert () == tuple(check("pods", inventories=Many([inventory])).items)


def test_a_contested_config_is_wrong_while_the_daemon_is_not_ready() -> None:
    pods = Many([objects.daemon_pod("node1", ready=False), objects.daemon_pod("node2")])
    events = Many(
        [
            contest("node1", "the last word", "2026-11-30T11:59:30Z"),
            contest("node1", "the first"),
            contest("node2"),
        ]
    )

    found = check("CNI configs", contests=events, daemon_pods=pods)

    assert (State.WRONG, "contested on 1 node") == (found.state, found.message)
    assert [("node1", "the last word")] == [(item.name, item.message) for item in found.items]

"""What pods ask for next to what they have."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_cli.pods import pod_networks
from netattach_cli.pods.pod_networks import PodNetworks
from netattach_core.api.node_state import UnmetPod
from unit.cli.cluster_objects import DEFAULT_ENTRY, STATUS, entry, pod

Row = tuple[str, str, str, bool, str]


def networks(body: dict[str, Any], *unmet: UnmetPod, default: bool = False) -> PodNetworks:
    return pod_networks.networks_of(pod_networks.facts(body), pod_networks.unmet_pods(unmet), default=default)


def rows(body: dict[str, Any], *unmet: UnmetPod, default: bool = False) -> list[Row]:
    """Requested, attached, interface, ready, reason."""
    return [
        (each.requested, each.attached, each.interface, each.ready, each.reason)
        for each in networks(body, *unmet, default=default).networks
    ]


def lacking(*names: str, reason: str = "InterfaceMissing", uid: str = "uid-of-p") -> UnmetPod:
    return UnmetPod("default", "p", uid, names, reason, "why")


def test_a_pod_that_has_what_it_asks_for() -> None:
    body = pod("p", "lan, storage@data", DEFAULT_ENTRY, entry("default/storage", "data"), entry())

    expected = [
        ("default/lan", "default/lan", "net1", True, ""),
        ("default/storage", "default/storage", "data", True, ""),
    ]
    assert expected == rows(body)


def test_the_default_network_is_shown_on_request() -> None:
    assert [("", "cbr0", "eth0", True, "")] == rows(pod("p", "", DEFAULT_ENTRY), default=True)
    assert [] == rows(pod("p", "", DEFAULT_ENTRY))


def test_a_network_that_the_settings_give_is_attached_and_not_requested() -> None:
    assert [("", "kube-system/all", "net1", True, "")] == rows(
        pod("p", "", DEFAULT_ENTRY, entry("kube-system/all"))
    )


def test_the_same_network_twice_is_told_apart_by_the_interface() -> None:
    body = pod("p", "lan@b,lan@a", entry(interface="a"), entry(interface="b"))

    assert ["b", "a"] == [row[2] for row in rows(body)]


def test_a_network_with_several_interfaces_has_a_row_for_each() -> None:
    body = pod("p", "lan", entry(interface="net1"), entry(interface="net1-2"))

    assert [
        ("default/lan", "default/lan", "net1", True, ""),
        ("default/lan", "default/lan", "net1-2", True, ""),
    ] == rows(body)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"node": ""}, "NotScheduled"),
        ({"phase": "Pending"}, "Pending"),
        ({"phase": "Running"}, "NotReported"),
        ({"phase": "Failed"}, "Failed"),
        ({"phase": ""}, "Unknown"),
    ],
)
def test_a_network_that_is_not_attached(changes: dict[str, str], reason: str) -> None:
    assert [("default/lan", "", "", False, reason)] == rows(pod("p", "lan", **changes))


def test_a_pod_in_the_network_of_its_node_gets_none() -> None:
    body = pod("p")
    body["spec"]["hostNetwork"] = True

    assert [("default/lan", "", "", False, "HostNetwork")] == rows(body)


def test_a_pod_that_has_ended_has_no_network_any_more() -> None:
    assert [("default/lan", "default/lan", "net1", False, "Succeeded")] == rows(
        pod("p", "lan", entry(), phase="Succeeded")
    )


def test_an_interface_that_is_lost_is_still_in_the_status() -> None:
    (found,) = networks(pod("p", "lan", entry()), lacking("default/lan")).networks

    assert (False, "InterfaceMissing", "why") == (found.ready, found.reason, found.message)


def test_a_network_that_was_never_attached_has_the_daemons_reason() -> None:
    assert [("default/lan", "", "", False, "NotAttached")] == rows(
        pod("p"), lacking("default/lan", reason="NotAttached")
    )


def test_an_annotation_that_was_changed_leaves_what_is_attached() -> None:
    body = pod("p", "lan,more", entry())

    expected = [
        ("default/lan", "default/lan", "net1", True, ""),
        ("default/more", "", "", False, "AnnotationChanged"),
    ]
    assert expected == rows(body, lacking("default/more", reason="AnnotationChanged"))


def test_what_is_reported_of_an_earlier_pod_of_the_same_name_does_not_count() -> None:
    assert [True] == [row[3] for row in rows(pod("p", "lan", entry()), lacking("default/lan", uid="earlier"))]


def test_an_annotation_that_cannot_be_read_is_shown_with_what_the_pod_has() -> None:
    found = networks(pod("p", "[{", entry())).networks

    assert [("[{", "", "AnnotationInvalid"), ("", "default/lan", "")] == [
        (each.requested, each.attached, each.reason) for each in found
    ]


def test_a_status_that_cannot_be_read_is_the_reason() -> None:
    (found,) = networks(pod("p", "lan", **{STATUS: "garbage"})).networks

    assert ("NotReported", "network-status is not JSON") == (found.reason, found.message)

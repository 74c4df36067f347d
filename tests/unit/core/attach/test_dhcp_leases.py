"""Which leases of a sandbox are requested again, and problems of the answer."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from netattach_core.attach import dhcp_leases
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox

RESULT = '{"cniVersion":"1.0.0","ips":[{"address":"10.0.3.7/24","gateway":"10.0.3.1"}]}'


def _attachment(ipam: Any, ifname: str = "net1", **more: Any) -> Attachment:
    config = {"cniVersion": "1.0.0", "type": "macvlan", "ipam": ipam, **more}
    return Attachment(
        "default/data", ifname, json.dumps(config), "data", args={"K8S_POD_NAME": "p"}, result=RESULT
    )


def _sandbox(*attachments: Attachment) -> Sandbox:
    return Sandbox("c1", "/run/netns/p", None, Phase.ADDED, attachments)


def test_the_request_equals_that_of_add() -> None:
    """The dhcp plugin derives the client id from container id, network and interface."""
    (lease,) = dhcp_leases.held(_sandbox(_attachment({"type": "dhcp"})))

    assert ("data", "dhcp") == (json.loads(lease.stdin)["name"], json.loads(lease.stdin)["ipam"]["type"])
    assert {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": "/run/netns/p",
        "CNI_IFNAME": "net1",
        "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAME=p",
    } == lease.environment
    assert ("10.0.3.7/24",) == lease.addresses


@pytest.mark.parametrize(
    "ipam",
    [None, {}, {"type": "host-local"}, "dhcp", {"type": "dhcp", "daemonSocketPath": "/run/own.sock"}],
)
def test_networks_without_a_lease_of_the_nodes_daemon(ipam: Any) -> None:
    assert [] == list(dhcp_leases.held(_sandbox(_attachment(ipam))))


@pytest.mark.parametrize("phase", [Phase.ADDING, Phase.DELETING])
def test_an_unfinished_sandbox_has_no_leases(phase: Phase) -> None:
    sandbox = dataclasses.replace(_sandbox(_attachment({"type": "dhcp"})), phase=phase)

    assert [] == list(dhcp_leases.held(sandbox))


def test_each_of_several_networks() -> None:
    sandbox = _sandbox(_attachment({"type": "dhcp"}), _attachment({"type": "dhcp", "priority": 5}, "net2"))

    assert ["net1", "net2"] == [each.environment["CNI_IFNAME"] for each in dhcp_leases.held(sandbox)]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (RESULT, None),
        (RESULT.replace("3.7", "3.8"), "the server now gives 10.0.3.8/24; the pod has 10.0.3.7/24"),
        ('{"code":999,"msg":"no more tries"}', "no more tries"),
        ("", "answered ''"),
    ],
)
def test_problems_of_the_answer(answer: str, problem: str | None) -> None:
    (lease,) = dhcp_leases.held(_sandbox(_attachment({"type": "dhcp"})))
    found = dhcp_leases.problem(lease, answer)

    assert (problem is None) == (found is None)
    assert (problem or "") in (found or "")

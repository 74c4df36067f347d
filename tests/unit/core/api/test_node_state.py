"""The parts of an inventory that concern a daemon's work: as JSON and back, and unknown where an earlier release wrote it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api import inventory
from netattach_core.api.inventory import Interface, NodeInventory
from netattach_core.api.node_state import (
    Attached,
    AttachedNetwork,
    CniStatus,
    Probe,
    SriovFunction,
    UnmetPod,
    UnmetPods,
    UnmetReason,
)
from netattach_core.errors import DecodeError

COMPLETE = NodeInventory(
    "worker-1",
    interfaces=(
        Interface("eth1.7", kind="vlan", parent="eth1", vlan_id=7),
        Interface("br0", kind="bridge", vlans=("1", "10-20")),
        Interface("ens1f0", sriov=SriovFunction(total_vfs=8, vfs=2)),
    ),
    boot_id="7a1f",
    link_kinds=("bridge", "veth"),
    cni_status=CniStatus(ready=False, code=51, message="half", time="2026-11-30T10:00:00Z"),
    attached=Attached(3, (AttachedNetwork("shop/lan", pods=2, outdated=1),)),
    unmet_pods=UnmetPods(
        1,
        (UnmetPod("shop", "web", "u1", ("shop/lan",), UnmetReason.NOT_ATTACHED, "no ledger entry"),),
    ),
    probe=Probe("7a1f", succeeded=False, message="no veth", time="2026-11-30T10:00:00Z"),
)


def test_all_of_it_is_read_back() -> None:
    body = json.loads(json.dumps(inventory.to_dict(COMPLETE)))

    assert COMPLETE == inventory.from_dict(body)
    assert {"totalVFs": 8, "vfs": 2} == body["interfaces"][2]["sriov"]
    assert "NotAttached" == body["unmetPods"]["pods"][0]["reason"]


def test_what_an_earlier_daemon_does_not_report_is_unknown() -> None:
    body = inventory.to_dict(NodeInventory("worker-1", interfaces=(Interface("eth0"),)))

    assert not body.keys() & {"bootID", "linkKinds", "cniStatus", "attached", "unmetPods", "probe"}
    assert not body["interfaces"][0].keys() & {"vlanID", "vlans", "sriov"}
    read = inventory.from_dict(body)
    assert (None,) * 5 == (read.link_kinds, read.cni_status, read.attached, read.unmet_pods, read.probe)


@pytest.mark.parametrize(
    ("kinds", "lacks"),
    [
        pytest.param(None, False, id="not tried"),
        pytest.param((), True, id="none can be made"),
        pytest.param(("ipvlan",), False, id="available"),
        pytest.param(("macvlan",), True, id="another one is"),
    ],
)
def test_a_link_kind_is_missing_only_where_it_was_tried(kinds: tuple[str, ...] | None, lacks: bool) -> None:  # noqa: FBT001
    node = NodeInventory("worker-1", link_kinds=kinds)

    assert lacks == node.lacks_link_kind("ipvlan")
    assert not node.lacks_link_kind("wireguard")  # nobody tries it


@pytest.mark.parametrize(
    "part",
    [
        {"attached": {"networks": [{"pods": 1}]}},
        {"attached": []},
        {"unmetPods": {"pods": ["web"]}},
        {"probe": "succeeded"},
        {"cniStatus": {"code": "none"}},
        {"linkKinds": 7},
        {"interfaces": [{"name": "eth0", "sriov": {}}]},
    ],
    ids=lambda part: next(iter(part)),
)
def test_what_is_no_inventory_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(DecodeError, match="not a node inventory"):
        inventory.from_dict({"node": "worker-1", **part})


def test_counts_are_left_out_of_what_is_published_at_once() -> None:
    more = NodeInventory("worker-1", attached=Attached(4), unmet_pods=UnmetPods())

    assert inventory.without_counts(more) == inventory.without_counts(NodeInventory("worker-1"))
    assert COMPLETE.unmet_pods == inventory.without_counts(COMPLETE).unmet_pods


def test_validation_does_not_see_what_a_daemon_reports_of_its_work() -> None:
    """Else each pod that starts would have all networks validated again."""
    seen = inventory.for_validation(COMPLETE)

    assert (COMPLETE.interfaces, COMPLETE.link_kinds) == (seen.interfaces, seen.link_kinds)
    assert seen == NodeInventory("worker-1", interfaces=COMPLETE.interfaces, link_kinds=COMPLETE.link_kinds)


def test_a_network_without_pods_has_none_attached() -> None:
    assert COMPLETE.attached is not None
    assert AttachedNetwork("shop/lan", 2, 1) == COMPLETE.attached.of("shop/lan")
    assert AttachedNetwork("shop/other", 0) == COMPLETE.attached.of("shop/other")

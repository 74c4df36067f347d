# ruff: noqa: E501  # rows of tables
"""Each part of a node: how it works, and how it does not; and what the API does not show."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.doctor.diagnoses import State, diagnoses
from netattach_cli.doctor.inputs import Facts
from netattach_cli.networks.inputs import NodeFacts
from netattach_core.api.inventory import TRIED_LINK_KINDS, Dhcp, Interface, NetworkFile, Plugin, Primary
from netattach_core.api.node_state import CniStatus, Probe, UnmetPod
from netattach_core.api.objects import Body
from support import fake_kubectl
from unit.cli import cluster_objects as objects
from unit.cli.samples import Netattach

LOST = UnmetPod(
    "default", "web", "u", ("default/lan",), "InterfaceMissing", "the pod has lost interface net1"
)
WHOLE: dict[str, Any] = {
    "networks": (NetworkFile("10-cbr0.conflist", "cbr0"),),
    "link_kinds": TRIED_LINK_KINDS,
    "dhcp": Dhcp(running=True, socket="/run/netattach/dhcp.sock"),
}


def facts(*unmet: UnmetPod, daemon: Body | None = None, **changes: Any) -> Facts:
    inventory = objects.inventory_of("node1", *unmet, **{**WHOLE, **changes})
    daemons = [daemon or objects.daemon_pod("node1")]
    return Facts("node1", NodeFacts([objects.node("node1")], daemons, [inventory]), [objects.network()])


def part(name: str, given: Facts) -> tuple[State, str]:
    found = next(each for each in diagnoses(given) if each.part == name)
    assert found.fix or found.state in {State.OK, State.UNKNOWN}
    return found.state, found.message


def wrong(given: Facts) -> set[str]:
    return {each.part for each in diagnoses(given) if each.state is State.WRONG}


def test_a_healthy_node() -> None:
    assert {
        "node": "ok",
        "daemon": "ok",
        "default network": "ok",
        "CNI config order": "ok",
        "plugin directories": "ok",
        "plugins": "ok",
        "kernel": "ok",
        "DHCP": "ok",
        "probe": "ok",
        "pods": "ok",
        "SELinux": "not visible",
        "runtime paths": "not visible",
        "pending DELs": "not visible",
        "leases": "not visible",
    } == {each.part: each.state.value for each in diagnoses(facts())}


WRONG: dict[str, tuple[Facts, str, str]] = {
    "a daemon that is not ready": (
        facts(daemon=objects.daemon_pod("node1", ready=False, waiting={"reason": "CrashLoopBackOff", "message": "back-off"})),
        "daemon",
        "CrashLoopBackOff: back-off",
    ),
    "no daemon": (dataclasses.replace(facts(), node=dataclasses.replace(facts().node, daemons=[])), "daemon", "no pod of the daemon"),
    "another config first": (facts(networks=(NetworkFile("00-multus.conf", "m"),)), "CNI config order", "00-multus.conf before"),
    "no default network": (facts(primary=None), "default network", "none is found"),
    "a default network that is not ready": (
        facts(cni_status=CniStatus(ready=False, code=50, message="flannel has no subnet")),
        "default network",
        "cbr0 (10-cbr0.conflist) is not ready: flannel has no subnet",
    ),
    "a plugin that is missing": (facts(plugins=(Plugin("host-local", ("1.0.0",)),)), "plugins", "macvlan"),
    "a kernel without macvlan": (facts(link_kinds=("veth", "bridge")), "kernel", "cannot create links of the kinds"),
    "a probe that failed": (facts(probe=Probe("boot", succeeded=False, message="no veth")), "probe", "no veth"),
    "an interface that is missing": (facts(interfaces=(Interface("eth0"),)), "network", "default/lan: InterfaceMissing: "),
    "a pod that lacks a network": (facts(LOST), "pods", "1 lack a network: default/web: InterfaceMissing"),
    "no inventory": (dataclasses.replace(facts(), node=dataclasses.replace(facts().node, inventories=[])), "inventory", "not published"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found_with_its_reason_and_a_fix(name: str) -> None:
    given, which, message = WRONG[name]
    state, found = part(which, given)

    assert State.WRONG is state
    assert message in found


def test_a_contested_config_and_a_taint_and_a_shim_of_another_release() -> None:
    given = facts()
    event = objects.body("Event", "e", "default", message="renamed by cilium")
    node = objects.node("node1")
    node["spec"] = {"taints": [{"key": "netattach.io/not-ready"}]}
    inventory = objects.inventory_of("node1", **WHOLE)
    inventory["status"]["versions"]["shim"] = "0.1.0"
    given = dataclasses.replace(
        given, contests=[event], node=dataclasses.replace(given.node, nodes=[node], inventories=[inventory])
    )

    assert {"CNI config", "node", "shim"} == wrong(given)


def test_a_network_that_needs_dhcp_and_has_no_client() -> None:
    config = '{"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": {"type": "dhcp"}}'
    given = facts(dhcp=Dhcp(running=False, socket=""), plugins=(*objects.PLUGINS, Plugin("dhcp", ("1.0.0",))))

    assert State.OK is part("DHCP", given)[0]
    assert (
        State.WRONG is part("DHCP", dataclasses.replace(given, networks=[objects.network(config=config)]))[0]
    )


def test_what_an_earlier_release_does_not_report_is_unknown() -> None:
    given = facts(networks=None, link_kinds=None, dhcp=None, probe=None, plugins=(Plugin("odd"),))

    assert {"CNI config order", "kernel", "DHCP", "probe"} <= {
        each.part for each in diagnoses(given) if each.state is State.UNKNOWN
    }


@pytest.mark.parametrize("value", [None, 7, "x", [7], {"a": 7}, True])
def test_an_inventory_of_any_form_is_read(value: object) -> None:
    keys = (
        "primary",
        "networks",
        "plugins",
        "cniStatus",
        "linkKinds",
        "dhcp",
        "probe",
        "unmetPods",
        "versions",
        "kernel",
        "attached",
    )
    inventory = objects.inventory_of("node1")
    inventory["status"] = dict.fromkeys(keys, value)
    given = dataclasses.replace(facts(), node=dataclasses.replace(facts().node, inventories=[inventory]))

    assert {"SELinux", "daemon"} <= {each.part for each in diagnoses(given)}


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netattach: Netattach) -> None:
    found = objects.replaced(
        objects.healthy(datetime.now(UTC)),
        objects.inventory_of("node1", **{**WHOLE, "primary": Primary("\x1b[2J", "f", ())}),
    )
    fake_kubectl.install(tmp_path / "bin", found)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")

    status, out, errors = netattach("doctor", "node/node1")
    assert (0, "") == (status, errors)
    assert ["PART", "STATE", "MESSAGE", "FIX"] == out.splitlines()[0].split()
    assert "\x1b" not in out
    assert 1 == netattach("doctor", "node9")[0]


def test_a_text_that_is_no_name_is_in_no_command() -> None:
    daemon = objects.daemon_pod("node1", ready=False)
    daemon["metadata"] = {"name": "$(id)", "namespace": "--all"}
    bare = objects.inventory_of("node1", interfaces=())
    network = objects.network("x;id")
    given = Facts("node1", NodeFacts([objects.node("node1")], [daemon], [bare]), [network])
    fixes = [each.fix for each in diagnoses(given)]

    assert "kubectl -n NAMESPACE logs POD --all-containers" in fixes
    assert [] == [fix for fix in fixes if "$(" in fix or ";id" in fix]
    assert "kubectl netattach networks NETWORK" in fixes

"""STATUS, GC and CHECK on a node with networks of CNI 1.1.0, called by the reference client."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DEFAULT_NETWORK, NodePaths
from netattach_core.cni import netattach_conf
from support.node import CnitoolNode, NodePod

WITNESS = r"""#!/bin/sh
# Prints the previous result, records the input of GC, and is not ready while a file exists.
stdin=$(tr -d '\n')
case $CNI_COMMAND in
ADD) exec python3 -c 'import json, sys; print(json.dumps(json.loads(sys.argv[1])["prevResult"]))' "$stdin" ;;
GC) echo "$stdin" >> RECORDS/gc ;;
STATUS) [ ! -e RECORDS/limited ] || { echo '{"cniVersion":"1.1.0","code":51,"msg":"half"}'; exit 1; } ;;
esac
"""
LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.200",
}


@pytest.fixture
def node(places: NodePaths, cnitool: Path, tmp_path: Path) -> Iterator[CnitoolNode]:
    """Its default network, and so our conflist, are of 1.1.0; each chain has a witness."""
    own = NodePaths(tmp_path / "stage", places.plugins, places.shim)
    with demo_node.build(own) as built:
        primary = json.loads(DEFAULT_NETWORK)
        primary |= {"cniVersion": "1.1.0", "plugins": [*primary["plugins"], {"type": "witness"}]}
        (own.conf_dir / "10-default.conflist").write_text(json.dumps(primary))
        (own.conf_dir / netattach_conf.FILE_NAME).write_text(netattach_conf.text("1.1.0"))
        (own.bin_dir / "witness").write_text(WITNESS.replace("RECORDS", str(tmp_path)))
        (own.bin_dir / "witness").chmod(0o755)
        node = CnitoolNode(built, cnitool)
        macvlan = {"type": "macvlan", "master": "eth1", "ipam": LAN}
        plugins = [macvlan, {"type": "witness"}]
        node.create_nad("lan", {"cniVersion": "1.1.0", "name": "lan", "plugins": plugins})
        with built.daemon():
            yield node


def _ask(node: CnitoolNode, verb: str, pod: NodePod) -> subprocess.CompletedProcess[str]:
    return node.call(verb, pod)


def test_status_is_that_of_the_default_network(node: CnitoolNode, tmp_path: Path) -> None:
    """With its error code; pods start nevertheless (CNI SPEC section 2, STATUS)."""
    with node.pod("lan") as pod:
        ready = _ask(node, "status", pod)
        (tmp_path / "limited").touch()
        limited = _ask(node, "status", pod)

        assert (0, "") == (ready.returncode, ready.stderr)
        assert 0 != limited.returncode
        assert "the default network cbr0 is not ready: plugin witness failed: half" in limited.stderr
        node.add(pod)
        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        node.delete(pod)


def test_status_of_a_node_without_a_default_network(node: CnitoolNode) -> None:
    """Not ready, with the reason."""
    (node.stage.paths.conf_dir / "10-default.conflist").unlink()
    with node.pod() as pod:
        asked = _ask(node, "status", pod)

        assert 0 != asked.returncode
        assert "no default network yet" in asked.stderr


def test_gc_deletes_no_running_pod(node: CnitoolNode, tmp_path: Path) -> None:
    """The reference client lists no attachments; each network gets its own interfaces."""
    with node.pod("lan,lan") as pod:
        node.add(pod)
        leases = node.leases()
        [entry] = node.stage.paths.ledger.glob("*.json")
        container_id = entry.stem
        # cnitool's gc deletes what is in its cache first, as a runtime without pods
        for path in (node.stage.paths.var_lib_cni / "results").iterdir():
            path.rename(tmp_path / path.name)

        asked = _ask(node, "gc", pod)

        assert (0, "") == (asked.returncode, asked.stderr)
        told = [json.loads(line) for line in (tmp_path / "gc").read_text().splitlines()]
        assert {
            "cbr0": [{"containerID": container_id, "ifname": "eth0"}],
            "lan": [{"containerID": container_id, "ifname": name} for name in ("net1", "net2")],
        } == {each["name"]: each["cni.dev/valid-attachments"] for each in told}
        assert leases == node.leases()
        node.delete(pod)
        assert [] == node.leases()


def test_check_finds_what_is_missing_in_any_network(node: CnitoolNode) -> None:
    """CHECK of Multus checks nothing."""
    with node.pod("lan") as pod:
        node.add(pod)
        assert 0 == _ask(node, "check", pod).returncode
        node.in_pod(pod, "ip", "address", "flush", "dev", "net1")

        checked = _ask(node, "check", pod)

        assert 0 != checked.returncode
        assert "CHECK of network default/lan (net1)" in checked.stderr
        node.delete(pod)

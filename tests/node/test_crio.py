"""CRI-O's calls, by its own CNI library, with two directories of plugins and namespaces in /var/run/netns, as on OpenShift.

Unlike containerd, CRI-O makes DEL and CHECK with the config and the annotations that libcni has cached at ADD, and starts every
plugin for its versions when it reads a config. What surrounds the library in CRI-O is not played.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from netattach_plugin.state import handover
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.shim_ledger import ShimLedger
from support import require
from support.node import CnitoolNode, NodePod

DATA = {
    "cniVersion": "1.0.0",
    "name": "data",
    "type": "macvlan",
    "master": "eth1",
    "ipam": {"type": "host-local", "subnet": "10.0.3.0/24", "rangeStart": "10.0.3.100"},
}


@dataclass
class Crio:
    """CRI-O on a node: its `plugin_dirs` are the directory with the shim, and another one with macvlan."""

    node: CnitoolNode
    program: Path

    @property
    def stage(self) -> DemoNode:
        return self.node.stage

    def call(self, verb: str, pod: NodePod | None = None) -> subprocess.CompletedProcess[str]:
        environment = {
            "CONF_DIR": str(self.stage.paths.conf_dir),
            "PLUGIN_DIRS": f"{self.stage.paths.bin_dir}:{self.node.more_plugins}",
        }
        about = [] if pod is None else [json.dumps(_body(pod))]
        return self.stage.run(self.program, verb, *about, env=environment, check=False)

    def succeed(self, verb: str, pod: NodePod | None = None) -> str:
        done = self.call(verb, pod)
        assert done.returncode == 0, done.stderr
        return done.stdout


def _body(pod: NodePod) -> dict[str, Any]:
    """As CRI-O names it: the sandbox has an id of 64 hexadecimal digits."""
    return {
        "Namespace": pod.namespace,
        "Name": pod.name,
        "UID": pod.uid,
        "ID": pod.name.encode().hex().ljust(64, "0"),
        "NetNS": f"/var/run/netns/{pod.name}",
        "Annotations": pod.annotations,
    }


@pytest.fixture
def crio(places: NodePaths, tmp_path: Path, cnitool: Path) -> Iterator[Crio]:
    program = require.crio_calls()
    with demo_node.build(NodePaths(tmp_path / "stage", places.plugins, places.shim)) as built:
        other = tmp_path / "libexec"
        other.mkdir()
        (built.paths.bin_dir / "macvlan").rename(other / "macvlan")
        node = CnitoolNode(built, cnitool, more_plugins=other)
        node.create_nad("data", DATA)
        yield Crio(node, program)
        assert {} == {kind: left for kind, left in node.leftovers().items() if left}


def test_a_pod_with_a_secondary_network(crio: Crio) -> None:
    """The annotations come with the call, so no pod object is needed."""
    with crio.node.pod("data") as pod:
        (crio.stage.paths.store / "pods" / pod.namespace / f"{pod.name}.json").unlink()
        with crio.stage.daemon():
            result = json.loads(crio.succeed("add", pod))
            assert ["lo", "eth0", "net1"] == crio.node.link_names(pod)
            assert {"eth0"} == {each["name"] for each in result["interfaces"] if each.get("sandbox")}
            crio.succeed("check", pod)
            crio.succeed("del", pod)
        assert ["lo"] == crio.node.link_names(pod)


def test_a_pod_without_secondary_networks_needs_no_daemon(crio: Crio) -> None:
    with crio.stage.daemon():
        pass
    with crio.node.pod() as pod:
        crio.succeed("add", pod)
        assert (["lo", "eth0"], 1) == (crio.node.link_names(pod), len(crio.node.records()))
        crio.succeed("check", pod)
        crio.succeed("del", pod)
        assert ["lo"] == crio.node.link_names(pod)


def test_del_uses_the_cached_config_when_the_conflist_is_gone(crio: Crio) -> None:
    """CRI-O calls netattach, also while another program holds the first place; a second DEL succeeds."""
    conflist = crio.stage.paths.conf_dir / "00-netattach.conflist"
    with crio.node.pod("data") as pod, crio.stage.daemon():
        crio.succeed("add", pod)
        text = conflist.read_text()
        conflist.unlink()
        crio.succeed("del", pod)
        conflist.write_text(text)

        assert ["lo"] == crio.node.link_names(pod)
        crio.succeed("del", pod)


@pytest.mark.parametrize("networks", ["", "data"], ids=["the default network alone", "a secondary network"])
def test_del_after_an_uninstall_that_has_handed_the_pod_over(crio: Crio, networks: str) -> None:
    """CRI-O still calls the shim, which finds in the daemon's files what to do; nothing else is left to do it."""
    paths = crio.stage.paths
    with crio.node.pod(networks) as pod:
        with crio.stage.daemon():
            crio.succeed("add", pod)
        ledger, caches = (
            ShimLedger(paths.ledger, 120),
            CniCaches(paths.var_lib_cni / "multus", paths.var_lib_cni),
        )
        asyncio.run(handover.export(ledger, caches))
        (paths.conf_dir / "00-netattach.conflist").unlink()
        assert 1 == len(list((paths.var_lib_cni / "results").glob("cbr0-*")))

        crio.succeed("del", pod)

        assert ["lo"] == crio.node.link_names(pod)


def test_status_and_gc(crio: Crio) -> None:
    """GC names the pods that run, and takes nothing from them."""
    with crio.node.pod("data") as pod, crio.stage.daemon():
        crio.succeed("status")
        crio.succeed("add", pod)
        before = crio.node.leases()
        crio.succeed("gc", pod)

        assert (["lo", "eth0", "net1"], before) == (crio.node.link_names(pod), crio.node.leases())
        crio.succeed("del", pod)


def test_crios_gc_takes_the_network_of_pods_that_were_attached_before_netattach(crio: Crio) -> None:
    """CRI-O's own doing, and not netattach's: docs/migrating.md says to drain its nodes.

    It lists its pods under the name of the first config alone, and collects the cached attachments of every other one.
    """
    conflist = crio.stage.paths.conf_dir / "00-netattach.conflist"
    text = conflist.read_text()
    conflist.unlink()
    with crio.node.pod() as before, crio.stage.daemon():
        crio.succeed("add", before)
        assert ["lo", "eth0"] == crio.node.link_names(before)
        conflist.write_text(text)
        crio.succeed("gc", before)

        assert ["lo"] == crio.node.link_names(before)
        crio.succeed("del", before)


def test_a_failed_add_is_reported_in_crios_words(crio: Crio) -> None:
    with crio.node.pod("nowhere") as pod, crio.stage.daemon():
        failed = crio.call("add", pod)

        assert 0 != failed.returncode
        assert f"pod default/{pod.name}" in failed.stderr
        assert "nowhere" in failed.stderr
        crio.succeed("del", pod)

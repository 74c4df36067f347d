"""Plugins that misbehave, shims that are killed with all they started, runtimes that hurry: nothing left, no falsehood told."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import NodePaths
from support.faults import FaultyDaemon, kill, processes_of, state
from support.node import CnitoolNode
from support.waiting import PATIENCE, eventually

LAN: dict[str, Any] = {"type": "host-local", "subnet": "10.9.0.0/16"}
GOOD: dict[str, Any] = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}

MISBEHAVIOUR = {
    "hangs": ("sleep 300 & sleep 300", "did not end within 2000 ms and was stopped"),
    "hangs in another session": ("setsid sleep 300 & wait", "did not end within 2000 ms and was stopped"),
    "crashes": ("kill -SEGV $$", "was killed by signal 11"),
    "prints garbage": ("echo '{\"cniVersion\": nonsense'", "returned an invalid CNI result"),
    "prints nothing": ("exit 0", "returned no result"),
    "writes 10 MB": ("head -c 10000000 /dev/zero", "it wrote more than 1 MiB"),
    "writes 10 MB to stderr": ("head -c 10000000 /dev/zero >&2", "it wrote more than 1 MiB"),
    "fails without a message": ("exit 7", "failed with exit status 7 and printed: nothing"),
    "fails with a phrase that means success": ("echo 'link not found'; exit 1", "printed: link not found"),
}


@dataclass
class Stand:
    """A node, its daemon, and what the node looks like without pods."""

    node: CnitoolNode
    daemon: FaultyDaemon
    clean: object = None

    def plugin(self, script: str) -> None:
        """Installs it as `odd`."""
        path = self.node.stage.paths.bin_dir / "odd"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def nothing_is_left(self) -> None:
        eventually(lambda: state(self.node) == self.clean)
        eventually(lambda: not processes_of(f"CNI_PATH={self.node.stage.paths.bin_dir}"))


@contextlib.contextmanager
def standing(places: NodePaths, cnitool: Path, root: Path, **settings: str) -> Iterator[Stand]:
    with demo_node.build(NodePaths(root / "stage", places.plugins, places.shim)) as built:
        node, daemon = CnitoolNode(built, cnitool), FaultyDaemon(built, root)
        node.create_nad("good", GOOD)
        node.create_nad("odd", {"cniVersion": "1.0.0", "type": "odd"})
        with daemon.running(**settings):
            with node.pod("good") as pod:
                node.add(pod)
                node.delete(pod)
            yield Stand(node, daemon, state(node))


@pytest.fixture(scope="module")
def stand(places: NodePaths, cnitool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """For all tests here, none of which leaves anything. Its daemon waits two seconds for a plugin."""
    with standing(places, cnitool, tmp_path_factory.mktemp("faults"), NETATTACH_PLUGIN_DEADLINE="2") as stand:
        yield stand


@pytest.fixture(scope="module")
def patient(places: NodePaths, cnitool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """Likewise, with a daemon that waits for a plugin as long as a test may hold it."""
    with standing(places, cnitool, tmp_path_factory.mktemp("patient")) as stand:
        yield stand


@pytest.mark.parametrize(("script", "said"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_a_plugin_that_misbehaves_on_add(stand: Stand, script: str, said: str) -> None:
    """The error names the cause; other networks are undone, and all its processes are ended."""
    stand.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0\n{script}')
    with stand.node.pod("good,odd") as pod:
        added = stand.node.call("add", pod)

        assert 0 != added.returncode
        assert "ADD of network default/odd (net2)" in added.stderr
        assert said in added.stderr
        assert ["lo"] == stand.node.link_names(pod)
        stand.node.delete(pod)
        stand.nothing_is_left()


@pytest.mark.parametrize(
    "script", [MISBEHAVIOUR[key][0] for key in ("hangs", "crashes", "fails with a phrase that means success")]
)
def test_a_plugin_that_misbehaves_on_delete(stand: Stand, script: str) -> None:
    """DEL fails, without the phrases that containerd takes for a success; the rest is released, and the next DEL succeeds."""
    stand.plugin('[ "$CNI_COMMAND" = ADD ] && echo "{}"')
    with stand.node.pod("good,odd") as pod:
        stand.node.add(pod)
        stand.plugin(script)

        deleted = stand.node.call("del", pod)

        assert 0 != deleted.returncode
        assert "DEL of network default/odd (net2)" in deleted.stderr
        assert "not found" not in deleted.stderr
        assert [] == stand.node.leases()
        [entry] = stand.node.stage.paths.ledger.glob("*.json")
        left = json.loads(entry.read_text())
        assert ("deleting", ["net2"]) == (left["phase"], [each["interface"] for each in left["attachments"]])
        stand.plugin("exit 0")
        stand.node.delete(pod)
        stand.nothing_is_left()


def test_a_failed_delete_is_retried_during_calls_for_other_pods(stand: Stand) -> None:
    """Where the runtime forgets the sandbox after a failure. A restart of the daemon shortens the wait of half a minute."""
    stand.plugin('[ "$CNI_COMMAND" = ADD ] && echo "{}"')
    with stand.node.pod("odd") as pod:
        stand.node.add(pod)
        stand.plugin("exit 1")
        assert 0 != stand.node.call("del", pod).returncode
    for path in (stand.node.stage.paths.var_lib_cni / "results").iterdir():
        path.unlink()
    stand.plugin("exit 0")
    stand.daemon.die()

    def another_pod_is_attached() -> bool:
        with stand.node.pod("good") as other:
            stand.node.add(other)
            stand.node.delete(other)
        return state(stand.node) == stand.clean

    eventually(another_pod_is_attached)
    stand.nothing_is_left()


def test_a_shim_that_is_killed_with_all_that_it_started(stand: Stand, tmp_path: Path) -> None:
    """As the kernel does without memory: nothing is left to undo the ADD. The DEL of the runtime does."""
    started = tmp_path / "started"
    stand.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0\nsleep 300 &\ntouch {started}\nwait')
    with stand.node.pod("good,odd") as pod, ThreadPoolExecutor() as pool:
        adding = pool.submit(stand.node.call, "add", pod)
        eventually(lambda: started.exists() and stand.node.leases())

        def all_are_killed() -> bool:
            remaining = processes_of(f"CNI_PATH={stand.node.stage.paths.bin_dir}")
            for pid in reversed(remaining):
                kill(pid)
            return not remaining

        eventually(all_are_killed)

        assert 0 != adding.result(timeout=PATIENCE).returncode
        eventually(lambda: 0 == stand.node.call("del", pod).returncode)
        stand.nothing_is_left()


def test_two_adds_for_one_sandbox_overlap(patient: Stand, tmp_path: Path) -> None:
    """One is carried out, the other one fails, since the sandbox is attached already; the pod is complete."""
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    wait = f'touch {started}; while [ ! -e {go_on} ]; do sleep 0.01; done; echo "{{}}"'
    patient.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0\n{wait}')
    with patient.node.pod("good,odd") as pod, ThreadPoolExecutor() as pool:
        first = pool.submit(patient.node.call, "add", pod)
        eventually(started.exists)
        path = f"CNI_PATH={patient.node.stage.paths.bin_dir}"
        alone = len(processes_of(path, "CNI_COMMAND=ADD", "CNI_IFNAME=eth0"))
        second = pool.submit(patient.node.call, "add", pod)
        eventually(lambda: len(processes_of(path, "CNI_COMMAND=ADD", "CNI_IFNAME=eth0")) > alone)
        go_on.touch()

        outcomes = sorted(
            [first.result(timeout=PATIENCE).returncode, second.result(timeout=PATIENCE).returncode]
        )
        assert [0, 1] == outcomes
        assert ["lo", "eth0", "net1"] == patient.node.link_names(pod)
        assert 2 == len(patient.node.leases())
        patient.node.delete(pod)
        patient.nothing_is_left()


def test_a_queued_call_that_is_cancelled_starts_nothing(patient: Stand, tmp_path: Path) -> None:
    """The queue reaches it after its runtime is gone."""
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    wait = f'touch {started}; while [ ! -e {go_on} ]; do sleep 0.01; done; echo "{{}}"'
    patient.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0\n{wait}')
    with patient.node.pod("odd") as pod, ThreadPoolExecutor() as pool:
        first = pool.submit(patient.node.call, "add", pod)
        eventually(started.exists)
        deleting = pool.submit(patient.node.call, "del", pod)
        path = f"CNI_PATH={patient.node.stage.paths.bin_dir}"
        eventually(lambda: processes_of(path, "CNI_COMMAND=DEL"))
        kill(min(processes_of(path, "CNI_COMMAND=DEL")))
        assert 0 != deleting.result(timeout=PATIENCE).returncode
        go_on.touch()

        assert 0 == first.result(timeout=PATIENCE).returncode
        eventually(lambda: not processes_of(f"CNI_PATH={patient.node.stage.paths.bin_dir}"))
        assert ["lo", "eth0"] == patient.node.link_names(pod)
        assert 1 == len(list(patient.node.stage.paths.ledger.glob("*.json")))
        patient.node.delete(pod)
        patient.nothing_is_left()

"""Plugins that misbehave, shims that are killed with all they started, runtimes that hurry: nothing left, no falsehood told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import stage
from netattach_cli.demo.stage import Places
from support.faults import FaultyDaemon, eventually, kill, processes_of, state
from support.node import Node

LAN: dict[str, Any] = {"type": "host-local", "subnet": "10.9.0.0/16"}
GOOD: dict[str, Any] = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}

MISBEHAVIOUR = {
    "hangs": ("sleep 300 & sleep 300", "did not end within 1000 ms and was stopped"),
    "hangs in another session": ("setsid sleep 300 & wait", "did not end within 1000 ms and was stopped"),
    "crashes": ("kill -SEGV $$", "was killed by signal 11"),
    "prints garbage": ("echo '{\"cniVersion\": nonsense'", "returned an invalid CNI result"),
    "prints nothing": ("exit 0", "returned no result"),
    "writes 10 MB": ("head -c 10000000 /dev/zero", "it wrote more than 1 MiB"),
    "complains in 10 MB": ("head -c 10000000 /dev/zero >&2", "it wrote more than 1 MiB"),
    "fails without a word": ("exit 7", "failed with exit status 7 and printed: nothing"),
    "fails in words that mean success": ("echo 'link not found'; exit 1", "said: link not found"),
}


@dataclass
class Stand:
    """A node whose daemon waits a second for a plugin."""

    node: Node
    daemon: FaultyDaemon
    clean: object = None

    def plugin(self, script: str) -> None:
        """Installs it as `odd`."""
        path = self.node.stage.places.bin_dir / "odd"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def nothing_is_left(self) -> None:
        eventually(lambda: state(self.node) == self.clean)
        eventually(lambda: not processes_of(f"CNI_PATH={self.node.stage.places.bin_dir}"))


@pytest.fixture(scope="module")
def stand(places: Places, cnitool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """For all tests here, none of which leaves anything."""
    root = tmp_path_factory.mktemp("faults")
    with stage.build(Places(root / "stage", places.plugins, places.shim)) as built:
        node, daemon = Node(built, cnitool), FaultyDaemon(built, root)
        node.create_nad("good", GOOD)
        node.create_nad("odd", {"cniVersion": "1.0.0", "type": "odd"})
        with daemon.running(NETATTACH_PLUGIN_DEADLINE="1"):
            with node.pod("good") as pod:
                node.add(pod)
                node.delete(pod)
            yield Stand(node, daemon, state(node))


@pytest.mark.parametrize(("script", "said"), MISBEHAVIOUR.values(), ids=MISBEHAVIOUR)
def test_a_plugin_that_misbehaves_on_add(stand: Stand, script: str, said: str) -> None:
    """It is told as it was; what was attached beside it is undone, and all that it started is ended."""
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
    "script", [MISBEHAVIOUR[key][0] for key in ("hangs", "crashes", "fails in words that mean success")]
)
def test_a_plugin_that_misbehaves_on_delete(stand: Stand, script: str) -> None:
    """No success, and none of the words that containerd takes for one; the rest is freed, and the next DEL ends it."""
    stand.plugin('[ "$CNI_COMMAND" = ADD ] && echo "{}"')
    with stand.node.pod("good,odd") as pod:
        stand.node.add(pod)
        stand.plugin(script)

        deleted = stand.node.call("del", pod)

        assert 0 != deleted.returncode
        assert "DEL of network default/odd (net2)" in deleted.stderr
        assert "not found" not in deleted.stderr
        assert [] == stand.node.leases()
        [entry] = stand.node.stage.places.ledger.glob("*.json")
        left = json.loads(entry.read_text())
        assert ("deleting", ["net2"]) == (left["phase"], [each["interface"] for each in left["attachments"]])
        stand.plugin("exit 0")
        stand.node.delete(pod)
        stand.nothing_is_left()


def test_a_delete_that_failed_is_tried_again_in_another_pods_time(stand: Stand) -> None:
    """Where the runtime takes a failure for the end. A restart tells the daemon here, instead of half a minute."""
    stand.plugin('[ "$CNI_COMMAND" = ADD ] && echo "{}"')
    with stand.node.pod("odd") as pod:
        stand.node.add(pod)
        stand.plugin("exit 1")
        assert 0 != stand.node.call("del", pod).returncode
    for path in (stand.node.stage.places.var_lib_cni / "results").iterdir():
        path.unlink()
    stand.plugin("exit 0")
    stand.daemon.die()

    def another_pod_comes() -> bool:
        with stand.node.pod("good") as other:
            stand.node.add(other)
            stand.node.delete(other)
        return state(stand.node) == stand.clean

    eventually(another_pod_comes)
    stand.nothing_is_left()


def test_a_shim_that_is_killed_with_all_that_it_started(stand: Stand, tmp_path: Path) -> None:
    """As the kernel does for want of memory: nobody is left who could undo. The runtime's DEL does."""
    started = tmp_path / "started"
    stand.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0\nsleep 300 &\ntouch {started}\nwait')
    with stand.node.pod("good,odd") as pod, ThreadPoolExecutor() as pool:
        adding = pool.submit(stand.node.call, "add", pod)
        eventually(lambda: started.exists() and stand.node.leases())
        give_up = time.monotonic() + 20
        while remaining := processes_of(f"CNI_PATH={stand.node.stage.places.bin_dir}"):
            assert time.monotonic() < give_up
            for pid in reversed(remaining):
                kill(pid)

        assert 0 != adding.result(timeout=20).returncode
        eventually(lambda: 0 == stand.node.call("del", pod).returncode)
        stand.nothing_is_left()


def test_two_adds_for_one_sandbox_overlap(stand: Stand, tmp_path: Path) -> None:
    """A runtime that was in a hurry. One is carried out, the other one says that it was; the pod is whole."""
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    wait = f'touch {started}; while [ ! -e {go_on} ]; do sleep 0.01; done; echo "{{}}"'
    stand.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0\n{wait}')
    with stand.node.pod("good,odd") as pod, ThreadPoolExecutor() as pool:
        first = pool.submit(stand.node.call, "add", pod)
        eventually(started.exists)
        second = pool.submit(stand.node.call, "add", pod)
        time.sleep(0.2)  # it waits for its turn, and has no plugin
        go_on.touch()

        outcomes = sorted([first.result(timeout=20).returncode, second.result(timeout=20).returncode])
        assert [0, 1] == outcomes
        assert ["lo", "eth0", "net1"] == stand.node.link_names(pod)
        assert 2 == len(stand.node.leases())
        stand.node.delete(pod)
        stand.nothing_is_left()


def test_a_call_that_waits_and_is_given_up_begins_nothing(stand: Stand, tmp_path: Path) -> None:
    """Its turn comes when its runtime is gone."""
    started, go_on = tmp_path / "started", tmp_path / "go-on"
    wait = f'touch {started}; while [ ! -e {go_on} ]; do sleep 0.01; done; echo "{{}}"'
    stand.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0\n{wait}')
    with stand.node.pod("odd") as pod, ThreadPoolExecutor() as pool:
        first = pool.submit(stand.node.call, "add", pod)
        eventually(started.exists)
        deleting = pool.submit(stand.node.call, "del", pod)
        eventually(lambda: processes_of("CNI_COMMAND=DEL"))
        front = min(
            pid
            for pid in processes_of("CNI_COMMAND=DEL")
            if pid in processes_of(f"CNI_PATH={stand.node.stage.places.bin_dir}")
        )
        kill(front)
        assert 0 != deleting.result(timeout=20).returncode
        go_on.touch()

        assert 0 == first.result(timeout=20).returncode
        eventually(lambda: not processes_of(f"CNI_PATH={stand.node.stage.places.bin_dir}"))
        assert ["lo", "eth0"] == stand.node.link_names(pod)
        assert 1 == len(list(stand.node.stage.places.ledger.glob("*.json")))
        stand.node.delete(pod)
        stand.nothing_is_left()

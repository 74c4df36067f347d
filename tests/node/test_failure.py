"""Failures on a node: nothing is left, and the error names the cause."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import NodePaths
from support.faults import processes_of
from support.node import CnitoolNode
from support.waiting import PATIENCE, eventually

LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.200",
}
GOOD: dict[str, Any] = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}
NOTHING: dict[str, list[str]] = {"links": [], "leases": [], "ledger": [], "nat": []}

HANGING = """#!/bin/sh
# A plugin with a child like an IPAM plugin: both run until they are killed; DEL returns at once.
[ "$CNI_COMMAND" = ADD ] || exit 0
sleep 300 &
echo "$$ $!" > {pids}
wait
"""


@pytest.fixture
def plugin(node: CnitoolNode, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Installs a shell script as a CNI plugin of the node; its name."""
    installed: list[Path] = []

    def install(script: str) -> str:
        path = node.stage.paths.bin_dir / f"scripted{len(installed)}"
        path.write_text(script)
        path.chmod(0o755)
        installed.append(path)
        return path.name

    yield install
    for path in installed:
        path.unlink()


def test_a_failing_second_network_undoes_the_first(node: CnitoolNode) -> None:
    """The pod has neither, and no lease."""
    node.create_nad("good", GOOD)
    node.create_nad("bad", {**GOOD, "master": "missing0"})
    with node.pod("good,bad") as pod:
        added = node.call("add", pod)

        assert 0 != added.returncode
        assert (
            f"pod default/{pod.name}: ADD of network default/bad (net2): plugin macvlan failed"
            in added.stderr
        )
        assert ["lo"] == node.link_names(pod)
        assert NOTHING == _left(node)
        assert None is node.status_text(pod)
        node.delete(pod)


def test_delete_twice_is_success(node: CnitoolNode) -> None:
    """Also a third time, without the namespace."""
    node.create_nad("good", GOOD)
    with node.pod("good") as pod:
        node.add(pod)
        node.delete(pod)
        node.delete(pod)

    node.delete(pod)


def test_delete_without_the_namespace_releases_the_leases(node: CnitoolNode) -> None:
    """After a reboot of the node, or after its removal."""
    node.create_nad("good", GOOD)
    with node.pod("good") as pod:
        node.add(pod)
    assert 2 == len(node.leases())

    node.delete(pod)

    assert NOTHING == _left(node)


def test_delete_uses_the_config_of_the_add(node: CnitoolNode) -> None:
    """Multus releases nothing where the NAD was changed in between."""
    node.create_nad("good", GOOD)
    with node.pod("good") as pod:
        node.add(pod)
        node.create_nad("good", {**GOOD, "type": "bridge", "ipam": {"type": "static"}})

        node.delete(pod)

        assert NOTHING == _left(node)


def test_a_network_that_does_not_exist(node: CnitoolNode) -> None:
    """Nothing is started, and the message names the namespace that was searched."""
    with node.pod("nowhere") as pod:
        added = node.call("add", pod)

        assert 0 != added.returncode
        assert "there is no NetworkAttachmentDefinition 'nowhere' in namespace 'default'" in added.stderr
        assert ["lo"] == node.link_names(pod)
        node.delete(pod)


def test_a_plugin_that_is_not_installed(node: CnitoolNode) -> None:
    """What was attached before it is undone; the missing plugin gets no DEL, which would fail as well."""
    chain = [{key: value for key, value in GOOD.items() if key != "cniVersion"}, {"type": "absent"}]
    node.create_nad("absent", {"cniVersion": "1.0.0", "plugins": chain})
    with node.pod("absent") as pod:
        added = node.call("add", pod)

        assert "ADD of network default/absent (net1): plugin absent is not installed" in added.stderr
        assert ["lo"] == node.link_names(pod)
        assert NOTHING == _left(node)


def test_an_existing_interface_is_kept(node: CnitoolNode) -> None:
    """Neither the ADD nor the DEL after it touches an interface of others."""
    node.create_nad("good", GOOD)
    with node.pod("good") as pod:
        node.in_pod(pod, "ip", "link", "add", "net1", "type", "bridge")

        added = node.call("add", pod)
        node.delete(pod)

        assert "the pod has an interface 'net1' already" in added.stderr
        assert ["lo", "net1"] == node.link_names(pod)


def test_a_path_that_is_no_namespace(node: CnitoolNode, tmp_path: Path) -> None:
    """A regular file."""
    (tmp_path / "file").touch()
    with node.pod() as pod:
        added = node.call("add", pod, netns=str(tmp_path / "file"))

        assert 0 != added.returncode
        assert "CNI_NETNS: the network namespace cannot be entered: Invalid argument" in added.stderr


def test_a_runtime_that_does_not_hand_over_annotations(node: CnitoolNode) -> None:
    """Then the pod itself is asked for."""
    node.hands_over_annotations = False
    node.create_nad("good", GOOD)
    with node.pod("good") as pod:
        node.add(pod)

        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        node.delete(pod)


def test_a_runtime_that_cancels_an_add(
    node: CnitoolNode, plugin: Callable[[str], str], tmp_path: Path
) -> None:
    """It kills the shim while a plugin and its child run: both are ended, then all is undone, without another call."""
    pids = tmp_path / "pids"
    node.create_nad("good", GOOD)
    node.create_nad("hangs", {"cniVersion": "1.0.0", "type": plugin(HANGING.format(pids=pids))})
    with node.pod("good,hangs") as pod, ThreadPoolExecutor() as pool:
        adding = pool.submit(node.call, "add", pod)
        eventually(
            lambda: pids.exists() and len(pids.read_text().split()) == 2 and "net1" in node.link_names(pod)
        )
        plugin_and_child = [int(pid) for pid in pids.read_text().split()]

        os.kill(_shim_of(plugin_and_child[0]), signal.SIGKILL)

        assert 0 != adding.result(timeout=PATIENCE).returncode
        eventually(lambda: _left(node) == NOTHING)
        assert [False, False] == [_lives(pid) for pid in plugin_and_child]
        assert ["lo"] == node.link_names(pod)
        node.delete(pod)


def test_sixty_four_pods_at_once_with_four_networks_each(node: CnitoolNode) -> None:
    """Every one is whole, no address is given twice, and all of them are given back."""
    node.create_nad("crowd", {**GOOD, "ipam": {"type": "host-local", "subnet": "10.9.0.0/16"}})
    count, names = 64, ["lo", "eth0", "net1", "net2", "net3", "net4"]
    with contextlib.ExitStack() as sandboxes, ThreadPoolExecutor(count) as pool:
        pods = [sandboxes.enter_context(node.pod(",".join(["crowd"] * 4))) for _ in range(count)]
        list(pool.map(node.add, pods))

        assert [names] * count == [node.link_names(pod) for pod in pods]
        assert 5 * count == len(set(node.leases()))
        list(pool.map(node.delete, pods))
        assert NOTHING == _left(node)


def test_a_daemon_that_was_restarted_knows_its_pods(places: NodePaths, cnitool: Path, tmp_path: Path) -> None:
    """The ledger outlives it; and while it is away a pod that asks for a network waits for it instead of failing."""
    own = NodePaths(tmp_path / "stage", places.plugins, places.shim)
    with demo_node.build(own) as built, ThreadPoolExecutor() as pool:
        node = CnitoolNode(built, cnitool)
        node.create_nad("good", GOOD)
        with node.pod("good") as pod, node.pod("good") as late:
            with built.daemon():
                node.add(pod)
            adding = pool.submit(node.add, late)
            eventually(lambda: processes_of(f"CNI_PATH={built.paths.bin_dir}", "CNI_COMMAND=ADD"))
            assert not adding.done()
            with built.daemon():
                adding.result(timeout=PATIENCE)
                assert ["lo", "eth0", "net1"] == node.link_names(late)
                node.delete(pod)
                node.delete(late)
                assert NOTHING == _left(node)


def _left(node: CnitoolNode) -> dict[str, list[str]]:
    left = node.leftovers()
    return {key: left[key] for key in NOTHING}


def _shim_of(plugin_pid: int) -> int:
    """The process that the runtime started: the plugin's ancestor that is called netattach and whose parent is not."""
    pid = plugin_pid
    while _name(_parent(pid)) == "netattach" or _name(pid) != "netattach":
        pid = _parent(pid)
    return pid


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True

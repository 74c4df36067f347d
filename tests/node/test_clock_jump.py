"""The wall clock is set by a year during calls and pauses: nothing changes.

On this machine the clock of the daemon's process jumps; on the second kernel that of all processes, including shim and plugins.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import NodePaths
from support import uml
from support.faults import FaultyDaemon, processes_of, state
from support.node import CnitoolNode, NodePod
from support.waiting import PATIENCE, eventually
from support.wall_clock import WallClock, wall_clock

YEAR = 365 * 24 * 3600
JUMPS = pytest.mark.parametrize(
    "ahead", [pytest.param(YEAR, id="a-year-forward"), pytest.param(-YEAR, id="a-year-back")]
)
DEADLINE = 20.0 if uml.inside() else 5.0  # the guest is slow
SWEEP_AFTER, FIRST_PAUSE = 2.0, 2.0
"""Seconds: of a plugin's run, until a sandbox without its namespace is swept, between a failed DEL and its retry."""

A_WHILE = 0.5
"""Seconds in which a timer that a jump expires would have fired."""

LAN = {"type": "host-local", "subnet": "10.9.0.0/16"}
GOOD = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}
ODD = {"cniVersion": "1.0.0", "type": "odd", "capabilities": {"CNIDeviceInfoFile": True}}
INFO: dict[str, Any] = {"type": "memif", "version": "1.1.0", "memif": {"role": "master", "path": "/s"}}

PLUGIN = """#!/bin/sh
# Logs its calls, waits or fails on request, and writes a device-info file.
stdin=$(cat)
cut -d " " -f 1 /proc/uptime >> {here}/$CNI_COMMAND
while [ -e {here}/hold-$CNI_COMMAND ]; do sleep 0.01; done
[ ! -e {here}/fail-$CNI_COMMAND ] || exit 1
[ "$CNI_COMMAND" = ADD ] || exit 0
echo '{info}' > "$(echo "$stdin" | sed 's/.*CNIDeviceInfoFile": *"\\([^"]*\\).*/\\1/')"
echo '{{"cniVersion":"1.0.0","interfaces":[{{"name":"net2","sandbox":"'"$CNI_NETNS"'"}}]}}'
"""


@dataclass
class ClockNode:
    """A node, its daemon and the daemon's clock; in `here` the plugin `odd` logs its calls and finds requests."""

    node: CnitoolNode
    daemon: FaultyDaemon
    clock: WallClock
    here: Path
    clean: object = None

    def calls(self, verb: str) -> list[float]:
        """The times of the plugin's calls, by the boot-time clock."""
        path = self.here / verb
        return [float(line) for line in path.read_text().splitlines()] if path.exists() else []

    @contextlib.contextmanager
    def requested(self, what: str, verb: str) -> Iterator[None]:
        """Makes the plugin wait ("hold") or fail ("fail") at calls of the verb."""
        request = self.here / f"{what}-{verb}"
        request.touch()
        try:
            yield
        finally:
            request.unlink()

    def is_attached(self, pod: NodePod) -> None:
        """In the kernel, in the status and in the ledger."""
        assert ["lo", "eth0", "net1"] == self.node.link_names(pod)
        entries = {entry["interface"]: entry for entry in self.node.status(pod)}
        assert ["eth0", "net1", "net2"] == list(entries)
        assert [address.partition("/")[0] for address in self.node.addresses(pod, "net1")] == entries["net1"][
            "ips"
        ]
        assert INFO == entries["net2"]["device-info"]
        [entry] = self.node.stage.paths.ledger.glob("*.json")
        assert "added" == json.loads(entry.read_text().splitlines()[-1])["phase"]
        assert 2 == len(self.node.leases())

    def nothing_is_left(self) -> None:
        eventually(lambda: state(self.node) == self.clean)
        eventually(lambda: not processes_of(f"CNI_PATH={self.node.stage.paths.bin_dir}"))

    def add_and_delete_another_pod(self) -> None:
        with self.node.pod("good") as other:
            self.node.add(other)
            self.node.delete(other)

    def eventually_with_other_calls(self, holds: Callable[[], object]) -> None:
        """The condition holds at last, while other pods are added and deleted."""

        def after_another() -> object:
            self.add_and_delete_another_pod()
            return holds()

        eventually(after_another)


@pytest.fixture(scope="module")
def clock_node(
    places: NodePaths, cnitool: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ClockNode]:
    """For all tests in this module; each checks that nothing is left."""
    root = tmp_path_factory.mktemp("clock")
    here = root / "here"
    here.mkdir()
    built = demo_node.build(NodePaths(root / "stage", places.plugins, places.shim))
    with built as on, wall_clock(root) as clock:
        node, daemon = CnitoolNode(on, cnitool), FaultyDaemon(on, root)
        node.create_nad("good", GOOD)
        node.create_nad("odd", ODD)
        plugin = on.paths.bin_dir / "odd"
        plugin.write_text(PLUGIN.format(here=here, info=json.dumps(INFO)))
        plugin.chmod(0o755)
        settings = {
            "NETATTACH_PLUGIN_DEADLINE": str(DEADLINE),
            "NETATTACH_SWEEP_AFTER": str(SWEEP_AFTER),
            **clock.environment,
        }
        with daemon.running(**settings):
            clock_node = ClockNode(node, daemon, clock, here)
            clock_node.add_and_delete_another_pod()
            clock_node.clean = state(node)
            yield clock_node


@pytest.fixture
def node(clock_node: ClockNode) -> Iterator[ClockNode]:
    """With the right time at the start of each test."""
    for log in clock_node.here.iterdir():
        log.unlink()
    yield clock_node
    clock_node.clock.set_ahead(0)


@JUMPS
def test_the_daemon_sees_the_jump(node: ClockNode, ahead: int) -> None:
    """In its wall clock, not in its monotonic one; otherwise the other tests would test nothing."""
    program = "import time; print(time.time(), time.clock_gettime(time.CLOCK_REALTIME), time.monotonic())"
    right = time.time()

    node.clock.set_ahead(ahead)

    done = node.node.stage.run(sys.executable, "-c", program, env=node.clock.environment)
    wall, other, monotonic = map(float, done.stdout.split())
    assert 60 > abs(wall - right - ahead)
    assert 60 > abs(other - right - ahead)
    assert 60 > abs(monotonic - time.monotonic())
    eventually(
        lambda: any(_has_preloaded_clock(pid, node.clock.environment) for pid in node.daemon.processes())
    )


def _has_preloaded_clock(pid: int, environment: Mapping[str, str]) -> bool:
    """Whether the library is loaded in the process; always true on the second kernel, which needs none."""
    return environment.get("LD_PRELOAD", "") in Path(f"/proc/{pid}/maps").read_text()


def _call_with_a_jump(
    node: ClockNode, verb: str, pod: NodePod, ahead: int
) -> subprocess.CompletedProcess[str]:
    """A call during which the clock is set; it does not end before its plugin continues."""
    with ThreadPoolExecutor() as pool:
        with node.requested("hold", verb):
            calling = pool.submit(node.node.call, verb.lower(), pod)
            eventually(lambda: node.calls(verb))
            node.clock.set_ahead(ahead)
            time.sleep(A_WHILE)
            assert not calling.done()
        return calling.result(timeout=PATIENCE)


@pytest.mark.both_kernels
@JUMPS
def test_during_an_add(node: ClockNode, ahead: int) -> None:
    with node.node.pod("good,odd") as pod:
        added = _call_with_a_jump(node, "ADD", pod, ahead)

        assert 0 == added.returncode, added.stderr
        node.is_attached(pod)
        node.node.delete(pod)
    node.nothing_is_left()


@JUMPS
def test_during_a_del(node: ClockNode, ahead: int) -> None:
    with node.node.pod("good,odd") as pod:
        node.node.add(pod)

        deleted = _call_with_a_jump(node, "DEL", pod, ahead)

        assert 0 == deleted.returncode, deleted.stderr
        assert 1 == len(node.calls("DEL"))
    node.nothing_is_left()


@pytest.mark.both_kernels
@JUMPS
def test_a_hanging_plugin_is_stopped_at_its_deadline(node: ClockNode, ahead: int) -> None:
    """Neither immediately nor after a year."""
    with node.node.pod("good,odd") as pod, ThreadPoolExecutor() as pool:
        with node.requested("hold", "ADD"):
            adding = pool.submit(node.node.call, "add", pod)
            eventually(lambda: node.calls("ADD"))
            node.clock.set_ahead(ahead)
            added = adding.result(timeout=DEADLINE + PATIENCE)

        assert f"did not end within {DEADLINE * 1000:.0f} ms and was stopped" in added.stderr
        assert time.clock_gettime(time.CLOCK_BOOTTIME) - node.calls("ADD")[0] > DEADLINE - A_WHILE
        assert ["lo"] == node.node.link_names(pod)
        node.node.delete(pod)
    node.nothing_is_left()


@JUMPS
def test_during_the_pause_before_a_retry_of_a_del(node: ClockNode, ahead: int) -> None:
    """It is pending since a restart, and retried by the shims of other calls."""
    with node.node.pod("odd") as pod:
        node.node.add(pod)
        with node.requested("fail", "DEL"):
            assert 0 != node.node.call("del", pod).returncode
            node.daemon.die()
            node.eventually_with_other_calls(lambda: len(node.calls("DEL")) > 1)
            node.clock.set_ahead(ahead)
            failed = node.calls("DEL")
        node.eventually_with_other_calls(lambda: not node.node.ledger_entries())

        [succeeded] = node.calls("DEL")[len(failed) :]
        assert succeeded - failed[-1] >= FIRST_PAUSE
        node.node.delete(pod)
    node.nothing_is_left()


@JUMPS
def test_before_the_sweep_of_a_sandbox_that_its_runtime_has_forgotten(node: ClockNode, ahead: int) -> None:
    with node.node.pod("odd") as pod:
        node.node.add(pod)
        gone = time.clock_gettime(time.CLOCK_BOOTTIME)
    for path in (node.node.stage.paths.var_lib_cni / "results").iterdir():
        path.unlink()  # its runtime forgets it
    time.sleep(A_WHILE)  # in which the daemon notices that the namespace is gone

    node.clock.set_ahead(ahead)

    node.eventually_with_other_calls(lambda: node.calls("DEL"))
    assert node.calls("DEL")[0] - gone >= SWEEP_AFTER
    node.nothing_is_left()


@JUMPS
def test_between_add_and_del(node: ClockNode, ahead: int) -> None:
    """A restarted daemon does not know the time at which the ledger was written."""
    with node.node.pod("good,odd") as pod:
        node.node.add(pod)

        node.clock.set_ahead(ahead)

        assert 0 == node.node.call("check", pod).returncode
        node.daemon.die()
        checked = node.node.call("check", pod)
        assert 0 == checked.returncode, checked.stderr
        node.is_attached(pod)
        node.clock.set_ahead(0)
        assert 0 == node.node.call("check", pod).returncode
        node.node.delete(pod)
    node.nothing_is_left()

"""The wall clock is set by a year while something is under way or waits: all goes on as if nothing had been.

On the machine the clock of the daemon's process jumps; on the second kernel everybody's does, the shim's and the plugins' too.
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
from support.node import Node, NodePod
from support.waiting import PATIENCE, eventually
from support.wall_clock import WallClock, wall_clock

YEAR = 365 * 24 * 3600
JUMPS = pytest.mark.parametrize(
    "ahead", [pytest.param(YEAR, id="a-year-forward"), pytest.param(-YEAR, id="a-year-back")]
)
DEADLINE = 20.0 if uml.inside() else 5.0  # the guest is slow
SWEEP_AFTER, FIRST_PAUSE = 2.0, 2.0
"""Seconds: of a plugin's run, until a sandbox whose namespace is gone is swept, between a failed DEL and the next try."""

A_WHILE = 0.5
"""Seconds in which what a jump sets off would have gone off."""

LAN = {"type": "host-local", "subnet": "10.9.0.0/16"}
GOOD = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}
ODD = {"cniVersion": "1.0.0", "type": "odd", "capabilities": {"CNIDeviceInfoFile": True}}
INFO: dict[str, Any] = {"type": "memif", "version": "1.1.0", "memif": {"role": "master", "path": "/s"}}

PLUGIN = """#!/bin/sh
# Notes when it is called, waits and fails where it is told to, and tells of a device of its own.
stdin=$(cat)
cut -d " " -f 1 /proc/uptime >> {here}/$CNI_COMMAND
while [ -e {here}/hold-$CNI_COMMAND ]; do sleep 0.01; done
[ ! -e {here}/fail-$CNI_COMMAND ] || exit 1
[ "$CNI_COMMAND" = ADD ] || exit 0
echo '{info}' > "$(echo "$stdin" | sed 's/.*CNIDeviceInfoFile": *"\\([^"]*\\).*/\\1/')"
echo '{{"cniVersion":"1.0.0","interfaces":[{{"name":"net2","sandbox":"'"$CNI_NETNS"'"}}]}}'
"""


@dataclass
class Stand:
    """A node, its daemon and that one's clock; `here` is where the plugin `odd` notes its calls and is told what to do."""

    node: Node
    daemon: FaultyDaemon
    clock: WallClock
    here: Path
    clean: object = None

    def calls(self, verb: str) -> list[float]:
        """When the plugin was called, by the clock that nobody sets."""
        path = self.here / verb
        return [float(line) for line in path.read_text().splitlines()] if path.exists() else []

    @contextlib.contextmanager
    def told_to(self, what: str, verb: str) -> Iterator[None]:
        order = self.here / f"{what}-{verb}"
        order.touch()
        try:
            yield
        finally:
            order.unlink()

    def is_whole(self, pod: NodePod) -> None:
        """In the kernel, in the status and in the ledger."""
        assert ["lo", "eth0", "net1"] == self.node.link_names(pod)
        entries = {entry["interface"]: entry for entry in self.node.status(pod)}
        assert ["eth0", "net1", "net2"] == list(entries)
        assert [address.partition("/")[0] for address in self.node.addresses(pod, "net1")] == entries["net1"][
            "ips"
        ]
        assert INFO == entries["net2"]["device-info"]
        [entry] = self.node.stage.paths.ledger.glob("*.json")
        assert "added" == json.loads(entry.read_text())["phase"]
        assert 2 == len(self.node.leases())

    def nothing_is_left(self) -> None:
        eventually(lambda: state(self.node) == self.clean)
        eventually(lambda: not processes_of(f"CNI_PATH={self.node.stage.paths.bin_dir}"))

    def another_pod_comes_and_goes(self) -> None:
        with self.node.pod("good") as other:
            self.node.add(other)
            self.node.delete(other)

    def with_the_calls_of_others(self, holds: Callable[[], object]) -> None:
        """Comes to hold while other pods come and go."""

        def after_one() -> object:
            self.another_pod_comes_and_goes()
            return holds()

        eventually(after_one)


@pytest.fixture(scope="module")
def standing(places: NodePaths, cnitool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """For all tests here, none of which leaves anything."""
    root = tmp_path_factory.mktemp("clock")
    here = root / "here"
    here.mkdir()
    built = demo_node.build(NodePaths(root / "stage", places.plugins, places.shim))
    with built as on, wall_clock(root) as clock:
        node, daemon = Node(on, cnitool), FaultyDaemon(on, root)
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
            stand = Stand(node, daemon, clock, here)
            stand.another_pod_comes_and_goes()
            stand.clean = state(node)
            yield stand


@pytest.fixture
def stand(standing: Stand) -> Iterator[Stand]:
    """The clock is right at the beginning of each test."""
    for noted in standing.here.iterdir():
        noted.unlink()
    yield standing
    standing.clock.set_ahead(0)


@JUMPS
def test_the_daemon_sees_the_jump(stand: Stand, ahead: int) -> None:
    """Its Python does, and the clock by which nothing may go wrong is the machine's; else the other tests would test nothing."""
    program = "import time; print(time.time(), time.clock_gettime(time.CLOCK_REALTIME), time.monotonic())"
    right = time.time()

    stand.clock.set_ahead(ahead)

    said = stand.node.stage.run(sys.executable, "-c", program, env=stand.clock.environment)
    wall, other, monotonic = map(float, said.stdout.split())
    assert 60 > abs(wall - right - ahead)
    assert 60 > abs(other - right - ahead)
    assert 60 > abs(monotonic - time.monotonic())
    eventually(lambda: any(_wears(pid, stand.clock.environment) for pid in stand.daemon.processes()))


def _wears(pid: int, environment: Mapping[str, str]) -> bool:
    """Whether the library is in the process; on the second kernel there is none to look for."""
    return environment.get("LD_PRELOAD", "") in Path(f"/proc/{pid}/maps").read_text()


def _with_a_jump(stand: Stand, verb: str, pod: NodePod, ahead: int) -> subprocess.CompletedProcess[str]:
    """A call in whose midst the clock is set; nothing ends it before its plugin goes on."""
    with ThreadPoolExecutor() as pool:
        with stand.told_to("hold", verb):
            calling = pool.submit(stand.node.call, verb.lower(), pod)
            eventually(lambda: stand.calls(verb))
            stand.clock.set_ahead(ahead)
            time.sleep(A_WHILE)
            assert not calling.done()
        return calling.result(timeout=PATIENCE)


@pytest.mark.both_kernels
@JUMPS
def test_while_an_add_is_under_way(stand: Stand, ahead: int) -> None:
    with stand.node.pod("good,odd") as pod:
        added = _with_a_jump(stand, "ADD", pod, ahead)

        assert 0 == added.returncode, added.stderr
        stand.is_whole(pod)
        stand.node.delete(pod)
    stand.nothing_is_left()


@JUMPS
def test_while_a_delete_is_under_way(stand: Stand, ahead: int) -> None:
    with stand.node.pod("good,odd") as pod:
        stand.node.add(pod)

        deleted = _with_a_jump(stand, "DEL", pod, ahead)

        assert 0 == deleted.returncode, deleted.stderr
        assert 1 == len(stand.calls("DEL"))
    stand.nothing_is_left()


@pytest.mark.both_kernels
@JUMPS
def test_a_plugin_that_hangs_is_stopped_in_its_time(stand: Stand, ahead: int) -> None:
    """Neither at once nor in a year."""
    with stand.node.pod("good,odd") as pod, ThreadPoolExecutor() as pool:
        with stand.told_to("hold", "ADD"):
            adding = pool.submit(stand.node.call, "add", pod)
            eventually(lambda: stand.calls("ADD"))
            stand.clock.set_ahead(ahead)
            added = adding.result(timeout=DEADLINE + PATIENCE)

        assert f"did not end within {DEADLINE * 1000:.0f} ms and was stopped" in added.stderr
        assert time.clock_gettime(time.CLOCK_BOOTTIME) - stand.calls("ADD")[0] > DEADLINE - A_WHILE
        assert ["lo"] == stand.node.link_names(pod)
        stand.node.delete(pod)
    stand.nothing_is_left()


@JUMPS
def test_while_a_delete_waits_for_its_next_try(stand: Stand, ahead: int) -> None:
    """It is owed since a restart, and the calls of others pay for it."""
    with stand.node.pod("odd") as pod:
        stand.node.add(pod)
        with stand.told_to("fail", "DEL"):
            assert 0 != stand.node.call("del", pod).returncode
            stand.daemon.die()
            stand.with_the_calls_of_others(lambda: len(stand.calls("DEL")) > 1)
            stand.clock.set_ahead(ahead)
            failed = stand.calls("DEL")
        stand.with_the_calls_of_others(lambda: not stand.node.ledger_entries())

        [succeeded] = stand.calls("DEL")[len(failed) :]
        assert succeeded - failed[-1] >= FIRST_PAUSE
        stand.node.delete(pod)
    stand.nothing_is_left()


@JUMPS
def test_while_a_sandbox_that_nobody_deletes_waits_to_be_swept(stand: Stand, ahead: int) -> None:
    with stand.node.pod("odd") as pod:
        stand.node.add(pod)
        gone = time.clock_gettime(time.CLOCK_BOOTTIME)
    for path in (stand.node.stage.paths.var_lib_cni / "results").iterdir():
        path.unlink()  # its runtime has forgotten it
    time.sleep(A_WHILE)  # in which the daemon sees that it is gone

    stand.clock.set_ahead(ahead)

    stand.with_the_calls_of_others(lambda: stand.calls("DEL"))
    assert stand.calls("DEL")[0] - gone >= SWEEP_AFTER
    stand.nothing_is_left()


@JUMPS
def test_between_add_and_delete(stand: Stand, ahead: int) -> None:
    """The daemon that reads the ledger at its start does not know what the time was when it was written."""
    with stand.node.pod("good,odd") as pod:
        stand.node.add(pod)

        stand.clock.set_ahead(ahead)

        assert 0 == stand.node.call("check", pod).returncode
        stand.daemon.die()
        checked = stand.node.call("check", pod)
        assert 0 == checked.returncode, checked.stderr
        stand.is_whole(pod)
        stand.clock.set_ahead(0)
        assert 0 == stand.node.call("check", pod).returncode
        stand.node.delete(pod)
    stand.nothing_is_left()

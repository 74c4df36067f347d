"""The dhcp daemon, supervised and watched, with a program that only listens and logs how it was started."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from netattach_core.api.inventory import Dhcp
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_plugin.node import dhcp_leases, dhcp_supervisor
from netattach_plugin.node.dhcp_leases import DhcpLeases
from netattach_plugin.node.dhcp_supervisor import DhcpSupervisor
from netattach_plugin.node.plugin_directories import PluginDirectories
from netattach_plugin.state.ledger import FileLedger

PROGRAM = """#!{python}
import os, socket, sys
def log(line):
    with open("{log}", "a") as file:
        file.write(line + "\\n")
if sys.argv[1:2] == ["daemon"]:
    log(f"daemon {{os.getpid()}}")
    {before_listening}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[3])
    listener.listen()
    while True:
        listener.accept()
log(f"{{os.environ['CNI_COMMAND']}} {{os.environ['CNI_CONTAINERID']}}")
print('{{"cniVersion":"1.0.0","ips":[{{"address":"10.0.0.2/24"}}]}}')
"""


class DhcpNode:
    """A directory with the program, its log, its socket and a ledger; `changes` counts what is reported."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "run/dhcp.sock"
        self.ledger = FileLedger(root / "ledger")
        self.directories = PluginDirectories((root / "other", root / "bin"))
        self.changes = 0

    def install(self, before_listening: str = "pass") -> None:
        program = self.root / "bin/dhcp"
        program.parent.mkdir(exist_ok=True)
        program.write_text(
            PROGRAM.format(python=sys.executable, log=self.root / "log", before_listening=before_listening)
        )
        program.chmod(0o755)

    def log(self, word: str) -> list[str]:
        """Its lines that begin with the word."""
        path = self.root / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line.startswith(word)]

    @asynccontextmanager
    async def running(self, *, supervised: bool = True) -> AsyncIterator[DhcpLeases]:
        """The watch, and unless the test wants none, a supervisor of the dhcp daemon."""
        leases = DhcpLeases(self.socket, self.directories, self.ledger, self._changed)
        tasks = [asyncio.create_task(leases.run())]
        if supervised:
            tasks.append(asyncio.create_task(DhcpSupervisor(self.socket, self.directories).run()))
        try:
            yield leases
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DhcpNode:
    """With short pauses, and time for Python to start on a busy machine."""
    for name in ("_CHECK_INTERVAL", "_FIRST_PAUSE", "_LONGEST_PAUSE"):
        monkeypatch.setattr(dhcp_supervisor, name, 0.02)
    monkeypatch.setattr(dhcp_leases, "_CHECK_INTERVAL", 0.02)
    for module in (dhcp_supervisor, dhcp_leases):
        monkeypatch.setattr(module, "_START_SECONDS", 60.0)
    return DhcpNode(tmp_path)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110  # another process signals no event
            await asyncio.sleep(0.01)


def sandbox(container_id: str, phase: Phase = Phase.ADDED) -> Sandbox:
    config = {"cniVersion": "1.0.0", "name": "lan", "type": "macvlan", "ipam": {"type": "dhcp"}}
    return Sandbox(
        container_id, "/n", None, phase, (Attachment("default/lan", "net1", json.dumps(config), "lan"),)
    )


def test_it_is_started_reported_and_ends_with_its_supervisor(node: DhcpNode) -> None:
    node.install()

    async def story() -> None:
        async with node.running() as daemon:
            assert Dhcp(running=True, socket=str(node.socket)) == await daemon.inventory()
            assert stat.S_IMODE(node.socket.parent.stat().st_mode) == 0o700

    asyncio.run(story())
    (line,) = node.log("daemon")
    assert not Path(f"/proc/{line.split()[1]}").exists()


def test_it_starts_once_the_binary_is_installed(node: DhcpNode) -> None:
    async def story() -> None:
        async with node.running() as daemon:
            assert not (await daemon.inventory()).running
            node.install()
            await until(lambda: node.changes == 2)
            assert (await daemon.inventory()).running

    asyncio.run(story())


def test_a_socket_without_a_listener_is_replaced(node: DhcpNode) -> None:
    """A killed daemon leaves it."""
    node.install()
    node.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(node.socket))

    async def story() -> None:
        async with node.running() as daemon:
            assert (await daemon.inventory()).running

    asyncio.run(story())
    assert 1 == len(node.log("daemon"))


def test_a_daemon_of_somebody_else_is_used_until_it_ends(node: DhcpNode) -> None:
    node.install()
    node.socket.parent.mkdir()

    async def story() -> None:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(node.socket))
            other.listen()
            other.setblocking(False)
            async with node.running() as daemon:
                assert (await daemon.inventory()).running
                for _ in range(3):  # checks
                    connection, _ = await asyncio.get_running_loop().sock_accept(other)
                    connection.close()
                assert [] == node.log("daemon")
                other.close()
                await until(lambda: node.log("daemon") != [])

    asyncio.run(story())


def test_it_is_restarted_and_its_leases_are_requested_again(node: DhcpNode) -> None:
    node.install()

    async def story() -> None:
        await node.ledger.save(sandbox("c1"))
        async with node.running() as daemon:
            await daemon.inventory()
            await until(lambda: node.log("ADD") == ["ADD c1"])
            await asyncio.create_subprocess_exec("kill", "-9", node.log("daemon")[0].split()[1])
            await until(lambda: node.log("ADD") == ["ADD c1", "ADD c1"])
            assert 2 == len(node.log("daemon"))

    asyncio.run(story())


def test_without_a_supervisor_the_leases_of_each_daemon_are_requested(node: DhcpNode) -> None:
    """As in a cluster, where it runs in another container: its end and its next start are seen by the socket alone."""
    node.install()

    async def story() -> None:
        await node.ledger.save(sandbox("c1"))
        async with node.running(supervised=False) as leases:
            for times in (1, 2):
                supervisor = asyncio.create_task(DhcpSupervisor(node.socket, node.directories).run())
                await until(lambda times=times: len(node.log("ADD")) == times)  # type: ignore[misc]  # a default binds it
                assert (await leases.inventory()).running
                supervisor.cancel()
                await asyncio.wait([supervisor])
                await until(lambda times=times: node.changes == 2 * times)  # type: ignore[misc]  # as above
                assert not (await leases.inventory()).running

    asyncio.run(story())


def test_what_the_daemon_prints_is_a_message_each(node: DhcpNode, caplog: pytest.LogCaptureFixture) -> None:
    """Its lines quote packets; one that is longer than any buffer ends nothing."""
    caplog.set_level(logging.INFO)
    printed = (
        r"print('an offer of \x1b[2J'); print('x' * 200_000, file=sys.stderr); print('the end', flush=True)"
    )
    node.install(before_listening=printed)

    async def story() -> None:
        async with node.running():
            await until(lambda: "dhcp daemon: the end" in caplog.messages)

    asyncio.run(story())

    assert "dhcp daemon: an offer of \x1b[2J" in caplog.messages


def test_a_daemon_that_fails_to_start_is_reported_and_retried(
    node: DhcpNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dhcp_leases, "_START_SECONDS", 0.1)
    node.install(before_listening="sys.exit(1)")

    async def story() -> None:
        async with node.running() as daemon:
            assert not (await daemon.inventory()).running
            await until(lambda: len(node.log("daemon")) > 2)

    asyncio.run(story())


def test_leases_of_attached_sandboxes_are_requested(node: DhcpNode) -> None:
    """Not those of unfinished sandboxes; an unreadable entry does not affect the others."""
    node.install()

    async def story() -> None:
        await node.ledger.save(sandbox("c2"))
        (node.root / "ledger/c1.json").write_text("{")
        await node.ledger.save(sandbox("c3", Phase.DELETING))
        await node.ledger.save(sandbox("c4"))
        async with node.running() as daemon:
            await daemon.inventory()
            await until(lambda: "ADD c4" in node.log("ADD"))  # the last one in order
            await until(lambda: len(node.log("ADD")) == 2)
        assert ["ADD c2", "ADD c4"] == sorted(node.log("ADD"))

    asyncio.run(story())

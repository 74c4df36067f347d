"""The supervision of the dhcp daemon, over a program that only listens and notes what it is asked."""

from __future__ import annotations

import asyncio
import json
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
from netattach_plugin.node import dhcp_daemon
from netattach_plugin.node.dhcp_daemon import DhcpDaemon
from netattach_plugin.state.ledger import FileLedger

PROGRAM = """#!{python}
import os, socket, sys
def note(words):
    with open("{notes}", "a") as file:
        file.write(words + "\\n")
if sys.argv[1:2] == ["daemon"]:
    note(f"daemon {{os.getpid()}}")
    {before}
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(sys.argv[3])
    listener.listen()
    while True:
        listener.accept()
note(f"{{os.environ['CNI_COMMAND']}} {{os.environ['CNI_CONTAINERID']}}")
print('{{"cniVersion":"1.0.0","ips":[{{"address":"10.0.0.2/24"}}]}}')
"""


class Place:
    """A directory with the program, its notes and its socket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.socket = root / "run/dhcp.sock"
        self.ledger = FileLedger(root / "ledger")
        self.changes = 0

    def install(self, before: str = "pass") -> None:
        program = self.root / "bin/dhcp"
        program.parent.mkdir(exist_ok=True)
        program.write_text(PROGRAM.format(python=sys.executable, notes=self.root / "notes", before=before))
        program.chmod(0o755)

    def notes(self, word: str) -> list[str]:
        path = self.root / "notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return [line for line in lines if line.startswith(word)]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[DhcpDaemon]:
        daemon = DhcpDaemon(self.socket, self.root / "bin", self.ledger, self._changed)
        task = asyncio.create_task(daemon.run())
        try:
            yield daemon
        finally:
            task.cancel()
            await asyncio.wait([task])

    def _changed(self) -> None:
        self.changes += 1


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Pauses are short here."""
    for name in ("_LOOK_EVERY", "_FIRST_PAUSE", "_LONGEST_PAUSE"):
        monkeypatch.setattr(dhcp_daemon, name, 0.02)
    monkeypatch.setattr(dhcp_daemon, "_START_SECONDS", 2.0)
    return Place(tmp_path)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  # another process tells no event
            await asyncio.sleep(0.01)


def sandbox(container_id: str, phase: Phase = Phase.ADDED) -> Sandbox:
    conf = {"cniVersion": "1.0.0", "name": "lan", "type": "macvlan", "ipam": {"type": "dhcp"}}
    return Sandbox(
        container_id, "/n", None, phase, (Attachment("default/lan", "net1", json.dumps(conf), "lan"),)
    )


def test_it_is_started_told_and_ended_with_us(place: Place) -> None:
    place.install()

    async def story() -> None:
        async with place.running() as daemon:
            assert Dhcp(running=True, socket=str(place.socket)) == await daemon.inventory()
            assert stat.S_IMODE(place.socket.parent.stat().st_mode) == 0o700

    asyncio.run(story())
    (note,) = place.notes("daemon")
    assert not Path(f"/proc/{note.split()[1]}").exists()


def test_without_the_binary_none_runs_until_it_is_installed(place: Place) -> None:
    async def story() -> None:
        async with place.running() as daemon:
            assert not (await daemon.inventory()).running
            place.install()
            await until(lambda: place.changes == 2)
            assert (await daemon.inventory()).running

    asyncio.run(story())


def test_a_socket_at_which_nobody_listens_is_taken_over(place: Place) -> None:
    """One that was killed leaves it."""
    place.install()
    place.socket.parent.mkdir()
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(place.socket))

    async def story() -> None:
        async with place.running() as daemon:
            assert (await daemon.inventory()).running

    asyncio.run(story())
    assert 1 == len(place.notes("daemon"))


def test_somebody_elses_is_respected_and_replaced_when_it_goes(place: Place) -> None:
    place.install()
    place.socket.parent.mkdir()

    async def story() -> None:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(place.socket))
            other.listen()
            async with place.running() as daemon:
                assert (await daemon.inventory()).running
                await asyncio.sleep(0.2)
                assert [] == place.notes("daemon")
                other.close()
                await until(lambda: place.notes("daemon") != [])

    asyncio.run(story())


def test_one_that_ends_is_started_again(place: Place) -> None:
    """And its leases are asked for again each time."""
    place.install()

    async def story() -> None:
        await place.ledger.save(sandbox("c1"))
        async with place.running() as daemon:
            await daemon.inventory()
            await until(lambda: place.notes("ADD") == ["ADD c1"])
            await asyncio.create_subprocess_exec("kill", "-9", place.notes("daemon")[0].split()[1])
            await until(lambda: place.notes("ADD") == ["ADD c1", "ADD c1"])
            assert 2 == len(place.notes("daemon"))

    asyncio.run(story())


def test_one_that_cannot_serve_is_told_as_such(place: Place) -> None:
    place.install(before="sys.exit(1)")

    async def story() -> None:
        async with place.running() as daemon:
            assert not (await daemon.inventory()).running
            await until(lambda: len(place.notes("daemon")) > 2)

    asyncio.run(story())


def test_leases_of_what_is_attached_are_asked_for(place: Place) -> None:
    """Not of what is half-way, and an entry that cannot be read keeps none of the others from it."""
    place.install()

    async def story() -> None:
        await place.ledger.save(sandbox("c2"))
        (place.root / "ledger/c1.json").write_text("{")
        await place.ledger.save(sandbox("c3", Phase.DELETING))
        await place.ledger.save(sandbox("c4"))
        async with place.running() as daemon:
            await daemon.inventory()
            await until(lambda: len(place.notes("ADD")) == 2)
            await asyncio.sleep(0.2)
        assert ["ADD c2", "ADD c4"] == sorted(place.notes("ADD"))

    asyncio.run(story())

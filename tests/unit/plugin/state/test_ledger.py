"""The ledger on disk: entries, permissions, failures of the disk, its lock, and the leases of host-local."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import DecodeError
from netattach_plugin.state.ledger import FileLedger

ENTRY = Sandbox("c1", "/n", None, Phase.ADDING, (Attachment("a", "eth0", "{}", "a"),))


def test_the_ledger_keeps_an_entry_until_it_is_removed(tmp_path: Path) -> None:
    """Removing twice is success."""
    ledger = FileLedger(tmp_path / "ledger")

    async def story() -> list[Sandbox | None]:
        before = await ledger.load("c1")
        await ledger.save(ENTRY)
        between = await ledger.load("c1")
        await ledger.remove("c1")
        await ledger.remove("c1")
        return [before, between, await ledger.load("c1")]

    assert [None, ENTRY, None] == asyncio.run(story())
    assert [] == list((tmp_path / "ledger").iterdir())


def test_the_ledger_is_nobody_elses_business(tmp_path: Path) -> None:
    """Configurations may hold secrets."""
    asyncio.run(FileLedger(tmp_path / "ledger").save(ENTRY))

    assert 0o700 == (tmp_path / "ledger").stat().st_mode & 0o777
    assert 0o600 == (tmp_path / "ledger" / "c1.json").stat().st_mode & 0o777


def test_an_entry_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Not a sandbox that was never attached."""
    (tmp_path / "c1.json").write_text("{")

    with pytest.raises(DecodeError):
        asyncio.run(FileLedger(tmp_path).load("c1"))


def test_a_save_that_fails_leaves_the_entry_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: fsync says so, and the rename has not happened."""
    ledger = FileLedger(tmp_path)
    asyncio.run(ledger.save(ENTRY))
    monkeypatch.setattr(os, "fsync", _no_space)

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(ledger.save(Sandbox("c1", "/other", None, Phase.ADDED, ())))

    assert ENTRY == asyncio.run(ledger.load("c1"))
    assert ["c1.json"] == [path.name for path in tmp_path.iterdir()]


def _no_space(_: int) -> None:
    raise OSError(28, "No space left on device")


def test_two_daemons_do_not_keep_one_ledger(tmp_path: Path) -> None:
    """The second waits until the first has ended; what that had not renamed goes."""
    kept: list[str] = []

    async def keep(name: str, begun: asyncio.Event, end: asyncio.Event) -> None:
        async with FileLedger(tmp_path).kept_alone():
            kept.append(name)
            begun.set()
            await end.wait()
        kept.append(f"{name} ended")

    async def story() -> None:
        begun, end, unasked, ended = (asyncio.Event() for _ in range(4))
        ended.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep("first", begun, end))
            await begun.wait()
            (tmp_path / "c1.tmp").touch()
            tasks.create_task(keep("second", unasked, ended))
            await asyncio.sleep(0.1)
            assert ["first"] == kept
            end.set()

    asyncio.run(story())
    assert ["first", "first ended", "second", "second ended"] == kept
    assert [] == list(tmp_path.iterdir())


def test_host_locals_store_tells_what_names_a_sandbox(tmp_path: Path) -> None:
    """As the plugin writes it: the id, a line's end as on Windows, the interface; beside them a lock and the last address."""
    for path, text in {
        "lan/10.0.0.2": "c1\r\nnet1",
        "lan/10.0.0.3": "c2\r\nnet1",
        "lan/last_reserved_ip.0": "10.0.0.3",
        "lan/lock": "",
        "old/10.1.0.2": "c1",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)

    ledger = FileLedger(tmp_path / "ledger", tmp_path)

    assert [("lan", "net1"), ("old", "eth0")] == asyncio.run(ledger.leases("c1"))
    asked = [("lan", "10.0.0.2"), ("lan", "10.0.0.3"), ("lan", "10.0.0.4")]
    assert [("lan", "10.0.0.2")] == asyncio.run(ledger.still_leased("c1", asked))
    assert () == asyncio.run(FileLedger(tmp_path).still_leased("c1", asked))
    assert [] == asyncio.run(FileLedger(tmp_path / "ledger", tmp_path / "none").leases("c1"))


def test_a_noted_entry_can_be_read(tmp_path: Path) -> None:
    """A note is a save that does not wait for the disk."""
    ledger = FileLedger(tmp_path)

    async def story() -> None:
        await ledger.note(ENTRY)
        assert ENTRY == await ledger.load("c1")
        assert ["c1"] == list(await ledger.container_ids())

    asyncio.run(story())
    assert ["c1.json"] == [path.name for path in tmp_path.iterdir()]
    assert "adding" == json.loads((tmp_path / "c1.json").read_text())["phase"]

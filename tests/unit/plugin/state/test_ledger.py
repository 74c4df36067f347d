"""The ledger on disk."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
from pathlib import Path

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import DecodeError
from netattach_plugin.state import ledger as ledger_module
from netattach_plugin.state.ledger import FileLedger

ENTRY = Sandbox("c1", "/n", None, Phase.ADDING, (Attachment("a", "eth0", "{}", "a"),))


def test_an_entry_exists_until_it_is_removed(tmp_path: Path) -> None:
    """Removing twice succeeds."""
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


def test_only_root_can_read_entries(tmp_path: Path) -> None:
    """Configurations may contain secrets."""
    asyncio.run(FileLedger(tmp_path / "ledger").save(ENTRY))

    assert 0o700 == (tmp_path / "ledger").stat().st_mode & 0o777
    assert 0o600 == (tmp_path / "ledger" / "c1.json").stat().st_mode & 0o777


def test_an_unreadable_entry_is_an_error(tmp_path: Path) -> None:
    """Not a sandbox that was never attached."""
    (tmp_path / "c1.json").write_text("{")

    with pytest.raises(DecodeError):
        asyncio.run(FileLedger(tmp_path).load("c1"))


def test_a_failed_save_keeps_the_previous_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk fsync fails, before the rename."""
    ledger = FileLedger(tmp_path)
    asyncio.run(ledger.save(ENTRY))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(ledger.save(Sandbox("c1", "/other", None, Phase.ADDED, ())))

    assert ENTRY == asyncio.run(ledger.load("c1"))
    assert ["c1.json"] == [path.name for path in tmp_path.iterdir()]


def test_an_entry_that_was_saved_without_a_sync_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = FileLedger(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("save_without_sync waits for the disk"))

    async def story() -> None:
        await ledger.save_without_sync(ENTRY)
        assert ENTRY == await ledger.load("c1")
        assert ["c1"] == list(await ledger.container_ids())

    asyncio.run(story())
    assert ["c1.json"] == [path.name for path in tmp_path.iterdir()]
    assert "adding" == json.loads((tmp_path / "c1.json").read_text())["phase"]


def test_what_is_saved_without_a_sync_leaves_what_was_synced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loss of power takes at most what was appended."""
    ledger = FileLedger(tmp_path)
    asyncio.run(ledger.save(ENTRY))
    synced = (tmp_path / "c1.json").read_bytes()
    monkeypatch.setattr(os, "fsync", lambda _: pytest.fail("save_without_sync waits for the disk"))
    attached = dataclasses.replace(ENTRY, phase=Phase.ADDED, status="[]")

    asyncio.run(ledger.save_without_sync(attached))

    assert attached == asyncio.run(ledger.load("c1"))
    assert (tmp_path / "c1.json").read_bytes().startswith(synced)


def test_a_daemon_that_stops_leaves_entries_that_earlier_releases_read(tmp_path: Path) -> None:
    """They know one record per file. What cannot be read is left as it is."""
    ledger = FileLedger(tmp_path)
    attached = dataclasses.replace(ENTRY, phase=Phase.ADDED)
    garbage = tmp_path / "c2.json"

    async def story() -> None:
        await ledger.save(ENTRY)
        await ledger.save_without_sync(attached)
        garbage.write_bytes(b"{\n{")
        await ledger.compact()

    asyncio.run(story())

    assert "added" == json.loads((tmp_path / "c1.json").read_text())["phase"]
    assert attached == asyncio.run(ledger.load("c1"))
    assert b"{\n{" == garbage.read_bytes()


def test_a_full_disk_leaves_the_entry_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of a record that does not fit stays: the next one is read."""
    ledger = FileLedger(tmp_path)
    asyncio.run(ledger.save(ENTRY))
    deleting, write = dataclasses.replace(ENTRY, phase=Phase.DELETING), os.write

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:9]))
        with pytest.raises(OSError, match="No space left"):
            asyncio.run(ledger.save_without_sync(deleting))
    assert ENTRY == asyncio.run(ledger.load("c1"))

    asyncio.run(ledger.save_without_sync(deleting))
    assert deleting == asyncio.run(ledger.load("c1"))


@pytest.mark.parametrize(
    "temporary", [".netattach-1.tmp", ".c1.json.tmp"], ids=["this release's", "an earlier one's"]
)
def test_a_second_daemon_waits_for_the_end_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: str
) -> None:
    """Then it removes the temporary files of the first."""
    order: list[str] = []
    refused, lock = asyncio.Event(), ledger_module._lock

    def locked(descriptor: int) -> bool:
        if not lock(descriptor):
            refused.set()
            return False
        return True

    monkeypatch.setattr(ledger_module, "_lock", locked)
    monkeypatch.setattr(ledger_module, "_RETRY_INTERVAL", 0.01)

    async def use(name: str, started: asyncio.Event, end: asyncio.Event) -> None:
        async with FileLedger(tmp_path).locked():
            order.append(name)
            started.set()
            await end.wait()
        order.append(f"{name} ended")

    async def story() -> None:
        started, end, no_end = asyncio.Event(), asyncio.Event(), asyncio.Event()
        no_end.set()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(use("first", started, end))
            await started.wait()
            (tmp_path / temporary).touch()
            tasks.create_task(use("second", asyncio.Event(), no_end))
            await refused.wait()
            assert ["first"] == order
            end.set()

    asyncio.run(story())
    assert ["first", "first ended", "second", "second ended"] == order
    assert [] == list(tmp_path.iterdir())

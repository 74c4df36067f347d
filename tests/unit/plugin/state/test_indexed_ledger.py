"""The ledger with its index."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_plugin.state.indexed_ledger import IndexedLedger

DEFAULT = Attachment("cbr0", "eth0", '{"cniVersion":"1.0.0","type":"bridge"}', "cbr0", default=True)
LAN = Attachment("ns/lan", "net1", '{"cniVersion":"1.0.0","type":"macvlan"}', "lan")
ADDING = Sandbox("c1", "/n", PodRef("ns", "p", "u"), Phase.ADDING, (DEFAULT, LAN))


def test_the_index_follows_the_ledger(tmp_path: Path) -> None:
    """And says so only when a number changes."""
    ledger = IndexedLedger(tmp_path / "ledger", 120.0)
    changes: list[int] = []
    ledger.changed = lambda: changes.append(ledger.attached.counts(lambda _: None).pods)

    async def story() -> None:
        await ledger.save(ADDING)
        assert [] == changes
        await ledger.save_without_sync(dataclasses.replace(ADDING, phase=Phase.ADDED))
        assert [1] == changes
        await ledger.save_without_sync(dataclasses.replace(ADDING, phase=Phase.DELETING))
        assert [1, 0] == changes
        await ledger.remove("c1")
        await ledger.remove("c1")
        assert [1, 0] == changes
        assert [] == list(ledger.attached)

    asyncio.run(story())


def test_a_disk_that_refuses_changes_no_number(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("in the way")
    ledger = IndexedLedger(tmp_path / "ledger", 120.0)

    async def story() -> None:
        try:
            await ledger.save(dataclasses.replace(ADDING, phase=Phase.ADDED))
        except OSError:
            assert [] == list(ledger.attached)
        else:
            raise AssertionError("the disk refuses")

    asyncio.run(story())

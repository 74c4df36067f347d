"""What a port does by itself: the walk over the ledger."""

from __future__ import annotations

import asyncio

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import DecodeError
from support.twins import MemoryLedger

ENTRIES = {
    name: Sandbox(name, "/n", None, Phase.ADDED, (Attachment("a", "eth0", "{}", "a"),))
    for name in ("c1", "c3")
}


def test_all_entries_are_read_and_the_unreadable_ones_reported() -> None:
    """With the error, so that each consumer decides what an unreadable entry means to it."""
    ledger = MemoryLedger(entries=dict(ENTRIES), broken={"c2"})
    unreadable: dict[str, Exception] = {}

    async def story() -> list[str]:
        return [each.container_id async for each in ledger.sandboxes(unreadable.__setitem__)]

    assert ["c1", "c3"] == asyncio.run(story())
    assert ["c2"] == list(unreadable)
    assert isinstance(unreadable["c2"], DecodeError)


def test_a_consumer_can_refuse_an_unreadable_entry() -> None:
    """By an exception, which ends the walk."""
    ledger = MemoryLedger(entries=dict(ENTRIES), broken={"c2"})

    def refuse(_: str, error: Exception) -> None:
        raise error

    async def story() -> list[Sandbox]:
        return [each async for each in ledger.sandboxes(refuse)]

    with pytest.raises(DecodeError):
        asyncio.run(story())

"""Waiting for the kernel to note a link's carrier."""

from __future__ import annotations

import asyncio

import pytest

from netattach_plugin.netlink import readiness


def looks(monkeypatch: pytest.MonkeyPatch, *, settled_after: int, longest: float = 60) -> int:
    """How many times it looks."""
    count = 0

    async def is_settled() -> bool:
        nonlocal count
        count += 1
        return count > settled_after

    monkeypatch.setattr(readiness, "_LONGEST_TO_SETTLE", longest)
    asyncio.run(readiness.settled(is_settled))
    return count


def test_it_looks_until_the_link_has_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 == looks(monkeypatch, settled_after=0)
    assert 4 == looks(monkeypatch, settled_after=3)


def test_a_link_that_does_not_settle_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 == looks(monkeypatch, settled_after=9999, longest=0)

"""The measurement of stalls: what it keeps, and that the daemon's callbacks are what it measures."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import event_loop
from event_loop import Stalls


class Clock:
    """Moved by the tests alone, so that no other program of the machine stalls a callback."""

    now = 0.0
    own = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    clocks = SimpleNamespace(perf_counter=lambda: clock.now, thread_time=lambda: clock.own)
    monkeypatch.setattr(event_loop, "time", clocks)
    return clock


@pytest.fixture
def stalls(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Stalls:
    found, handle = Stalls(), asyncio.Handle
    monkeypatch.setattr(handle, "_run", found.timed(handle._run))
    return found


async def _stalling(clock: Clock) -> None:
    await asyncio.sleep(0)
    clock.now += 0.02
    clock.own += 0.005


def _written(stalls: Stalls, path: Path) -> dict[str, Any]:
    stalls.write(path)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_the_longest_callbacks_are_kept_with_the_names_of_their_tasks(
    stalls: Stalls, clock: Clock, tmp_path: Path
) -> None:
    async def scenario() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        await asyncio.create_task(_stalling(clock))

    asyncio.run(scenario())

    found = _written(stalls, tmp_path / "stalls.json")
    assert found["callbacks"] > 20
    assert 10 == len(found["longest"])
    assert {"ms": 20.0, "own_ms": 5.0, "what": "_stalling"} == found["longest"][0]
    assert {"own_ms": 5.0, "what": "_stalling"} == found["longest_own"]


def test_what_was_written_does_not_count_again(stalls: Stalls, clock: Clock, tmp_path: Path) -> None:
    asyncio.run(_stalling(clock))
    _written(stalls, tmp_path / "first.json")

    assert {"callbacks": 0, "longest_own": {"own_ms": 0.0, "what": ""}, "longest": []} == _written(
        stalls, tmp_path / "second.json"
    )

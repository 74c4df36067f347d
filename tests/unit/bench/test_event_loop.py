"""The measurement of stalls: what it keeps, and that the daemon's callbacks are what it measures."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from event_loop import Stalls


@pytest.fixture
def stalls(monkeypatch: pytest.MonkeyPatch) -> Stalls:
    found, handle = Stalls(), asyncio.Handle
    monkeypatch.setattr(handle, "_run", found.timed(handle._run))
    return found


async def _stalling(seconds: float) -> None:
    await asyncio.sleep(0)
    time.sleep(seconds)  # noqa: ASYNC251  # what is to be found


def _written(stalls: Stalls, path: Path) -> dict[str, Any]:
    stalls.write(path)
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_the_longest_callbacks_are_kept_with_the_names_of_their_tasks(stalls: Stalls, tmp_path: Path) -> None:
    async def scenario() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        await asyncio.create_task(_stalling(0.02))

    asyncio.run(scenario())

    found = _written(stalls, tmp_path / "stalls.json")
    assert found["callbacks"] > 20
    assert 10 == len(found["longest"])
    assert "_stalling" == found["longest"][0]["what"]
    assert found["longest"][0]["ms"] >= 20 > found["longest"][0]["own_ms"]  # it slept


def test_what_was_written_does_not_count_again(stalls: Stalls, tmp_path: Path) -> None:
    asyncio.run(_stalling(0))
    _written(stalls, tmp_path / "first.json")

    assert {"callbacks": 0, "longest_own": {"own_ms": 0.0, "what": ""}, "longest": []} == _written(
        stalls, tmp_path / "second.json"
    )

"""Daemon and shim use the monotonic clock alone, so setting the wall clock has no effect on them."""

from __future__ import annotations

import re
from pathlib import Path

import netattach_plugin

_WALL_CLOCK = re.compile(
    r"\btime\.time\(|datetime\.(now|utcnow|today)\(|\btime\.time_ns\b|CLOCK_REALTIME|gettimeofday"
)


_FOR_TIMESTAMPS = {"boot.py", "event_queue.py", "node_reports.py"}
"""They compare with, or write, times of API objects, which are by the wall clock; nothing waits or expires by it."""


def test_the_wall_clock_is_never_read() -> None:
    """Neither in the daemon nor in the shim, but for timestamps of the API."""
    package = Path(netattach_plugin.__file__).parent
    sources = [*package.rglob("*.py"), *(package.parent / "shim").glob("*.[ch]")]

    assert len(sources) > 30
    assert _FOR_TIMESTAMPS == {path.name for path in sources if _WALL_CLOCK.search(path.read_text())}

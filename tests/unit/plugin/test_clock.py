"""Daemon and shim use the monotonic clock alone, so setting the wall clock has no effect on them."""

from __future__ import annotations

import re
from pathlib import Path

import netattach_plugin

_WALL_CLOCK = re.compile(
    r"\btime\.time\(|datetime\.(now|utcnow|today)\(|time_ns\(|CLOCK_REALTIME|gettimeofday"
)


def test_the_wall_clock_is_never_read() -> None:
    """Neither in the daemon nor in the shim."""
    package = Path(netattach_plugin.__file__).parent
    sources = [*package.rglob("*.py"), *(package.parent / "shim").glob("*.[ch]")]

    assert len(sources) > 30
    assert [] == [path.name for path in sources if _WALL_CLOCK.search(path.read_text())]

"""A clock that is set changes nothing: whoever waits or counts seconds does it by a clock that only goes on."""

from __future__ import annotations

import re
from pathlib import Path

import netattach_plugin

_WALL_CLOCK = re.compile(
    r"\btime\.time\(|datetime\.(now|utcnow|today)\(|time_ns\(|CLOCK_REALTIME|gettimeofday"
)


def test_no_deadline_is_taken_from_a_clock_that_can_be_set() -> None:
    """In the daemon and in the shim there is no other at all."""
    package = Path(netattach_plugin.__file__).parent
    sources = [*package.rglob("*.py"), *(package.parent / "shim").glob("*.[ch]")]

    assert len(sources) > 30
    assert [] == [path.name for path in sources if _WALL_CLOCK.search(path.read_text())]

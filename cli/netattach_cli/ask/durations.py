"""Durations as kubectl writes them, and ages as it prints them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_DURATION = re.compile(r"(\d{1,6})([smh]?)")
_STEPS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def seconds(text: str) -> float:
    """Of `90s`, `5m`, `1h` or `90`; as the type of an option. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("not a duration such as 90s, 5m or 1h")
    return float(int(found[1]) * _UNITS[found[2]])


def shown(duration: timedelta) -> str:
    """In the largest unit of which there are two, as in `90m` and `12d`; "0s" for a negative one."""
    left = max(0, int(duration.total_seconds()))
    for size, unit in _STEPS:
        if left >= 2 * size or size == 1:
            return f"{left // size}{unit}"
    return "0s"


def moment(text: str) -> datetime | None:
    """RFC 3339, as all times of the API; None for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)

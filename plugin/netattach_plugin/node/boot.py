"""Which boot of the node this is, and when it was."""

from __future__ import annotations

import time
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """The kernel's random ID of this boot; "" where it is not known."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""


def booted() -> float:
    """When the node was started, in seconds since the epoch, by the clock as it is now."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

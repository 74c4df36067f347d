"""A wall clock that a test may set: that of the second kernel, or else of single processes, never that of the machine."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Protocol

from support import require, uml

_SOURCE = Path(__file__).with_suffix(".c")


class WallClock(Protocol):
    """Shows the real time until it is set; processes that are started with its `environment` see it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables."""

    def set_ahead(self, seconds: int) -> None:
        """Sets it so many seconds ahead of the real time, behind it where negative."""


@contextlib.contextmanager
def wall_clock(directory: Path) -> Iterator[WallClock]:
    """In the guest it is the kernel's, so that shim, plugins and runtime see it too; reset afterwards."""
    clock: WallClock = KernelsClock() if uml.inside() else PreloadedClock(directory)
    try:
        yield clock
    finally:
        clock.set_ahead(0)


class PreloadedClock:
    """A preloaded library for a process. Statically linked programs see the machine's clock."""

    def __init__(self, directory: Path) -> None:
        self.library = directory / "wall_clock.so"
        self._ahead = directory / "ahead"
        built = (*("-shared", "-fPIC", "-Wall", "-Werror", "-o"), str(self.library), str(_SOURCE))
        subprocess.run([require.command("gcc"), *built], check=True)
        self.environment = {"LD_PRELOAD": str(self.library), "CLOCK_AHEAD": str(self._ahead)}

    def set_ahead(self, seconds: int) -> None:
        temporary = self._ahead.with_suffix(".new")
        temporary.write_text(str(seconds))
        temporary.rename(self._ahead)


class KernelsClock:
    """The clock of this kernel, for all processes."""

    def __init__(self) -> None:
        self.environment: Mapping[str, str] = {}
        self._right = time.time() - time.monotonic()

    def set_ahead(self, seconds: int) -> None:
        time.clock_settime(time.CLOCK_REALTIME, self._right + time.monotonic() + seconds)

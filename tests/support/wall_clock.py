"""A wall clock that a test may set: the second kernel's own, else that of a few processes. The machine's is left alone."""

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
    """Right until it is set; what is started with its `environment` sees it."""

    @property
    def environment(self) -> Mapping[str, str]:
        """Variables."""

    def set_ahead(self, seconds: int) -> None:
        """So much later than it really is; earlier where that is below 0."""


@contextlib.contextmanager
def wall_clock(directory: Path) -> Iterator[WallClock]:
    """A guest's is that of its kernel, so that shim, plugins and runtime see it too; right again afterwards."""
    clock: WallClock = KernelsClock() if uml.inside() else PreloadedClock(directory)
    try:
        yield clock
    finally:
        clock.set_ahead(0)


class PreloadedClock:
    """A library between a process and the C library. Statically linked programs go by the machine's clock."""

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
    """The one that this kernel has for all."""

    def __init__(self) -> None:
        self.environment: Mapping[str, str] = {}
        self._right = time.time() - time.monotonic()

    def set_ahead(self, seconds: int) -> None:
        time.clock_settime(time.CLOCK_REALTIME, self._right + time.monotonic() + seconds)

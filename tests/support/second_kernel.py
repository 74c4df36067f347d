"""The second kernel's turn in a run of the tests: booted at its beginning, asked at its end.

A guest has a processor of its own, and takes minutes; meanwhile the machine's own kernel is tested.
"""

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from support import require, uml
from support.uml import Outcome

ASKING = "tests/kernel/test_second_kernel.py"

COMMAND = (
    *(sys.executable, "-m", "pytest", "-m", "kernel_link or both_kernels", "-p", "no:cacheprovider"),
    *(f"--ignore={ASKING}", "tests/node", "tests/kernel"),
)


class Guest:
    """The guest of this run. `reports` is JUnit's file, once there is an outcome."""

    def __init__(self, guest: uml.Guest, reports: Path) -> None:
        self._guest = guest
        self.reports = reports

    def outcome(self, seconds: float) -> Outcome:
        """Waits, for so long at most, until all cases are through."""
        return self._guest.outcome(seconds)


@contextlib.contextmanager
def at_work(files: Sequence[Path], work: Path) -> Iterator[Guest | None]:
    """Where one of the test files will ask for it; None where none does, or where there is no second kernel."""
    if require.REPOSITORY / ASKING not in files or uml.missing():
        yield None
        return
    reports = work / "junit.xml"
    command = [*COMMAND, f"--junitxml={reports}"]
    with uml.booted(command, folder=require.REPOSITORY, work=work) as guest:
        yield Guest(guest, reports)

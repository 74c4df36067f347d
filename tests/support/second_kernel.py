"""The second kernel in a run of the tests: booted once all tests are collected, asked for its reports by tests/kernel.

It has a processor of its own and takes minutes; meanwhile the other tests run on the machine's kernel. Where pytest-xdist
distributes the tests, its controller boots the guest, and the worker processes read the reports.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from support import require, uml

ASKING = "tests/kernel/test_second_kernel.py"
WORK = "NETATTACH_GUEST_WORK"
"""The variable by which the worker processes learn of the guest's directory."""

COMMAND = (
    *(sys.executable, "-m", "pytest", "-m", "kernel_link or both_kernels", "-p", "no:cacheprovider"),
    *(f"--ignore={ASKING}", "tests/node", "tests/kernel"),
)


def reports(work: Path) -> Path:
    """JUnit's file, which exists once the guest has ended by itself."""
    return work / "junit.xml"


class SecondKernel:
    """A pytest plugin of the process that starts the run: boots the guest when needed and ends it with the session."""

    def __init__(self) -> None:
        self._guest = contextlib.ExitStack()
        self._work = Path(tempfile.mkdtemp(prefix="netattach-guest-"))
        self._booted = False
        os.environ[WORK] = str(self._work)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        if not session.config.option.collectonly:
            self._boot_for(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: object, ids: Iterable[str]) -> None:
        """Called in the controller of pytest-xdist, once for each worker process."""
        self._boot_for(ids)

    def pytest_unconfigure(self) -> None:
        self._guest.close()
        os.environ.pop(WORK, None)
        shutil.rmtree(self._work, ignore_errors=True)

    def _boot_for(self, ids: Iterable[str]) -> None:
        if self._booted or uml.missing() or not any(each.startswith(ASKING) for each in ids):
            return
        self._booted = True
        command = [*COMMAND, f"--junitxml={reports(self._work)}"]
        self._guest.enter_context(uml.booted(command, folder=require.REPOSITORY, work=self._work))

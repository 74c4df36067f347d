"""A call of a function in a copy of this process, which runs next to it."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import signal
import sys
import traceback
from collections.abc import Callable, Iterable
from typing import Any, Generic, NoReturn, TypeVar

R = TypeVar("R")


class ForkedCallError(Exception):
    """The process ended without a result."""


class ForkedCall(Generic[R]):
    """Starts the call; what the function changes remains in the copy. Raises OSError where no process can be started."""

    def __init__(self, function: Callable[[], R]) -> None:
        # A file in memory, and no pipe: the process does not wait until somebody reads what it has found.
        self._file = os.fdopen(os.memfd_create("result", os.MFD_CLOEXEC), "w+b")
        try:
            self._process = _fork(function, self._file)
        except OSError:
            self._file.close()
            raise

    def result(self) -> R:
        """Waits for the result. Raises ForkedCallError where there is none, as after a kill."""
        with self._file:
            status = self._ended()
            if status:
                raise ForkedCallError(_reason(status))
            self._file.seek(0)
            try:
                found: R = pickle.load(self._file)  # noqa: S301  # our own process wrote it
            except (EOFError, pickle.UnpicklingError) as error:
                raise ForkedCallError("it left no result") from error
            return found

    def stop(self) -> None:
        """Ends a call of which nobody wants the result."""
        with self._file, contextlib.suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
            self._ended()

    def _ended(self) -> int:
        """The exit status, negative for a signal; 0 also where the kernel does not keep it since our parent ignores SIGCHLD."""
        try:
            return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])
        except ChildProcessError:
            return 0


def _fork(function: Callable[[], Any], file: Any) -> int:
    """The id of the new process. Nothing of it ever returns from here: it would go on with what its parent does."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process = os.fork()
        if process == 0:
            _run(function, file, mask)
        return process
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _run(function: Callable[[], Any], file: Any, mask: Iterable[int]) -> NoReturn:
    """Calls the function, writes its result and ends, without what Python does at exit: our parent does that."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is for all processes; our parent says so
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        gc.disable()  # a collection would copy all memory that is shared so far
        pickle.dump(function(), file, pickle.HIGHEST_PROTOCOL)
        file.flush()
        status = 0
    except BaseException:  # noqa: BLE001  # it must not leave this function
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _reason(status: int) -> str:
    return f"signal {-status} ended it" if status < 0 else f"it ended with status {status}"

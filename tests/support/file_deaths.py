"""A process that ends before one of its file operations, as a killed daemon would."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

_OPERATIONS = ("open", "write", "fsync", "close", "fchmod", "rename", "unlink", "scandir", "listdir")


def dies_before(operation: int, run: Callable[[], None]) -> bool:
    """Calls `run` in a process of its own, which ends before this file operation; False if it came to its end before that."""
    child = os.fork()
    if not child:
        left = [operation]
        with pytest.MonkeyPatch.context() as patch:
            for name in _OPERATIONS:
                patch.setattr(os, name, _counted(getattr(os, name), left))
            run()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0


def _counted(operation: Callable[..., object], left: list[int]) -> Callable[..., object]:
    def run(*arguments: object, **named: object) -> object:
        if not left[0]:
            os._exit(9)
        left[0] -= 1
        return operation(*arguments, **named)

    return run

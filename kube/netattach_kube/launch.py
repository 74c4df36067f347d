"""Starts a program whose packages may be missing: `pip install netattach` installs all programs, and an extra what one needs."""

from __future__ import annotations

import importlib
import sys

_OURS = "netattach_"
_MISUSED = 2


def run(program: str, module: str, extra: str) -> int:
    """Runs `main` of a module; returns the exit status. Where a package is missing, it names the extra that has it."""
    try:
        main = importlib.import_module(module).main
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.startswith(_OURS):
            raise
        sys.stderr.write(
            f"{program} needs {missing}, which is not installed: pip install 'netattach[{extra}]'\n"
        )
        return _MISUSED
    return int(main() or 0)

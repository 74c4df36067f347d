"""`netattach`, also `kubectl netattach`: one subcommand, one module."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from types import ModuleType

from netattach_cli import demo, lint, new

COMMANDS: tuple[ModuleType, ...] = (lint, new, demo)
"""Each module has `NAME`, `HELP`, `add_arguments(parser)` and `run(args) -> int`."""


_CLOSED = 141
"""As a shell says of SIGPIPE."""


def main(argv: list[str] | None = None) -> int:
    """Runs a subcommand; what it returns is the exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # files hold characters that a terminal may not have
    args = _parser().parse_args(argv)
    try:
        code = int(args.run(args))
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads us has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it ends
        return _CLOSED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_name(), description="More than one network for Kubernetes pods, safely."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        command = commands.add_parser(module.NAME, help=module.HELP, description=module.HELP)
        command.set_defaults(run=module.run)
        module.add_arguments(command)
    return parser


def _name() -> str:
    """kubectl starts a plugin by a name with a dash."""
    return "kubectl netattach" if Path(sys.argv[0]).name == "kubectl-netattach" else "netattach"


if __name__ == "__main__":
    sys.exit(main())

"""`netattach`, also `kubectl netattach`: one room for each subcommand."""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from types import ModuleType

from netattach_cli.demo import command as demo
from netattach_cli.lint import command as lint
from netattach_cli.migrate import command as migrate
from netattach_cli.new import command as new

COMMANDS: tuple[ModuleType, ...] = (lint, new, migrate, demo)
"""Each module has `NAME`, `HELP`, `add_arguments(parser)` and `run(args) -> int`."""


_SIGPIPE_STATUS = 141
"""The exit status that shells report for a process ended by SIGPIPE."""


def main(argv: list[str] | None = None) -> int:
    """Runs a subcommand and returns its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Files may contain characters that the terminal's encoding does not have.
        sys.stdout.reconfigure(errors="backslashreplace")
    args = _parser().parse_args(argv)
    try:
        status = int(args.run(args))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        # Otherwise Python writes a traceback when it flushes standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SIGPIPE_STATUS
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_program_name(), description="More than one network for Kubernetes pods, safely."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        command = commands.add_parser(module.NAME, help=module.HELP, description=module.HELP)
        command.set_defaults(run=module.run)
        module.add_arguments(command)
    return parser


def _program_name() -> str:
    """kubectl runs the plugin `kubectl netattach` as `kubectl-netattach`."""
    return "kubectl netattach" if Path(sys.argv[0]).name == "kubectl-netattach" else "netattach"


if __name__ == "__main__":
    sys.exit(main())

"""`netattach`, also `kubectl netattach`: one subcommand, one module."""

from __future__ import annotations

import argparse
import sys
from types import ModuleType

from netattach_cli import demo, lint

COMMANDS: tuple[ModuleType, ...] = (lint, demo)
"""Each module has `NAME`, `HELP`, `add_arguments(parser)` and `run(args) -> int`."""


def main(argv: list[str] | None = None) -> int:
    """Runs a subcommand; what it returns is the exit code."""
    args = _parser().parse_args(argv)
    return int(args.run(args))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netattach", description="More than one network for Kubernetes pods, safely."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in COMMANDS:
        command = commands.add_parser(module.NAME, help=module.HELP, description=module.HELP)
        command.set_defaults(run=module.run)
        module.add_arguments(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""The command `netattach completion`."""

from __future__ import annotations

import argparse
import sys

from netattach_cli.completion.scripts import SCRIPTS

HELP = (
    "print a script with which a shell completes commands, options, and names of pods, networks, nodes, namespaces and contexts; "
    "kubectl uses kubectl_complete-netattach instead, which is installed with the command"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=tuple(SCRIPTS), help="the shell")


def run(args: argparse.Namespace) -> int:
    sys.stdout.write(SCRIPTS[args.shell])
    return 0

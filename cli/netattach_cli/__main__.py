"""`netattach`, also `kubectl netattach`: one room for each command."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from netattach_cli import parsing
from netattach_cli.commands import COMMANDS, COMPLETE
from netattach_core.version import VERSION

_INTERRUPTED_STATUS = 130
"""The exit status that shells report for a program ended by SIGINT."""

_SIGPIPE_STATUS = 141
"""The exit status that shells report for a process ended by SIGPIPE."""

_OF_EXTRA = frozenset({"yaml", "jsonschema"})
"""Packages of the extra `cli`."""


def main(argv: list[str] | None = None) -> int:
    """Runs a command and returns its exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Files may contain characters that the terminal's encoding does not have.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = _run(sys.argv[1:] if argv is None else argv)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        # Otherwise Python writes a traceback when it flushes standard output at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _SIGPIPE_STATUS
    except KeyboardInterrupt:
        return _INTERRUPTED_STATUS
    return status


def _run(words: Sequence[str]) -> int:
    program, name = program_name(), words[0] if words else "--help"
    if name in {"-h", "--help", "help"}:
        sys.stdout.write(parsing.overview(program))
        return 0
    if name in {"-V", "--version", "version"}:
        print(f"netattach {VERSION}")
        return 0
    if name == COMPLETE.name:
        return int(COMPLETE.load().answer(words[1:]))
    if name not in COMMANDS:
        hint = parsing.did_you_mean(name, COMMANDS)
        print(f"{program}: there is no command {name!r}{hint}\nSee '{program} --help'.", file=sys.stderr)
        return parsing.USAGE_STATUS
    try:
        args = parsing.of_command(COMMANDS[name], program).parsed(words[1:])
        return int(args.run(args))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _OF_EXTRA:
            raise
        print(f"{program} {name} needs more packages: pip install 'netattach[cli]'", file=sys.stderr)
        return parsing.USAGE_STATUS


def program_name() -> str:
    """kubectl runs the plugin `kubectl netattach` as `kubectl-netattach`."""
    return "kubectl netattach" if Path(sys.argv[0]).name == "kubectl-netattach" else "netattach"


if __name__ == "__main__":
    sys.exit(main())

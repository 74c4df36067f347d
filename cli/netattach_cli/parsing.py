"""argparse, with suggestions for what is misspelt, and the help of the program itself.

argparse and not click or typer: those would be a third of the time in which `status` has to end, and packages in the single file.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

from netattach_cli.commands import COMMANDS, GROUPS, Command
from netattach_cli.terminal import printable
from netattach_core.text import suggestions

DESCRIPTION = "More than one network for Kubernetes pods, safely."
USAGE_STATUS = 2

_UNKNOWN = re.compile(r"unrecognized arguments: .*?(--?\w[\w-]*)")
_CHOICE = re.compile(r"invalid choice: '?(?P<word>[^' ]+)'? \(choose from (?P<known>.*)\)")


class Parser(argparse.ArgumentParser):
    """An error has one line, the option or value that was probably meant, and where help is."""

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        said = f"{printable(message)}{self._hint(message)}"
        self.exit(USAGE_STATUS, f"{self.prog}: {said}\nSee '{self.prog} --help'.\n")

    def parsed(self, words: Sequence[str]) -> argparse.Namespace:
        """The arguments, with options also between those without a name, as in kubectl.

        Not where there is a `--`: argparse forgets it between its two passes, and what follows it would be options again.
        """
        in_order = self._subparsers or "--" in words
        return self.parse_args(words) if in_order else self.parse_intermixed_args(words)

    def _hint(self, message: str) -> str:
        if found := _UNKNOWN.search(message):
            return did_you_mean(found[1], self._option_string_actions)
        if found := _CHOICE.search(message):
            return did_you_mean(found["word"], re.findall(r"[\w-]+", found["known"]))
        return ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The end of a sentence, "" where nothing is close."""
    closest = suggestions.closest(word, known)
    return f"; did you mean {closest!r}?" if closest else ""


def of_command(command: Command, program: str) -> Parser:
    """Imports the module of the command."""
    module = command.load()
    parser = Parser(prog=f"{program} {command.name}", description=module.HELP)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)
    return parser


def overview(program: str) -> str:
    """The help of the program itself."""
    width = max(map(len, COMMANDS))
    lines = [DESCRIPTION, "", f"usage: {program} COMMAND [arguments]"]
    for title, commands in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {each.name:{width}}  {each.summary}" for each in commands)]
    lines += ["", f"'{program} COMMAND --help' says more; '{program} --version' prints the version."]
    return "\n".join(lines) + "\n"

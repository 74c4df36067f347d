"""What can be completed, by the parser of a command. Names of objects are left to who can ask a cluster."""

from __future__ import annotations

import argparse
import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from netattach_cli import parsing
from netattach_cli.commands import COMMANDS


class Lookup(enum.Enum):
    """What a word is the name of."""

    NOTHING = enum.auto()
    FILE = enum.auto()
    NAMESPACE = enum.auto()
    CONTEXT = enum.auto()
    POD = enum.auto()
    NETWORK = enum.auto()
    NODE = enum.auto()


_LOOKUPS = {
    "files": Lookup.FILE,
    "file": Lookup.FILE,
    "kubeconfig": Lookup.FILE,
    "settings": Lookup.FILE,
    "inventory": Lookup.FILE,
    "write": Lookup.FILE,
    "cni_bin": Lookup.FILE,
    "shim": Lookup.FILE,
    "nad": Lookup.FILE,
    "namespace": Lookup.NAMESPACE,
    "context": Lookup.CONTEXT,
    "names": Lookup.POD,
    "pod": Lookup.POD,
    "network": Lookup.NETWORK,
    "node": Lookup.NODE,
}
"""By the name that an argument has in the program."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Words with their descriptions, or what to look up. `given` are the options before the word, by their names."""

    words: Sequence[tuple[str, str]] = ()
    lookup: Lookup = Lookup.NOTHING
    given: Sequence[tuple[str, str]] = ()


def candidates(words: Sequence[str]) -> Candidates:
    """For the last word, which may be empty, after those before it."""
    *before, word = _joined(words) or [""]
    if not before:
        return Candidates(_starting([(each.name, each.summary) for each in COMMANDS.values()], word))
    command = COMMANDS.get(before[0])
    if command is None:
        return Candidates()
    return _of_parser(parsing.of_command(command, "netattach"), before[1:], word)


def _of_parser(parser: argparse.ArgumentParser, before: Sequence[str], word: str) -> Candidates:
    positions = [each for each in parser._actions if not each.option_strings]  # noqa: SLF001  # argparse has no other way
    given: list[tuple[str, str]] = []
    taken, rest = 0, list(before)
    while rest:
        each = rest.pop(0)
        option = parser._option_string_actions.get(each)  # noqa: SLF001  # as above
        if option is not None and option.nargs != 0:
            if not rest:
                return _of_action(option, word, given)
            given.append((option.dest, rest.pop(0)))
        elif option is None and taken < len(positions):
            position = positions[taken]
            if isinstance(position, argparse._SubParsersAction):  # noqa: SLF001  # as above
                inner = position.choices.get(each)
                return _of_parser(inner, rest, word) if inner else Candidates()
            taken += position.nargs not in {"*", "+"}
    if word.startswith("-"):
        return Candidates(_starting(_options(parser), word))
    return _of_action(positions[taken], word, given) if taken < len(positions) else Candidates()


def _of_action(action: argparse.Action, word: str, given: Sequence[tuple[str, str]]) -> Candidates:
    if action.choices is not None:
        return Candidates(_starting([(str(each), "") for each in action.choices], word))
    return Candidates((), _LOOKUPS.get(action.dest, Lookup.NOTHING), given)


def _options(parser: argparse.ArgumentParser) -> Iterable[tuple[str, str]]:
    for action in parser._actions:  # noqa: SLF001  # as above
        for option in action.option_strings:
            yield option, (action.help or "").partition(";")[0] % {"default": action.default}


def _starting(found: Iterable[tuple[str, str]], word: str) -> list[tuple[str, str]]:
    return [each for each in found if each[0].startswith(word)]


def _joined(words: Sequence[str]) -> list[str]:
    """`--output=js` as two words, and bash's `--output`, `=`, `js` too."""
    found: list[str] = []
    for word in words:
        option, equals, value = word.partition("=")
        if option.startswith("--") and equals:
            found += [option, value]
        elif word != "=" or not found or not found[-1].startswith("--"):
            found.append(word)
    if words and words[-1] == "=":
        found.append("")
    return found

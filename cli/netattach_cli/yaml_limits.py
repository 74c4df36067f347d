"""Limits for YAML that somebody wrote to exhaust its reader: nesting, and aliases that repeat each other.

libyaml's parser recurses in C, and ends the program where the stack ends. PyYAML makes one object of all aliases of a node, but
merge keys copy, and whoever walks through the value sees all of it.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_DEPTH = 200
"""Levels of lists and maps; real manifests have fewer than thirty."""

MAX_REPEATED = 100_000
"""Values that aliases repeat in one document."""

_SEPARATOR = "\n---"
_DEEP_LINE = re.compile(rf"^[ ]{{{MAX_DEPTH},}}", re.MULTILINE)
_OPENING = ("[", "{", "-", "?")
"""What a level other than that of an indented map begins with."""


class LimitError(yaml.YAMLError):
    """A text beyond a limit; line and column count from 1, and are 0 without a mark, of PyYAML or of its parser in C."""

    def __init__(self, problem: str, mark: Any = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line: int = mark.line + 1 if mark else 0
        self.column: int = mark.column + 1 if mark else 0


def check_depth(text: str) -> None:
    """Raises LimitError for a text that nests too deep. Most texts have too few brackets for that, and are not parsed for it."""
    few = all(sum(part.count(sign) for sign in _OPENING) < MAX_DEPTH for part in text.split(_SEPARATOR))
    if few and not _DEEP_LINE.search(text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            problem = f"lists and maps are nested more than {MAX_DEPTH} levels deep"
            raise LimitError(problem, event.start_mark)


def may_have_aliases(text: str) -> bool:
    return "&" in text and "*" in text


def check_aliases(root: yaml.Node) -> None:
    """Raises LimitError for a document that contains itself, or repeats too much."""
    sizes: dict[int, int] = {}
    entered = set[int]()
    waiting = [root]
    while waiting:
        node = waiting[-1]
        inner = _inner(node)
        if id(node) not in sizes and id(node) not in entered:
            entered.add(id(node))
            waiting += [each for each in inner if id(each) not in sizes]
            if any(id(each) in entered and id(each) not in sizes for each in inner):
                raise LimitError("an alias is inside of what it stands for", node.start_mark)
            continue
        waiting.pop()
        if id(node) not in sizes:
            sizes[id(node)] = 1 + sum(sizes[id(each)] for each in inner)
            entered.discard(id(node))
            if sizes[id(node)] > len(sizes) + MAX_REPEATED:
                raise LimitError(f"aliases repeat more than {MAX_REPEATED} values", node.start_mark)


def _inner(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []

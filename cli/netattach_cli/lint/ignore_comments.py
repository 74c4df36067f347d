"""Comments `# netattach: ignore RULE REASON` in YAML, each with its place.

What merely looks like one inside a string is none.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from netattach_cli.lint.rules import COMMENT_RULES, RULES_BY_ID
from netattach_cli.lint.severities import unknown_rule
from netattach_core.net.names import shown
from netattach_core.text import suggestions

_COMMENT = re.compile(
    r"(?:^|(?<=[ \t]))#[ \t]*netattach\b[ \t]*(?:(:)[ \t]*)?([^\s:]+)(:?[^\r\n]*)", re.MULTILINE
)
_WORD = "ignore"
_OTHER_WORDS = frozenset(
    {"ignored", "ignores", "disable", "skip", "nolint", "noqa", "suppress", "allow", "off"}
)
"""What authors used to other linters write."""

_PUNCTUATION = " \t,;:.-\u2013\u2014"
_LONGEST_REASON = 1000
_FORM = "# netattach: ignore RULE REASON"


@dataclass(frozen=True, slots=True)
class IgnoreComment:
    """A comment at an offset of the file. `problem` and `fix` are "" for one that is valid."""

    offset: int
    rule: str = ""
    reason: str = ""
    problem: str = ""
    fix: str = ""


def may_have_some(text: str) -> bool:
    """Whether a file has a text that looks like such a comment; most have none."""
    return _COMMENT.search(text) is not None


def comments(text: str, start: int, end: int, root: yaml.Node | None) -> list[IgnoreComment]:
    """All ignore comments in a part of a file; `root` is the document that the part contains, None where it has none."""
    found = list(_COMMENT.finditer(text, start, end))
    strings = sorted(_strings(text, root)) if found and root is not None else []
    return [
        comment
        for match in found
        if not _is_inside(match.start(), strings) and (comment := _comment(match)) is not None
    ]


def _comment(match: re.Match[str]) -> IgnoreComment | None:
    """The comment, or None for a text that is only about netattach."""
    colon, word, rest = match.groups()
    if word != _WORD:
        similar = word in _OTHER_WORDS or suggestions.closest(word[:50], (_WORD,)) is not None
        problem = f"`{shown(word)}` is not `{_WORD}`: the comment has no effect"
        return IgnoreComment(match.start(), problem=problem, fix=f"write {_FORM}") if similar else None
    rule, *words = rest.lstrip(_PUNCTUATION).split(maxsplit=1) or [""]
    rule, reason = rule.strip(_PUNCTUATION), " ".join(" ".join(words).split()).strip(_PUNCTUATION)
    problem, fix = _problem(colon, rule, reason)
    return IgnoreComment(match.start(), rule, reason[:_LONGEST_REASON], problem, fix)


def _problem(colon: str | None, rule: str, reason: str) -> tuple[str, str]:
    if colon is None:
        return "there is no colon after `netattach`: the comment has no effect", f"write {_FORM}"
    if not rule:
        return "the comment names no rule: it has no effect", f"write {_FORM}"
    if rule not in RULES_BY_ID:
        problem, _, fix = unknown_rule(rule).partition("; ")
        return f"{problem}: the comment has no effect", fix
    if RULES_BY_ID[rule] in COMMENT_RULES:
        return f"`{rule}` is about comments like this one, which cannot silence it", "remove the comment"
    if not reason:
        return (
            "the comment gives no reason: it has no effect",
            f"write why: # netattach: ignore {rule} REASON",
        )
    return "", ""


def _is_inside(offset: int, strings: list[tuple[int, int]]) -> bool:
    """Whether the last string that begins at the offset or before it ends after it; strings do not overlap."""
    index = bisect.bisect_right(strings, offset, key=lambda span: span[0]) - 1
    return index >= 0 and offset < strings[index][1]


def _strings(text: str, root: yaml.Node) -> Iterator[tuple[int, int]]:
    """Where a document has strings; without the line of a block's own header, which may end with a comment."""
    for node in _scalars(root):
        start, end = node.start_mark.index, node.end_mark.index
        if node.style in ("|", ">"):
            start = text.find("\n", start, end) + 1 or end
        yield start, end


def _scalars(root: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Each once, however often aliases repeat it, and however deep it is."""
    waiting, seen = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            yield node
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value

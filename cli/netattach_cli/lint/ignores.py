"""Which ignore comments are for which object of a file, and which of them have silenced a finding."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from netattach_cli.documents import Document
from netattach_cli.lint import ignore_comments, manifests, scalar_offsets
from netattach_cli.lint.ignore_comments import IgnoreComment
from netattach_cli.lint.manifests import LocatedFinding, Location, Manifest
from netattach_cli.lint.rules import IGNORE_INVALID, IGNORE_UNUSED
from netattach_core.text.finding import Finding, Path

_SEPARATOR = re.compile(r"^(?:---|\.\.\.)(?=\s|\Z)", re.MULTILINE)
_NOWHERE = Document(None, yaml.ScalarNode("", ""))
_PATH = ("comment",)


@dataclass(slots=True)
class DocumentIgnores:
    """The comments in and above a document, by the path of the object that they are for."""

    owners: dict[Path, Manifest] = field(default_factory=dict)
    comments: dict[Path, list[IgnoreComment]] = field(default_factory=dict)
    _used: set[IgnoreComment] = field(default_factory=set)

    def silencing(self, path: Path, rule: str) -> IgnoreComment | None:
        """The comment that silences a finding of this rule in the object at this path."""
        for comment in self.comments.get(path, ()):
            if comment.rule == rule and not comment.problem:
                self._used.add(comment)
                return comment
        return None

    def invalid(self) -> Iterator[LocatedFinding]:
        """Findings for the comments that are not valid."""
        for path, comment in self._all():
            if comment.problem:
                yield self._finding(
                    path, comment, Finding(IGNORE_INVALID, _PATH, comment.problem, comment.fix)
                )

    def unused(self) -> Iterator[LocatedFinding]:
        """Findings for the comments that have silenced nothing so far."""
        for path, comment in self._all():
            if not comment.problem and comment not in self._used:
                problem = f"there is no finding of {comment.rule} in this object: the comment has no effect"
                yield self._finding(
                    path, comment, Finding(IGNORE_UNUSED, _PATH, problem, "remove the comment")
                )

    def _all(self) -> Iterator[tuple[Path, IgnoreComment]]:
        return ((path, comment) for path, found in self.comments.items() for comment in found)

    def _finding(self, path: Path, comment: IgnoreComment, finding: Finding) -> LocatedFinding:
        owner = self.owners[path]
        return LocatedFinding(owner, finding, lambda: Location(comment.offset, owner.text, comment.offset))


NONE = DocumentIgnores()


@dataclass(slots=True)
class FileIgnores:
    """Gives each document of a file its comments; the documents have to come in the file's order."""

    file: str
    text: str
    _read: int = 0

    def of(self, document: Document) -> DocumentIgnores:
        """The comments between the document before and the separator after this one."""
        if not isinstance(document.node, yaml.Node):
            self._read = len(self.text)  # JSON has no comments
            return NONE
        content_end = _content_end(self.text, document.node)
        separator = _SEPARATOR.search(self.text, content_end)
        end = separator.start() if separator else len(self.text)
        return self._owned(document, end, document.node)

    def rest(self) -> DocumentIgnores:
        """The comments after the last document."""
        return self._owned(_NOWHERE, len(self.text), None)

    def _owned(self, document: Document, end: int, root: yaml.Node | None) -> DocumentIgnores:
        start, self._read = self._read, max(end, self._read)
        found = ignore_comments.comments(self.text, start, end, root)
        if not found:
            return NONE
        owned = DocumentIgnores()
        objects = list(manifests.objects(document.value)) or [((), {})]
        ends = [_content_end(self.text, _node(root, path)) if root else end for path, _ in objects]
        ends = list(itertools.accumulate(ends, max))  # an alias may end before the object above it
        for comment in found:
            path, body = objects[_owner(self.text, comment.offset, ends)]
            if path not in owned.owners:
                owned.owners[path] = self._manifest(document, path, body)
            owned.comments.setdefault(path, []).append(comment)
        return owned

    def _manifest(self, document: Document, path: Path, body: dict[str, Any]) -> Manifest:
        """The first network or pod that an object defines, or the object itself."""
        found = manifests.of_object(self.file, self.text, document, path, body)
        return next(found, Manifest(self.file, self.text, body, document, path))


def _owner(text: str, offset: int, ends: Sequence[int]) -> int:
    """The index of the first object that ends in the line of the offset or after it; else the last one. `ends` ascend."""
    line = text.rfind("\n", 0, offset) + 1
    return min(bisect.bisect_left(ends, line), len(ends) - 1)


def _node(root: yaml.Node, path: Path) -> yaml.Node:
    """The node of an object of a List."""
    found = scalar_offsets.node_at(root, path)
    return root if found is None else found


def _content_end(text: str, node: yaml.Node) -> int:
    """Where the last value of a node ends: a block's own end includes the comments and blank lines after it."""
    end = node.end_mark.index
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
        if node.end_mark.index > end:
            break  # cannot be inside: an alias of a node elsewhere
        end = node.end_mark.index
    while end and text[end - 1].isspace():
        end -= 1
    return int(end)

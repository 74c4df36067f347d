"""The configurations inside a network that some plugin gets, as `restricted` looks at them: those of the chain and of delegates.

A key that is there twice, or in two spellings, counts with each of its values: plugins differ on which of them they use, since a
struct of Go takes the last one, and a map (flannel's delegate) sorts the spellings first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.plugins import main_plugin
from netattach_core.policy import members
from netattach_core.policy.members import Value
from netattach_core.text.finding import Path
from netattach_core.text.json_document import Node
from netattach_core.validation.plugin_chain import Entry

FLANNEL, FLANNEL_DELEGATE = "flannel", "bridge"


@dataclass(frozen=True, slots=True)
class Part:
    """One plugin's configuration. `type` is the plugin's own name; `unknown`: it may read any key, at any depth."""

    node: Node
    path: Path
    type: str
    unknown: bool

    def values(self, key: str) -> list[Value]:
        """All values of a key, in lower case, except null, which Go ignores."""
        return [
            Value((*self.path, m.key), key, m.node)
            for m in self.node.members
            if m.key.casefold() == key and m.node.value is not None
        ]

    def certainly(self, key: str) -> bool:
        """Whether a flag is true, whichever of its values counts."""
        values = self.values(key)
        return bool(values) and all(value.node.value is True for value in values)

    def possibly(self, key: str) -> bool:
        """Whether any value of a flag is true."""
        return any(value.node.value is True for value in self.values(key))

    @property
    def is_delegate(self) -> bool:
        """Whether another plugin passes this on, as flannel does."""
        return bool(self.path) and str(self.path[-1]).casefold() == "delegate"


def of_entry(entry: Entry) -> Iterator[Part]:
    """A plugin of the chain, and those to which it may delegate, and those again: flannel runs flannel, too.

    An IPAM plugin gets the whole configuration (CNI SPEC, section 4), so one that is none reads it as its own.
    """
    raw, seen = entry.raw, set[tuple[int, str]]()
    yield from _with_delegates(Part(raw.node, raw.path, entry.type, entry.plugin is None), seen)
    for member in raw.node.members:
        if member.key.casefold() == "ipam":
            for kind in _known_types(member.node):
                yield from _with_delegates(Part(raw.node, raw.path, kind, unknown=False), seen)


def _with_delegates(part: Part, seen: set[tuple[int, str]]) -> Iterator[Part]:
    """`seen` are the offsets and types of the parts that were found: flannel and an unknown plugin may pass on the same one."""
    if (part.node.start, part.type) in seen:
        return
    seen.add((part.node.start, part.type))
    yield part
    if part.type == FLANNEL:
        for each in _of_flannel(part):
            yield from _with_delegates(each, seen)
    elif part.unknown:
        for path, _, node in members.walk(part.node, part.path):
            if node is not part.node and node.members:
                for kind in _known_types(node):
                    yield from _with_delegates(Part(node, path, kind, unknown=False), seen)


def _of_flannel(part: Part) -> Iterator[Part]:
    """Its delegate is a bridge by default, even where it has no section (`flannel_linux.go: doCmdAdd`)."""
    found = part.values("delegate")
    if not found:
        empty = Node({}, part.node.start, part.node.end)
        yield Part(empty, part.path, FLANNEL_DELEGATE, unknown=False)
    for path, _, node in found:
        for kind in {canonical_name(kind) for kind in _types(node)} or {FLANNEL_DELEGATE}:
            yield Part(node, path, kind, unknown=main_plugin(kind) is None)


def _known_types(node: Node) -> list[str]:
    return [kind for kind in map(canonical_name, _types(node)) if main_plugin(kind) is not None]


def _types(node: Node) -> list[str]:
    values: list[Any] = [m.node.value for m in node.members if m.key.casefold() == "type"]
    return [value for value in values if isinstance(value, str)]

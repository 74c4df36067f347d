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
from netattach_core.validation.plugin_chain import Entry, Network

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


def of_network(network: Network) -> Iterator[Part]:
    """The plugins of the chain, each followed by those to which it may delegate."""
    for entry in network.entries:
        yield Part(entry.raw.node, entry.raw.path, entry.type, entry.plugin is None)
        yield from _delegates(entry)


def _delegates(entry: Entry) -> Iterator[Part]:
    if entry.type == FLANNEL:
        yield from _of_flannel(entry)
    if entry.plugin is None:
        for path, _, node in members.walk(entry.raw.node, entry.raw.path):
            if node is not entry.raw.node and node.members:
                yield from (Part(node, path, kind, unknown=False) for kind in _known_types(node))


def _of_flannel(entry: Entry) -> Iterator[Part]:
    """Its delegate is a bridge by default, even where it has no section (`flannel_linux.go: doCmdAdd`)."""
    found = [m for m in entry.raw.node.members if m.key.casefold() == "delegate" and m.node.value is not None]
    if not found:
        yield Part(
            Node({}, entry.raw.node.start, entry.raw.node.end), entry.raw.path, FLANNEL_DELEGATE, False
        )
    for member in found:
        kinds = [canonical_name(kind) for kind in _types(member.node)] or [FLANNEL_DELEGATE]
        for kind in kinds:
            yield Part(member.node, (*entry.raw.path, member.key), kind, main_plugin(kind) is None)


def _known_types(node: Node) -> list[str]:
    return [kind for kind in map(canonical_name, _types(node)) if main_plugin(kind) is not None]


def _types(node: Node) -> list[str]:
    values: list[Any] = [m.node.value for m in node.members if m.key.casefold() == "type"]
    return [value for value in values if isinstance(value, str)]

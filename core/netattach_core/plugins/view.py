"""How a check reads a CNI config: typed access to one JSON object, and findings with their path.

A check sees what the plugin sees: keys in their canonical spelling, without nulls (`validation.go_json`). A value of the wrong
type counts as absent, since `validation.schema_rules` reports it; no check can fail on one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from netattach_core.text import json_document
from netattach_core.text.finding import Finding, Path, Rule, Severity


@dataclass(frozen=True, slots=True)
class ConfigView:
    """One JSON object of a CNI config; `path` leads to it from the top of the config."""

    node: json_document.Node
    path: Path = ()

    def value(self, key: str) -> Any:
        """The value of any type; None where the key is absent."""
        return self.node.value.get(key) if isinstance(self.node.value, dict) else None

    def has(self, key: str) -> bool:
        """Whether the key is present, with a value of any type but null."""
        return self.value(key) is not None

    def text(self, key: str) -> str | None:
        """A string."""
        value = self.value(key)
        return value if isinstance(value, str) else None

    def integer(self, key: str) -> int | None:
        """An integer, also one written as a float such as 100.0: the daemon rewrites those before a plugin reads them."""
        value = self.value(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            return None
        return int(value)

    def flag(self, key: str) -> bool:
        """Whether the value is true; absent means false, as in Go."""
        return self.value(key) is True

    def object(self, key: str) -> ConfigView | None:
        """The object at a key."""
        if not isinstance(self.value(key), dict):
            return None
        node = json_document.locate(self.node, (key,))
        return ConfigView(node, (*self.path, key)) if node is not None else None

    def members(self) -> dict[str, ConfigView]:
        """The values of any type by key; of duplicate keys the last one counts."""
        return {m.key: ConfigView(m.node, (*self.path, m.key)) for m in self.node.members}

    def items(self, *where: str | int) -> tuple[ConfigView, ...]:
        """The elements of a list, of any type."""
        if len(where) == 1 and isinstance(where[0], str) and not self.value(where[0]):
            return ()
        node = json_document.locate(self.node, where)
        return (
            tuple(ConfigView(item, (*self.path, *where, index)) for index, item in enumerate(node.items))
            if node
            else ()
        )

    def objects(self, key: str) -> tuple[ConfigView, ...]:
        """The elements of a list that are objects."""
        return tuple(view for view in self.items(key) if isinstance(view.node.value, dict))

    def texts(self, key: str) -> tuple[tuple[ConfigView, str], ...]:
        """The elements of a list that are strings, each with its view."""
        return tuple((view, view.node.value) for view in self.items(key) if isinstance(view.node.value, str))

    def found(
        self, rule: Rule, problem: str, fix: str, *where: str | int, severity: Severity | None = None
    ) -> Finding:
        """A finding about the value at `where` inside this object, or about the object itself."""
        node = json_document.locate(self.node, where) or self.node
        return Finding(rule, (*self.path, *where), problem, fix, node.start, severity)

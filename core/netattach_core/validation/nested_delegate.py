"""What flannel hands to another plugin: `delegate` has the keys of that one (flannel_linux.go: doCmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.plugins import main_plugin, schema_types
from netattach_core.plugins.view import View
from netattach_core.text.finding import Finding
from netattach_core.validation import key_spelling, schema_rules
from netattach_core.validation.go_json import as_go_reads, once_per_schema
from netattach_core.validation.plugin_chain import Entry, main_schema

_FLANNEL, _DEFAULT = "flannel", "bridge"

_WRITTEN_BY_FLANNEL = dict.fromkeys(("type", "name", "cniVersion", "ipam"), schema_types.ANYTHING)
"""What it refuses, or puts in itself; the file of the plugin speaks of it."""


def of(entry: Entry) -> View | None:
    """The section as the author wrote it."""
    return entry.raw.object("delegate") if entry.type == _FLANNEL else None


def check(entry: Entry) -> Iterator[Finding]:
    """Its shape and its keys, by the schema of the plugin that reads them."""
    raw = of(entry)
    plugin = main_plugin(canonical_name(raw.text("type") or _DEFAULT)) if raw else None
    if raw is None or plugin is None:
        return
    schema = _without_own(main_schema(plugin.type))
    yield from schema_rules.check(View(as_go_reads(raw.node, schema), raw.path), schema, plugin.type)
    yield from key_spelling.check(
        raw.node, raw.path, schema, key_spelling.Reader(plugin.type, plugin.aliases)
    )


@once_per_schema
def _without_own(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**schema, "properties": {**schema["properties"], **_WRITTEN_BY_FLANNEL}}

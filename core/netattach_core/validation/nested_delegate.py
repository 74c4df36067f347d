"""The configuration that flannel passes to another plugin: `delegate` (flannel_linux.go: doCmdAdd)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.cni.plugin_aliases import canonical_name
from netattach_core.plugins import main_plugin, schema_types
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding
from netattach_core.validation import key_spelling, schema_rules
from netattach_core.validation.go_json import as_go_reads, cache_per_schema
from netattach_core.validation.plugin_chain import Entry, main_schema

_FLANNEL, _DEFAULT = "flannel", "bridge"

_WRITTEN_BY_FLANNEL = dict.fromkeys(("type", "name", "cniVersion", "ipam"), schema_types.ANYTHING)
"""Keys that flannel refuses or sets itself; `netattach_core.plugins.flannel` validates them."""


def delegate_of(entry: Entry) -> ConfigView | None:
    """The `delegate` section as the author wrote it; None for other plugins."""
    return entry.raw.object("delegate") if entry.type == _FLANNEL else None


def config_of(entry: Entry) -> tuple[str, ConfigView] | None:
    """The type of the plugin that flannel runs, and its configuration as that plugin reads it; None for other plugins.

    The section is a Go map: flannel itself reads its keys in their exact spelling, the plugin in any.
    """
    raw = entry.config.object("delegate") if entry.type == _FLANNEL else None
    if raw is None:
        return None
    kind = canonical_name(raw.text("type") or _DEFAULT)
    return kind, ConfigView(as_go_reads(raw.node, main_schema(kind if main_plugin(kind) else "")), raw.path)


def check(entry: Entry) -> Iterator[Finding]:
    """Validates values and keys of the section with the schema of the plugin that reads it."""
    raw = delegate_of(entry)
    plugin = main_plugin(canonical_name(raw.text("type") or _DEFAULT)) if raw else None
    if raw is None or plugin is None:
        return
    schema = _without_written(main_schema(plugin.type))
    yield from schema_rules.check(ConfigView(as_go_reads(raw.node, schema), raw.path), schema, plugin.type)
    yield from key_spelling.check(
        raw.node, raw.path, schema, key_spelling.Reader(plugin.type, plugin.aliases)
    )


@cache_per_schema
def _without_written(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**schema, "properties": {**schema["properties"], **_WRITTEN_BY_FLANNEL}}

"""Rules for plugins of which only what certainly fails is known (`plugins.partly_known`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.plugins import partly_known, schema_types
from netattach_core.plugins.plugin import Plugin, Role
from netattach_core.plugins.view import ConfigView
from netattach_core.text.finding import Finding
from netattach_core.validation import key_spelling, schema_rules
from netattach_core.validation.go_json import as_go_reads, cache_per_schema
from netattach_core.validation.plugin_chain import Entry

_BY_TYPE = {(plugin.type, plugin.role is Role.IPAM): plugin for plugin in partly_known.PLUGINS}


def of_type(kind: str) -> Plugin | None:
    """The main or chained plugin of this type, where it is only partly known."""
    return _BY_TYPE.get((kind, False))


def check(entry: Entry) -> Iterator[Finding]:
    """Validates the configuration of the plugin, and the `ipam` section, where either is partly known."""
    if entry.plugin is None and (plugin := of_type(entry.type)):
        yield from _check(entry.raw, plugin, entry)
    if entry.ipam_raw and (ipam := _BY_TYPE.get((entry.ipam_type, True))):
        yield from _check(entry.ipam_raw, ipam, entry)


def _check(raw: ConfigView, plugin: Plugin, entry: Entry) -> Iterator[Finding]:
    config = ConfigView(as_go_reads(raw.node, plugin.schema), raw.path)
    yield from schema_rules.check(config, plugin.schema, plugin.type)
    reader = key_spelling.Reader(plugin.type, plugin.aliases)
    yield from key_spelling.check(raw.node, raw.path, _with_common_keys(plugin.schema), reader)
    yield from plugin.check(config, entry.context)


@cache_per_schema
def _with_common_keys(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The keys of every plugin, of any value: the rules for all plugins validate them."""
    common = dict.fromkeys(schema_types.COMMON, schema_types.ANYTHING)
    return {**schema, "properties": {**common, **schema["properties"]}}

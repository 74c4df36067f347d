"""The plugins' JSON Schemas: each is valid, names its source, and is consistent with its aliases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from netattach_core import plugins
from netattach_core.cni import versions
from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Plugin, Role

EVERY = pytest.mark.parametrize("plugin", plugins.PLUGINS, ids=lambda plugin: plugin.type)


@EVERY
def test_a_schema_is_valid_in_draft_2020_12(plugin: Plugin) -> None:
    """Finds keywords with a wrong value, and keys without a schema."""
    Draft202012Validator.check_schema(plugin.schema)

    assert all(isinstance(schema, dict) for schema in plugin.schema["properties"].values())


@EVERY
def test_a_plugin_names_its_source(plugin: Plugin) -> None:
    """So that its next release can be compared."""
    assert "/" in plugin.source
    assert plugin.source.endswith(".go")
    assert plugin.min_version in versions.SUPPORTED


@EVERY
def test_an_alias_is_for_a_key_of_the_schema(plugin: Plugin) -> None:
    """That may be a key of a nested object; no alias is a key itself."""
    assert set(plugin.aliases.values()) <= set(_keys(plugin.schema))
    assert not set(plugin.aliases) & set(plugin.schema["properties"])
    for part in _parts(plugin.schema):
        assert set(part.get("aliases", {}).values()) <= set(part.get("properties", {}))
        assert not set(part.get("aliases", {})) & set(part.get("properties", {}))


@EVERY
def test_no_plugin_redefines_common_keys(plugin: Plugin) -> None:
    """Name, type and version mean the same for all plugins; only an `ipam` section has its own `dns`."""
    common = set(schema_types.READ_BY_LIBCNI) - ({"dns"} if plugin.role is Role.IPAM else set())

    assert not common & set(plugin.schema["properties"])


def test_no_type_is_listed_twice() -> None:
    """Neither among main and chained plugins nor among IPAM plugins."""
    listed = [(plugin.type, plugin.role is Role.IPAM) for plugin in plugins.PLUGINS]

    assert len(set(listed)) == len(listed)
    assert not {kind for kind, _ in listed} & set(plugins.UNSUPPORTED_TYPES)


def _keys(schema: Mapping[str, Any]) -> list[str]:
    return [key for part in _parts(schema) for key in part.get("properties", {})]


def _parts(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The schema and all nested schemas."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]
    for part in inner:
        yield from _parts(part)

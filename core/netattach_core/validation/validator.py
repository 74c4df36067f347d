"""The validator: finds everything in a NetworkAttachmentDefinition that cannot work, or probably is not what its author wants.

Pure: the object, the nodes' inventories and the cluster's networks go in, findings come out, all of them at once. The rules, from
the object to the cluster:

- the object and its text: `object_rules`, `syntax_rules`, `node_selector`
- JSON Schema and keys: `schema_rules`, `key_spelling`, `custom_schemas`
- the meaning of the configuration: `general_rules` and `meta_plugin_rules` for all plugins, `netattach_core.plugins` for each
- the nodes: `node_rules`, `node_version_rules`
- other networks: `cluster_rules`

The severity is `deny` for what certainly fails and for the safety rules, `warn` for what only looks wrong, `advice` for what most
authors mean as they wrote it; the cluster's settings can change the severity of each rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from netattach_core import plugins
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.plugins import schema_types
from netattach_core.plugins.plugin import Ipam
from netattach_core.text.finding import Finding, Rule, Severity
from netattach_core.validation import (
    cluster_rules,
    custom_schemas,
    footprint_index,
    general_rules,
    key_spelling,
    meta_plugin_rules,
    nested_delegate,
    node_rules,
    node_selector,
    node_version_rules,
    object_rules,
    partly_known_rules,
    placeholders,
    plugin_chain,
    schema_rules,
    syntax_rules,
)
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.go_json import cache_per_schema
from netattach_core.validation.lease_rules import LeaseRules
from netattach_core.validation.settings import ValidationSettings

RULES: tuple[Rule, ...] = (
    *object_rules.RULES,
    *syntax_rules.RULES,
    *placeholders.RULES,
    *schema_rules.RULES,
    *key_spelling.RULES,
    *general_rules.RULES,
    *plugins.RULES,
    *custom_schemas.RULES,
    *meta_plugin_rules.RULES,
    *node_selector.RULES,
    *node_rules.RULES,
    *node_version_rules.RULES,
    *cluster_rules.RULES,
)

_MAX_DENIALS = 1000

_DEFAULT_IPAM = "host-local"
_RUNTIME = "every CNI runtime"
_OF_GENERAL_RULES = dict.fromkeys(("name", "cniVersion"), schema_types.ANYTHING)
"""Keys that `general_rules` validates, with better messages than a schema has."""


def validate(
    body: Mapping[str, Any],
    nodes: Sequence[NodeInventory] | None = None,
    *,
    footprints: FootprintIndex = footprint_index.NONE,
    settings: ValidationSettings = validation_settings.DEFAULTS,
) -> list[Finding]:
    """The findings for a NAD, denials first, then by offset in the text; it stops after a thousand denials.

    `body` is the object, of any shape. `nodes` are the inventories of all nodes, or None where there are none: then the rules
    about nodes are skipped. `footprints` are the cluster's networks; an earlier version of this one may be among them.
    `settings` determine the severities. Never raises an error for a malformed object.
    """
    nad = nad_of(body)
    found = dict.fromkeys(_up_to_limit(_findings(body, nad, nodes, footprints, settings)))
    in_order = sorted(found, key=lambda finding: (finding.effective_severity.rank, finding.offset or 0))
    return validation_settings.apply_severities(in_order, settings, nad.namespace)


def _up_to_limit(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings up to the thousandth denial: more of them change nothing, and take time to find."""
    denials = 0
    for finding in findings:
        yield finding
        denials += finding.effective_severity is Severity.DENY
        if denials == _MAX_DENIALS:
            return


def _findings(
    body: Mapping[str, Any],
    nad: Nad,
    nodes: Sequence[NodeInventory] | None,
    footprints: FootprintIndex,
    settings: ValidationSettings,
) -> Iterator[Finding]:
    yield from object_rules.check(body)
    yield from node_selector.check(nad, nodes or ())
    syntax_findings, _ = syntax_rules.read(_mapping(body, "spec").get("config"))
    yield from syntax_findings
    parsed = plugin_chain.of_nad(nad)
    if parsed is None:
        return
    root, network = parsed
    yield from placeholders.check(root)
    yield from meta_plugin_rules.check(root)
    selected = node_selector.selected(nad, nodes or ())
    yield from general_rules.check(network)
    if network.listed:
        yield from schema_rules.check(network.top, _LIST_SCHEMA, _RUNTIME)
    leases = LeaseRules(network, nad, selected)
    for entry in network.entries:
        yield from leases.weighted(_entry(entry))
        yield from nested_delegate.check(entry)
        yield from custom_schemas.check(entry, settings.schemas)
        if not nodes:
            yield from general_rules.misspelt_types(entry)
    yield from node_rules.check(network, nad, selected)
    yield from node_version_rules.check(network, selected)
    yield from cluster_rules.check(nad, footprints, selected, settings)


def _entry(entry: plugin_chain.Entry) -> Iterator[Finding]:
    """The findings for one plugin's configuration: schema, keys and the plugin's own rules, likewise for its IPAM."""
    reader = entry.binary if entry.plugin else _RUNTIME
    yield from schema_rules.check(entry.config, _without_general_keys(entry.schema), reader)
    if entry.plugin:
        keys, plugin = _without_nested_plugins(entry.schema), entry.plugin
        key_reader = key_spelling.Reader(
            entry.binary, plugin.aliases, instead=plugin.instead, ipam=_ipam_schema(entry)
        )
        yield from key_spelling.check(entry.raw.node, entry.raw.path, keys, key_reader)
        yield from plugin.check(entry.config, entry.context)
    yield from partly_known_rules.check(entry)
    if entry.ipam and entry.ipam_raw and entry.ipam_plugin:
        ipam, schema = entry.ipam_plugin, plugin_chain.ipam_schema(entry.ipam_plugin.type)
        yield from schema_rules.check(entry.ipam, schema, ipam.type)
        main = entry.plugin.schema if entry.plugin else {}
        key_reader = key_spelling.Reader(ipam.type, ipam.aliases, main=entry.config, main_schema=main)
        yield from key_spelling.check(entry.ipam_raw.node, entry.ipam_raw.path, schema, key_reader)
        yield from ipam.check(entry.ipam, entry.context)


def _ipam_schema(entry: plugin_chain.Entry) -> Mapping[str, Any]:
    """The schema of the `ipam` section; without a section or a type in it, that of host-local."""
    if entry.ipam_plugin:
        return plugin_chain.ipam_schema(entry.ipam_plugin.type)
    takes_ipam = entry.plugin is not None and entry.plugin.ipam is not Ipam.NONE
    return plugin_chain.ipam_schema(_DEFAULT_IPAM) if takes_ipam and not entry.ipam_type else {}


def _with(schema: Mapping[str, Any], **changed: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with other schemas for some keys."""
    return {**schema, "properties": {**schema["properties"], **changed}}


@cache_per_schema
def _without_general_keys(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return _with(schema, **_OF_GENERAL_RULES)


@cache_per_schema
def _without_nested_plugins(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema without the keys inside `ipam` and `delegate`, which other plugins read."""
    nested = {key: schema_types.ANYTHING for key in ("ipam", "delegate") if key in schema["properties"]}
    return _with(schema, **nested)


_LIST_SCHEMA = _with(plugin_chain.LIST_SCHEMA, **_OF_GENERAL_RULES, plugins=schema_types.ANYTHING)


def nad_of(body: Mapping[str, Any]) -> Nad:
    """Like `nad.from_body`, but without errors, since malformed objects are validated too."""
    metadata = _mapping(body, "metadata")
    texts = _mapping(metadata, "annotations").items()
    config = _mapping(body, "spec").get("config")
    return Nad(
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
        config=config if isinstance(config, str) else "",
        annotations={str(key): value for key, value in texts if isinstance(value, str)},
        created=str(metadata.get("creationTimestamp") or ""),
        uid=str(metadata.get("uid") or ""),
    )


def _mapping(body: Any, key: str) -> Mapping[str, Any]:
    value = body.get(key) if isinstance(body, Mapping) else None
    return value if isinstance(value, Mapping) else {}

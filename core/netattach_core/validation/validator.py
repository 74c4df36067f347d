"""The validator, who says whether this NAD's configuration is one that can work.

Pure: the object and what is known of the cluster in, findings out, all of them at once. Five groups of rules, a file or more
each: the text (`text`, and `object_shape` for what is around it), the shape (`shape`, `spelling`, `foreign`), the sense (`whole`
and `meta` for what holds for all, `plugins` for each one), the nodes (`nodes`, `node_versions`, `selector`), the cluster
(`cluster`). A denial is certain failure, or one of the safety rules; what merely looks wrong is a warning, and the settings of
the cluster may say otherwise of each rule.
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
    plugin_chain,
    schema_rules,
    syntax_rules,
)
from netattach_core.validation import settings as validation_settings
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.go_json import cache_per_schema
from netattach_core.validation.settings import ValidationSettings

RULES: tuple[Rule, ...] = (
    *object_rules.RULES,
    *syntax_rules.RULES,
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

_ENOUGH = 1000
_ORDER = {Severity.DENY: 0, Severity.WARN: 1, Severity.OFF: 2}


_USUAL_IPAM = "host-local"
_RUNTIME = "every CNI runtime"
_VALIDATED_AS_A_WHOLE = dict.fromkeys(
    ("name", "cniVersion"), schema_types.ANYTHING
)  # `whole` has more to say of them


def validate(
    body: Mapping[str, Any],
    nodes: Sequence[NodeInventory] | None = None,
    *,
    footprints: FootprintIndex = footprint_index.NONE,
    settings: ValidationSettings = validation_settings.DEFAULTS,
) -> list[Finding]:
    """Everything that is wrong with a NAD, denials first, then by place in the text; of more than a thousand denials, those.

    `nodes` are all that there are; None where nothing is known of them, and then nothing is said of them. `others` are the
    cluster's NADs, this one perhaps among them as it was before.
    """
    nad = _nad(body)
    found = dict.fromkeys(_enough(_findings(body, nad, nodes, footprints, settings)))
    in_order = sorted(found, key=lambda finding: (_ORDER[finding.effective_severity], finding.offset or 0))
    return validation_settings.apply_severities(in_order, settings, nad.namespace)


def _enough(findings: Iterable[Finding]) -> Iterator[Finding]:
    """What comes after so many denials changes nothing, and to find it takes time."""
    denials = 0
    for finding in findings:
        yield finding
        denials += finding.effective_severity is Severity.DENY
        if denials == _ENOUGH:
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
    about_text, root = syntax_rules.read(_mapping(body, "spec").get("config"))
    yield from about_text
    if root is None:
        return
    yield from meta_plugin_rules.check(root)
    network, chosen = plugin_chain.read(root, nad), node_selector.selected(nad, nodes or ())
    yield from general_rules.check(network)
    if network.listed:
        yield from schema_rules.check(network.top, _LIST_SCHEMA, _RUNTIME)
    for entry in network.entries:
        yield from _entry(entry)
        yield from nested_delegate.check(entry)
        yield from custom_schemas.check(entry, settings.schemas)
        if not nodes:
            yield from general_rules.misspelt(entry)
    yield from node_rules.check(network, nad, chosen)
    yield from node_version_rules.check(network, chosen)
    yield from cluster_rules.check(network, nad, footprints, chosen, settings)


def _entry(entry: plugin_chain.Entry) -> Iterator[Finding]:
    """Shape and sense of one plugin's configuration."""
    reader = entry.plugin.type if entry.plugin else _RUNTIME
    yield from schema_rules.check(entry.conf, _without_whole(entry.schema), reader)
    if entry.plugin:
        keys = _without_ipam(entry.schema)  # whose keys are the IPAM plugin's
        spelt = key_spelling.Reader(entry.plugin.type, entry.plugin.aliases, ipam=_ipam_schema(entry))
        yield from key_spelling.check(entry.raw.node, entry.raw.path, keys, spelt)
        yield from entry.plugin.check(entry.conf, entry.context)
    if entry.ipam and entry.ipam_raw and entry.ipam_plugin:
        ipam, schema = entry.ipam_plugin, plugin_chain.ipam_schema(entry.ipam_plugin.type)
        yield from schema_rules.check(entry.ipam, schema, ipam.type)
        main = entry.plugin.schema if entry.plugin else {}
        spelt = key_spelling.Reader(ipam.type, ipam.aliases, main=entry.conf, main_schema=main)
        yield from key_spelling.check(entry.ipam_raw.node, entry.ipam_raw.path, schema, spelt)
        yield from ipam.check(entry.ipam, entry.context)


def _ipam_schema(entry: plugin_chain.Entry) -> Mapping[str, Any]:
    """That of the ipam section; where none is there, or no type in it, the usual one."""
    if entry.ipam_plugin:
        return plugin_chain.ipam_schema(entry.ipam_plugin.type)
    takes_one = entry.plugin is not None and entry.plugin.ipam is not Ipam.NONE
    return plugin_chain.ipam_schema(_USUAL_IPAM) if takes_one and not entry.ipam_type else {}


def _with(schema: Mapping[str, Any], **changed: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema with other words for some keys."""
    return {**schema, "properties": {**schema["properties"], **changed}}


@cache_per_schema
def _without_whole(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return _with(schema, **_VALIDATED_AS_A_WHOLE)


@cache_per_schema
def _without_ipam(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Nor those of a `delegate`."""
    others = {key: schema_types.ANYTHING for key in ("ipam", "delegate") if key in schema["properties"]}
    return _with(schema, **others)


_LIST_SCHEMA = _with(plugin_chain.LIST_SCHEMA, **_VALIDATED_AS_A_WHOLE, plugins=schema_types.ANYTHING)


def _nad(body: Mapping[str, Any]) -> Nad:
    """Like `nad.from_body`, but never an error: an odd object is validated too."""
    metadata = _mapping(body, "metadata")
    texts = _mapping(metadata, "annotations").items()
    config = _mapping(body, "spec").get("config")
    return Nad(
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata.get("name") or ""),
        config=config if isinstance(config, str) else "",
        annotations={str(key): value for key, value in texts if isinstance(value, str)},
    )


def _mapping(body: Any, key: str) -> Mapping[str, Any]:
    value = body.get(key) if isinstance(body, Mapping) else None
    return value if isinstance(value, Mapping) else {}

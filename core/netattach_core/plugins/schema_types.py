"""Building blocks of the plugins' JSON Schemas, and the keys that every CNI config may have.

Some schema keywords are our own. `description` completes the sentence "it must be …", `fix` is what to do where the type alone
does not say it, `exact`, `open`, `nullRefused` and `shadowed` describe how the plugin reads an object: `validation.schema_rules`
and `validation.go_json` read them. `aliases` is read by `validation.key_spelling`. `fromText` and `fromRange` say which object an
author means who writes a plain value (`validation.right_form`), `meant` and `elsewhere` which word. JSON Schema ignores unknown
keywords.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

_INT64 = 2**63 - 1

ANYTHING: Schema = {}
"""A known key with any value."""

STRING: Schema = {"type": "string"}
STRINGS: Schema = {"type": "array", "items": STRING}
BOOLEAN: Schema = {"type": "boolean"}
OBJECT: Schema = {"type": "object"}
INTEGER: Schema = {"type": "integer", "minimum": -_INT64 - 1, "maximum": _INT64}
UINT64: Schema = {"type": "integer", "minimum": 0, "maximum": 2 * _INT64 + 1}
UINT32: Schema = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}


def integer(minimum: int, maximum: int) -> Schema:
    """An integer with bounds, both inclusive."""
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


def one_of(*values: str) -> Schema:
    """One of these strings, case-sensitive. The empty string means the default, as in the plugins' Go switch statements."""
    return {"type": "string", "enum": [*values, ""]}


def object_of(**properties: Schema) -> Schema:
    """An object with these keys."""
    return {"type": "object", "properties": properties}


def with_example(schema: Schema, example: str) -> Schema:
    """The schema with an example that a finding about a wrong type shows."""
    return {**schema, "fix": f"write {example}"}


def with_aliases(schema: Schema, **aliases: str) -> Schema:
    """An object with wrong names that people use for its keys, as `Plugin.aliases` has them for the plugin's own keys."""
    return {**schema, "aliases": aliases}


def from_text(schema: Schema, key: str) -> Schema:
    """An object for which authors write a plain value: that of its key."""
    return {**schema, "fromText": key}


def with_meanings(
    schema: Schema, meant: Mapping[str, str], elsewhere: Mapping[str, str] | None = None
) -> Schema:
    """Words that are not valid: the valid one that they mean, or the plugin that accepts them."""
    return {**schema, "meant": meant, "elsewhere": elsewhere or {}}


def vlan_range(tag: Schema) -> Schema:
    """An entry of a VLAN trunk: one VLAN, or those from `minID` to `maxID`. A plugin may crash on null, which is its own rule."""
    schema: Schema = {"type": ["object", "null"], "properties": dict.fromkeys(("id", "minID", "maxID"), tag)}
    meant = {"fromText": "id", "fromRange": ("minID", "maxID")}
    example = '{"id": 100} or {"minID": 100, "maxID": 200}'
    return with_example({**with_aliases(schema, min="minID", max="maxID"), **meant}, example)


def with_shadowed(schema: Schema, **shadowed: str) -> Schema:
    """An object of Go with fields without a tag: in exactly this spelling, a key is that field, and not the one meant.

    So `Address` is not read as `address`, unlike `ADDRESS`.
    """
    return {**schema, "shadowed": shadowed}


def case_sensitive(schema: Schema) -> Schema:
    """An object that the plugin reads into a Go map, so that its keys are case-sensitive."""
    return {**schema, "exact": True}


def open_object(schema: Schema) -> Schema:
    """An object that may have keys other than those listed."""
    return {**schema, "open": True}


def list_of(item: Schema, **more: Any) -> Schema:
    """A list of such items."""
    return {"type": "array", "items": item, **more}


VLAN_ID = integer(0, 4094)
"""0 means no VLAN; 802.1Q reserves 4095."""

_ADDRESS = from_text(
    with_shadowed(
        object_of(address=STRING, gateway=STRING, version=STRING),  # plugins overwrite `version`
        Address="address",
    ),
    "address",
)
ADDRESSES = with_example(
    list_of(with_example(_ADDRESS, '{"address": "10.1.2.3/24"}')), '[{"address": "10.1.2.3/24"}]'
)
"""`addresses` of static and whereabouts."""

DNS = object_of(nameservers=STRINGS, domain=STRING, search=STRINGS, options=STRINGS)

_FLOAT64_EXACT = 2**63 - 513
_RESULT_INTEGER = integer(-_FLOAT64_EXACT, _FLOAT64_EXACT)
"""The IPAM plugin's result passes through a float64 (CNI `pkg/invoke/exec.go: fixupResultVersion`), which rounds larger ones."""

_DST: Schema = {**STRING, "nullRefused": True}
_ROUTE = with_aliases(
    from_text(
        object_of(
            dst=_DST,
            gw=STRING,
            **dict.fromkeys(("mtu", "advmss", "priority", "table", "scope"), _RESULT_INTEGER),
        ),
        "dst",
    ),
    **dict.fromkeys(("via", "gateway", "nexthop"), "gw"),
    **dict.fromkeys(("destination", "to"), "dst"),
    metric="priority",
)
ROUTES = with_example(list_of(with_example(_ROUTE, '{"dst": "10.0.0.0/8"}')), '[{"dst": "10.0.0.0/8"}]')
"""`routes`, as all IPAM plugins that support it parse it (CNI `pkg/types/types.go: Route`)."""

IPAM: Schema = {
    "type": "object",
    "properties": {"type": STRING},
    "fix": 'write an object: "ipam": {"type": …}',
}

CAPABILITIES: Schema = {
    "type": "object",
    "additionalProperties": BOOLEAN,
    "fix": 'write an object of names and booleans: "capabilities": {"ips": true}',
}

READ_BY_LIBCNI: dict[str, Schema] = {
    "cniVersion": STRING,
    "name": STRING,
    "type": STRING,
    "capabilities": CAPABILITIES,
    "ipam": IPAM,
    "dns": DNS,
}
"""Keys that libcni reads for every plugin (CNI `pkg/types/types.go: PluginConf`); a wrong type fails before the plugin runs."""

COMMON: dict[str, Schema] = {
    **READ_BY_LIBCNI,
    "args": OBJECT,
    "cniVersions": STRINGS,
    "disableCheck": ANYTHING,
    "disableGC": ANYTHING,
    "runtimeConfig": ANYTHING,
    "prevResult": ANYTHING,
}
"""Keys that every supported plugin may have. The last two belong to the runtime (rule `key-reserved`)."""

VLAN_INSTEAD = dict.fromkeys(
    ("vlan", "vlanId", "vlanID", "vlan_id", "vlanid", "vlanTag"),
    'make a VLAN interface of the nodes the master: "master": "{master}.{vlan}"; or use the vlan plugin, for one pod per node: '
    '"type": "vlan", "master": "{master}", "vlanId": {vlan}',
)
"""For plugins that attach pods to a master untagged: without the VLAN, they would be in another network than is meant."""

MASTER_ALIASES = dict.fromkeys(("interface", "device", "parent", "link", "dev"), "master")
"""Wrong names that people use for `master`."""

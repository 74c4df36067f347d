"""The words of which the plugins' schemas are made, and the keys that every configuration may have.

`description` completes the sentence "it has to be …". `fix` is ours: what to do instead, where that is not plain from the
type. Both are read by `policy.shape` alone, `aliases` by `policy.spelling`; JSON Schema passes over what it does not know.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

_INT64 = 2**63 - 1

ANYTHING: Schema = {}
"""A key that is known, and of whose value nothing is said."""

TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
FLAG: Schema = {"type": "boolean"}
ANY_OBJECT: Schema = {"type": "object"}
WHOLE: Schema = {"type": "integer", "minimum": -_INT64 - 1, "maximum": _INT64}
UINT: Schema = {"type": "integer", "minimum": 0, "maximum": 2 * _INT64 + 1}
UINT32: Schema = {"type": "integer", "minimum": 0, "maximum": 2**32 - 1}


def whole(minimum: int, maximum: int) -> Schema:
    """A whole number with bounds."""
    return {"type": "integer", "minimum": minimum, "maximum": maximum}


def one_of(*words: str) -> Schema:
    """One of these texts, in this very spelling. The empty text is the default, as for Go's switch statements."""
    return {"type": "string", "enum": [*words, ""]}


def record(**properties: Schema) -> Schema:
    """An object with these keys."""
    return {"type": "object", "properties": properties}


def instead(schema: Schema, example: str) -> Schema:
    """The schema, with what to write where the type is another."""
    return {**schema, "fix": f"write {example}"}


def spelt(schema: Schema, **aliases: str) -> Schema:
    """An object with words that people write for its own keys, beside those of the plugin (`Plugin.aliases`)."""
    return {**schema, "aliases": aliases}


def exactly(schema: Schema) -> Schema:
    """An object that is a map to the plugin, so that its keys are read in this very spelling."""
    return {**schema, "exact": True}


def opened(schema: Schema) -> Schema:
    """An object that may have more keys than we know."""
    return {**schema, "open": True}


def list_of(item: Schema, **more: Any) -> Schema:
    """A list."""
    return {"type": "array", "items": item, **more}


VLAN = whole(0, 4094)
"""0 is "no VLAN"; 4095 is reserved by 802.1Q."""

_ADDRESS = record(address=TEXT, gateway=TEXT, version=TEXT)  # the last is written over
ADDRESSES = instead(list_of(instead(_ADDRESS, '{"address": "10.1.2.3/24"}')), '[{"address": "10.1.2.3/24"}]')
"""Of static and whereabouts."""

DNS = record(nameservers=TEXTS, domain=TEXT, search=TEXTS, options=TEXTS)

_FLOAT64_EXACT = 2**63 - 513
_RESULT = whole(-_FLOAT64_EXACT, _FLOAT64_EXACT)
"""Goes through a float64 on its way from the IPAM plugin (pkg/invoke/exec.go: fixupResultVersion); more would not come back."""

_DST: Schema = {**TEXT, "nullRefused": True}
_ROUTE = spelt(
    record(dst=_DST, gw=TEXT, **dict.fromkeys(("mtu", "advmss", "priority", "table", "scope"), _RESULT)),
    **dict.fromkeys(("via", "gateway", "nexthop"), "gw"),
    **dict.fromkeys(("destination", "to"), "dst"),
    metric="priority",
)
ROUTES = instead(list_of(instead(_ROUTE, '{"dst": "10.0.0.0/8"}')), '[{"dst": "10.0.0.0/8"}]')
"""types.go of the CNI library: what every IPAM plugin that takes `routes` reads."""

IPAM: Schema = {
    "type": "object",
    "properties": {"type": TEXT},
    "fix": 'write an object: "ipam": {"type": …}',
}

CAPABILITIES: Schema = {
    "type": "object",
    "additionalProperties": FLAG,
    "fix": 'write an object of names and true: "capabilities": {"ips": true}',
}

READ_BY_LIBCNI: dict[str, Schema] = {
    "cniVersion": TEXT,
    "name": TEXT,
    "type": TEXT,
    "capabilities": CAPABILITIES,
    "ipam": IPAM,
    "dns": DNS,
}
"""Of every plugin, known or not: libcni reads these into Go types (types.PluginConfig), and fails before the plugin runs."""

COMMON: dict[str, Schema] = {
    **READ_BY_LIBCNI,
    "args": ANY_OBJECT,
    "cniVersions": TEXTS,
    "disableCheck": ANYTHING,
    "disableGC": ANYTHING,
    "runtimeConfig": ANYTHING,
    "prevResult": ANYTHING,
}
"""Of every plugin that we know. The last two belong to the runtime (`key-reserved`)."""

ALIASES_OF_MASTER = dict.fromkeys(("interface", "device", "parent", "link", "dev"), "master")
"""Words that people write for `master`."""

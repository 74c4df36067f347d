"""The part `policy` of the cluster settings: its schema, and how it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from netattach_core.api import label_selector
from netattach_core.net import addresses
from netattach_core.policy.settings import (
    LEVELS,
    AllowLists,
    Level,
    Limits,
    Mode,
    NamespaceEntry,
    PolicySettings,
)

OWN_NAMESPACES = frozenset({"kube-system", "netattach-node", "netattach-system"})
"""They belong to the cluster's owner in every cluster."""

_TEXTS = {"type": "array", "items": {"type": "string", "minLength": 1}}
_LEVEL = {"enum": list(LEVELS)}
_MODE = {"enum": [mode.value for mode in Mode]}
_COUNT = {"type": "integer", "minimum": 1, "maximum": 10_000}
_LISTS: dict[str, Any] = dict.fromkeys(
    ("plugins", "ipam", "masters", "bridges", "subnets", "sysctls"), _TEXTS
)


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


SCHEMA: dict[str, Any] = _object(
    {
        "default": _LEVEL,
        "mode": _MODE,
        "limits": _object({"pluginsPerNetwork": _COUNT, "networksPerPod": _COUNT}),
        "restricted": _object(_LISTS),
        "namespaces": {
            "type": "array",
            "items": _object(
                {
                    "match": {**_TEXTS, "minItems": 1},
                    "selector": {"type": "string", "minLength": 1},
                    "level": _LEVEL,
                    "mode": _MODE,
                    "warn": _LEVEL,
                    "audit": _LEVEL,
                    **_LISTS,
                },
                required=["level"],
            ),
        },
    }
)


def problems(policy: Mapping[str, Any]) -> Iterator[str]:
    """Those that the schema cannot express."""
    yield from _subnet_problems("policy.restricted", policy.get("restricted") or {})
    for index, entry in enumerate(policy.get("namespaces") or ()):
        where = f"policy.namespaces[{index}]"
        if not entry.keys() & {"match", "selector"}:
            yield f"{where}: say which namespaces it is about, by `match: [tenant-*]` or `selector: tenant=true`"
        yield from _subnet_problems(where, entry)
        if "selector" in entry and label_selector.parse(entry["selector"].strip()) is None:
            text = entry["selector"]
            yield f"{where}.selector: {text!r} is not a label selector; write it as kubectl does: tenant=true,!trusted"


def _subnet_problems(where: str, lists: Mapping[str, Any]) -> Iterator[str]:
    for index, text in enumerate(lists.get("subnets") or ()):
        if addresses.parse_cidr(text) is None:
            yield f"{where}.subnets[{index}]: {text!r} is not a subnet; write it as 10.50.0.0/16"


def read(policy: Mapping[str, Any], networks_namespace: str) -> PolicySettings:
    """From a text that the schema and `problems` accept."""
    limits = policy.get("limits") or {}
    absent = Limits()
    return PolicySettings(
        default=LEVELS[policy.get("default", Level.BASELINE.text)],
        mode=Mode(policy.get("mode", Mode.ENFORCE)),
        limits=Limits(
            limits.get("pluginsPerNetwork", absent.plugins_per_network),
            limits.get("networksPerPod", absent.networks_per_pod),
        ),
        namespaces=tuple(_entry(each) for each in policy.get("namespaces") or ()),
        restricted=_lists(policy.get("restricted") or {}),
        trusted=OWN_NAMESPACES | {networks_namespace},
    )


def _entry(body: Mapping[str, Any]) -> NamespaceEntry:
    return NamespaceEntry(
        patterns=tuple(body.get("match") or ()),
        selector=label_selector.parse(body.get("selector", "").strip()) or () if "selector" in body else (),
        level=LEVELS[body["level"]],
        mode=Mode(body.get("mode", Mode.ENFORCE)),
        warn=LEVELS[body.get("warn", Level.PRIVILEGED.text)],
        audit=LEVELS[body.get("audit", Level.PRIVILEGED.text)],
        allowed=_lists(body),
    )


def _lists(body: Mapping[str, Any]) -> AllowLists:
    return AllowLists(**{key: tuple(body.get(key) or ()) for key in _LISTS})

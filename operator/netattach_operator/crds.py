"""Our CRDs, from files of the image, and what to do where the server has another one of the same name.

They are not in the manifests, so that an uninstall keeps all objects. An upstream CRD is adopted together with its objects; one
that has what ours would drop is kept as it is, which is reported.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from netattach_core.api.objects import Body
from netattach_core.errors import ConfigError


class Action(enum.Enum):
    """What to do with one CRD."""

    CREATE = "create"
    KEEP = "keep"
    ADOPT = "adopt"
    KEEP_FOREIGN = "keep foreign"
    """It has versions or a conversion that ours has not: with ours, objects would become inaccessible."""


def read(directory: Path) -> list[Body]:
    """The CRDs of a directory. Raises ConfigError where there are none, or a file is not a CRD."""
    try:
        found = {path.name: yaml.safe_load(path.read_text()) for path in sorted(directory.glob("*.yaml"))}
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ConfigError(f"the CRDs in {directory} cannot be read: {error}") from error
    if not found:
        raise ConfigError(f"there is no CRD in {directory}")
    for name, body in found.items():
        if not isinstance(body, dict) or body.get("kind") != "CustomResourceDefinition":
            raise ConfigError(f"{directory / name} is not a CustomResourceDefinition")
    return list(found.values())


def decide(ours: Mapping[str, Any], live: Mapping[str, Any] | None) -> tuple[Action, str]:
    """The action, and the reason for the log."""
    if live is None:
        return Action.CREATE, "it does not exist"
    foreign = _foreign(ours["spec"], live)
    if foreign:
        return Action.KEEP_FOREIGN, foreign
    place = difference(ours, live)
    return (Action.ADOPT, f"its {place} differed") if place else (Action.KEEP, "")


def is_established(live: Mapping[str, Any]) -> tuple[bool, str]:
    """Whether the server serves the kind, and if not, the message of its conditions."""
    conditions = {c.get("type"): c for c in (live.get("status") or {}).get("conditions") or ()}
    established, names = conditions.get("Established") or {}, conditions.get("NamesAccepted") or {}
    if established.get("status") == "True":
        return True, ""
    failed = names if names.get("status") == "False" else established
    return False, str(failed.get("message") or "the API server does not serve it yet")


def difference(ours: Any, live: Any, place: str = "") -> str:
    """The path at which the server's object differs from ours; "" where it contains all of ours. The server adds defaults."""
    if isinstance(ours, dict) and isinstance(live, dict):
        return next(filter(None, (difference(v, live.get(k), f"{place}.{k}") for k, v in ours.items())), "")
    if isinstance(ours, list) and isinstance(live, list) and len(ours) == len(live):
        pairs = enumerate(zip(ours, live, strict=True))
        return next(filter(None, (difference(a, b, f"{place}[{i}]") for i, (a, b) in pairs)), "")
    return "" if ours == live else place.removeprefix(".")


def _foreign(ours: Mapping[str, Any], live: Mapping[str, Any]) -> str:
    """What the server's CRD has and ours would drop."""
    spec, status = live.get("spec") or {}, live.get("status") or {}
    known = {version["name"] for version in ours["versions"]}
    versions = {version.get("name") for version in spec.get("versions") or ()}
    stored = set(status.get("storedVersions") or ())
    strategy = (spec.get("conversion") or {}).get("strategy") or "None"
    if stored - known:
        return f"objects are stored in version {', '.join(sorted(stored - known))}, which ours does not have"
    if versions - known:
        return f"it has version {', '.join(sorted(map(str, versions - known)))}, which ours does not have"
    return f"it converts between versions ({strategy}), and ours does not" if strategy != "None" else ""

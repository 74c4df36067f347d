"""The status of a NAD: what the validator says of it, which plugins it runs, how many pods use it.

At most 2 KiB, since every write of it goes out to everybody who watches NADs: counts and a few reasons, never lists of nodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.api.nad import Nad
from netattach_core.text.finding import Finding, Severity, path_text
from netattach_core.validation import plugin_chain, syntax_rules

VALID = "Valid"
"""The type of our condition, and its reason where nothing is wrong."""

WARNINGS = "ValidWithWarnings"

LONGEST = 2048
"""Bytes of the whole status as JSON, as long as all of its conditions are ours."""

_REASONS = 10
_LONGEST_MESSAGE = 1400
_LONGEST_TYPES = 128


@dataclass(frozen=True, slots=True)
class Summary:
    """The part of the status that depends on the NAD and the nodes alone, and takes the validator's time."""

    valid: bool
    reason: str
    message: str
    plugins: str
    ipam: str


def summarize(config: Any, findings: Sequence[Finding]) -> Summary:
    """From `spec.config` and what the validator found in it, denials first."""
    denials = [finding for finding in findings if finding.effective_severity is Severity.DENY]
    warnings = [finding for finding in findings if finding.effective_severity is Severity.WARN]
    plugins, ipam = _types(config)
    return Summary(
        valid=not denials,
        reason=_camel(denials[0].rule.id) if denials else WARNINGS if warnings else VALID,
        message=_message(denials, warnings),
        plugins=_cut(plugins, _LONGEST_TYPES),
        ipam=_cut(ipam, _LONGEST_TYPES),
    )


def status(
    found: Summary, before: Mapping[str, Any], *, generation: int, pods: int | None, now: str
) -> dict[str, Any]:
    """The status as it should be: `before` with ours in it, other people's conditions kept.

    `now` is when a condition whose status changes has changed. Where the number of pods is not known yet, what was said of it
    stands.
    """
    conditions = before.get("conditions") or []
    mine = _condition(found, condition(before), generation, now)
    others = [other for other in conditions if other.get("type") != VALID]
    after = {
        **before,
        "observedGeneration": generation,
        "plugins": found.plugins,
        "ipam": found.ipam,
        "conditions": [mine, *others],
    }
    return after if pods is None else {**after, "pods": pods}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that leads from one status to the other; empty where they are the same."""
    return {key: value for key, value in after.items() if before.get(key) != value}


def condition(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Our condition of a status; empty where it has none."""
    conditions = status.get("conditions") or []
    return next((one for one in conditions if one.get("type") == VALID), {})


def _condition(found: Summary, before: Mapping[str, Any], generation: int, now: str) -> dict[str, Any]:
    state = "True" if found.valid else "False"
    since = before.get("lastTransitionTime") if before.get("status") == state else None
    return {
        "type": VALID,
        "status": state,
        "reason": found.reason,
        "message": found.message,
        "observedGeneration": generation,
        "lastTransitionTime": since or now,
    }


def _message(denials: Sequence[Finding], warnings: Sequence[Finding]) -> str:
    if denials:
        told = [*denials, *warnings]
        return _cut("; ".join(_sentences(told)), _LONGEST_MESSAGE)
    if warnings:
        count = f"{len(warnings)} warning{'' if len(warnings) == 1 else 's'}"
        return _cut(f"valid, with {count}: {'; '.join(_sentences(warnings))}", _LONGEST_MESSAGE)
    return "valid"


def _sentences(findings: Sequence[Finding]) -> Iterable[str]:
    for finding in findings[:_REASONS]:
        yield f"{path_text(finding.path)}: {finding.problem} ({finding.fix})"
    if len(findings) > _REASONS:
        yield f"and {len(findings) - _REASONS} more; `netattach lint` tells all"


def _types(config: Any) -> tuple[str, str]:
    """The types of the plugins, as they stand there, in the order of the chain, and those of IPAM, each with commas."""
    _, root = syntax_rules.read(config)
    if root is None:
        return "", ""
    entries = plugin_chain.read(root, Nad("", "")).entries
    plugins = (entry.binary for entry in entries if entry.binary)
    return ",".join(plugins), ",".join(dict.fromkeys(entry.ipam_type for entry in entries if entry.ipam_type))


def _camel(rule: str) -> str:
    """`master-missing-on-node` as a condition's reason: `MasterMissingOnNode`."""
    return "".join(word.capitalize() for word in rule.split("-"))


def _cut(told: str, longest: int) -> str:
    """Not more than so many bytes of JSON, and only what comes back from the API as it went there (no lone surrogates)."""
    told = told.encode(errors="replace").decode()
    if _bytes(told) <= longest:
        return told
    low, high = 0, len(told)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _bytes(f"{told[:middle]}…") <= longest else (low, middle - 1)
    return f"{told[:low]}…"


def _bytes(told: str) -> int:
    return len(json.dumps(told, ensure_ascii=False).encode())

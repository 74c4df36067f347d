"""The status of a NAD: the result of its validation, the types of its plugins, the number of pods that use it.

At most 2 KiB, since every write goes to all watchers of NADs: counts and a few reasons, never lists of nodes.
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
"""The type of our condition, and its reason where there are no findings."""

WARNINGS = "ValidWithWarnings"

MAX_BYTES = 2048
"""Bytes of the status as JSON, where it has no conditions of other controllers."""

_MAX_REASONS = 10
_MAX_MESSAGE = 1400
_MAX_TYPES = 128


@dataclass(frozen=True, slots=True)
class Summary:
    """The part of the status that depends only on the NAD and the nodes, and needs a validation."""

    valid: bool
    reason: str
    message: str
    plugins: str
    ipam: str


def summarize(config: Any, findings: Sequence[Finding]) -> Summary:
    """From `spec.config` and the findings for it, denials first."""
    denials = [finding for finding in findings if finding.effective_severity is Severity.DENY]
    warnings = [finding for finding in findings if finding.effective_severity is Severity.WARN]
    plugins, ipam = _types(config)
    return Summary(
        valid=not denials,
        reason=_camel(denials[0].rule.id) if denials else WARNINGS if warnings else VALID,
        message=_message(denials, warnings),
        plugins=_cut(plugins, _MAX_TYPES),
        ipam=_cut(ipam, _MAX_TYPES),
    )


def status(
    summary: Summary, before: Mapping[str, Any], *, generation: int, pods: int | None, now: str
) -> dict[str, Any]:
    """The new status: `before` with our fields and condition replaced; conditions of other controllers are kept.

    `now` is the transition time, used where the condition's status changes. Where `pods` is None, its earlier value is kept.
    """
    conditions = before.get("conditions") or []
    mine = _condition(summary, condition(before), generation, now)
    others = [other for other in conditions if other.get("type") != VALID]
    after = {
        **before,
        "observedGeneration": generation,
        "plugins": summary.plugins,
        "ipam": summary.ipam,
        "conditions": [mine, *others],
    }
    return after if pods is None else {**after, "pods": pods}


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch from one status to the other; empty where they are equal."""
    return {key: value for key, value in after.items() if before.get(key) != value}


def condition(status: Mapping[str, Any]) -> Mapping[str, Any]:
    """Our condition in a status; empty where there is none."""
    conditions = status.get("conditions") or []
    return next((one for one in conditions if one.get("type") == VALID), {})


def _condition(summary: Summary, before: Mapping[str, Any], generation: int, now: str) -> dict[str, Any]:
    state = "True" if summary.valid else "False"
    since = before.get("lastTransitionTime") if before.get("status") == state else None
    return {
        "type": VALID,
        "status": state,
        "reason": summary.reason,
        "message": summary.message,
        "observedGeneration": generation,
        "lastTransitionTime": since or now,
    }


def _message(denials: Sequence[Finding], warnings: Sequence[Finding]) -> str:
    if denials:
        return _cut("; ".join(_sentences([*denials, *warnings])), _MAX_MESSAGE)
    if warnings:
        count = f"{len(warnings)} warning{'' if len(warnings) == 1 else 's'}"
        return _cut(f"valid, with {count}: {'; '.join(_sentences(warnings))}", _MAX_MESSAGE)
    return "valid"


def _sentences(findings: Sequence[Finding]) -> Iterable[str]:
    for finding in findings[:_MAX_REASONS]:
        yield f"{path_text(finding.path)}: {finding.problem} ({finding.fix})"
    if len(findings) > _MAX_REASONS:
        yield f"and {len(findings) - _MAX_REASONS} more; `netattach lint` shows all"


def _types(config: Any) -> tuple[str, str]:
    """The types of the plugins as configured, in the order of the chain, and those of IPAM plugins; each comma-separated."""
    _, root = syntax_rules.read(config)
    if root is None:
        return "", ""
    entries = plugin_chain.read(root, Nad("", "")).entries
    plugins = (entry.binary for entry in entries if entry.binary)
    return ",".join(plugins), ",".join(dict.fromkeys(entry.ipam_type for entry in entries if entry.ipam_type))


def _camel(rule: str) -> str:
    """`master-missing-on-node` as a condition's reason: `MasterMissingOnNode`."""
    return "".join(word.capitalize() for word in rule.split("-"))


def _cut(text: str, longest: int) -> str:
    """At most so many bytes of JSON, without lone surrogates, which the API server would replace."""
    text = text.encode(errors="replace").decode()
    if _bytes(text) <= longest:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _bytes(f"{text[:middle]}…") <= longest else (low, middle - 1)
    return f"{text[:low]}…"


def _bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())

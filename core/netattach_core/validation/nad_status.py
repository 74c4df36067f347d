"""The status of a NAD: its conditions, the types of its plugins, the nodes where it is ready, the number of its pods.

At most 2 KiB, since every write goes to all watchers of NADs: counts and a few reasons, never lists of nodes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
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
_MAX_MESSAGE = 700
_SHORTER_MESSAGES = (500, 300, 150)
"""Bytes of a message where all of them together are too long."""

_FEW_REASONS = 3
_MAX_TYPES = 128

_STATES = {True: "True", False: "False", None: "Unknown"}
_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Verdict:
    """One of our conditions: its type, whether it holds, and why, in one word for programs and in sentences for people.

    `holds` is None where that is unknown.
    """

    type: str
    holds: bool | None
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Summary:
    """The part of the status that depends only on the NAD and the nodes, and needs a validation."""

    verdict: Verdict
    plugins: str
    ipam: str


def summarize(config: Any, findings: Sequence[Finding]) -> Summary:
    """From `spec.config` and the findings for it, denials first."""
    denials = [finding for finding in findings if finding.effective_severity is Severity.DENY]
    warnings = [finding for finding in findings if finding.effective_severity is Severity.WARN]
    plugins, ipam = _types(config)
    reason = camel(denials[0].rule.id) if denials else WARNINGS if warnings else VALID
    verdict = Verdict(VALID, not denials, reason, _message(denials, warnings))
    return Summary(verdict, plugins=cut(plugins, _MAX_TYPES), ipam=cut(ipam, _MAX_TYPES))


def status(
    summary: Summary,
    before: Mapping[str, Any],
    *,
    also: Sequence[Verdict] = (),
    generation: int,
    pods: int | None,
    observed: Mapping[str, Any] = _NOTHING,
    now: str,
) -> dict[str, Any]:
    """The new status: `before` with our fields and conditions replaced; conditions of other controllers are kept.

    `also` are our conditions besides that of the summary. `now` is the transition time, used where a condition's status changes.
    Where `pods` is None, its earlier value is kept. `observed` are further fields.
    """
    verdicts = (summary.verdict, *also)
    mine = [_condition(each, condition(before, each.type), generation, now) for each in verdicts]
    ours = {each.type for each in verdicts}
    others = [other for other in before.get("conditions") or [] if other.get("type") not in ours]
    after = {
        **before,
        "observedGeneration": generation,
        "plugins": summary.plugins,
        "ipam": summary.ipam,
        **observed,
        **({} if pods is None else {"pods": pods}),
    }
    return {**_fitted(after, mine), "conditions": [*mine, *others]}


def _fitted(fields: dict[str, Any], mine: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The fields with as many reasons about nodes as there is room for.

    Where a few of them do not fit, the messages of our conditions are cut; at last there are none.
    """
    shown = len((fields.get("nodes") or {}).get("reasons") or ())
    while shown > _FEW_REASONS and not _fits(_with_reasons(fields, shown), mine):
        shown -= 1
    for longest in _SHORTER_MESSAGES:
        if _fits(_with_reasons(fields, shown), mine):
            break
        for each in mine:
            each["message"] = cut(each["message"], longest)
    while shown and not _fits(_with_reasons(fields, shown), mine):
        shown -= 1
    return _with_reasons(fields, shown)


def _with_reasons(fields: dict[str, Any], count: int) -> dict[str, Any]:
    nodes = fields.get("nodes") or {}
    if len(nodes.get("reasons") or ()) <= count:
        return fields
    return {**fields, "nodes": {**nodes, "reasons": nodes["reasons"][:count]}}


def _fits(fields: Mapping[str, Any], mine: Sequence[Mapping[str, Any]]) -> bool:
    text = json.dumps({**fields, "conditions": [*mine]}, ensure_ascii=False)
    return len(text.encode(errors="replace")) <= MAX_BYTES


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch from one status to the other; empty where they are equal."""
    return {key: value for key, value in after.items() if before.get(key) != value}


def condition(status: Mapping[str, Any], type_: str = VALID) -> Mapping[str, Any]:
    """The condition of a type in a status; empty where there is none."""
    conditions = status.get("conditions") or []
    return next((one for one in conditions if one.get("type") == type_), {})


def _condition(verdict: Verdict, before: Mapping[str, Any], generation: int, now: str) -> dict[str, Any]:
    state = _STATES[verdict.holds]
    since = before.get("lastTransitionTime") if before.get("status") == state else None
    return {
        "type": verdict.type,
        "status": state,
        "reason": verdict.reason,
        "message": verdict.message,
        "observedGeneration": generation,
        "lastTransitionTime": since or now,
    }


def _message(denials: Sequence[Finding], warnings: Sequence[Finding]) -> str:
    if denials:
        return cut(joined([*denials, *warnings]), _MAX_MESSAGE)
    if warnings:
        count = f"{len(warnings)} warning{'' if len(warnings) == 1 else 's'}"
        return cut(f"valid, with {count}: {joined(warnings)}", _MAX_MESSAGE)
    return "valid"


def joined(findings: Sequence[Finding]) -> str:
    """The first ten findings as one text, and how many more there are."""
    return "; ".join(_sentences(findings))


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


def camel(rule: str) -> str:
    """A rule's id as a condition's reason: `MasterMissingOnNode` for `master-missing-on-node`."""
    return "".join(word.capitalize() for word in rule.split("-"))


def cut(text: str, longest: int) -> str:
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

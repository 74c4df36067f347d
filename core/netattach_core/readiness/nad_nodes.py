"""The part of a NAD's status that is about nodes: the condition Ready, and `nodes`."""

from __future__ import annotations

from typing import Any

from netattach_core.readiness.index import Readiness, Shortfall
from netattach_core.readiness.reason import Code
from netattach_core.validation import nad_status
from netattach_core.validation.nad_status import Verdict

READY = "Ready"
"""The type of the condition, and its reason where the network is ready on all its nodes."""

NO_NODES = "NoNodes"

MAX_REASONS = 10
_IN_CONDITION = 3
_MAX_MESSAGE = 400
_MAX_REASON = 200
"""Bytes; the rest of the reasons is per node in the inventories."""

_OF_THE_NETWORK = {Code.INVALID, Code.NOT_PERMITTED}
"""Reasons that are the same on each node."""


def verdict(found: Readiness) -> Verdict:
    """The condition: neither true nor false where the network is for no node."""
    if not found.total:
        return Verdict(READY, None, NO_NODES, "no node of the cluster matches the network's node selector")
    if found.ready == found.total:
        return Verdict(READY, True, READY, f"ready on {_count(found.total)}")  # a condition's status
    texts = [_text(each) for each in found.shortfalls[:_IN_CONDITION]]
    more = len(found.shortfalls) - len(texts)
    also = [f"and {more} more reasons" if more > 1 else "and 1 more reason"] if more else []
    message = "; ".join([f"ready on {found.ready} of {_count(found.total)}", *texts, *also])
    return Verdict(READY, False, found.shortfalls[0].reason.code, nad_status.cut(message, _MAX_MESSAGE))


def nodes(found: Readiness) -> dict[str, Any]:
    """`nodes` of the status; `summary` is the column of kubectl."""
    return {
        "ready": found.ready,
        "total": found.total,
        "summary": f"{found.ready}/{found.total}",
        "reasons": [
            {
                "reason": each.reason.code.value,
                "message": nad_status.cut(_text(each), _MAX_REASON),
                "nodes": each.nodes,
            }
            for each in found.shortfalls[:MAX_REASONS]
        ],
    }


def _text(shortfall: Shortfall) -> str:
    """The message, and where."""
    if shortfall.reason.code in _OF_THE_NETWORK:
        return shortfall.reason.message
    others = shortfall.nodes - len(shortfall.examples)
    more = f" and {others} more" if others else ""
    return f"{shortfall.reason.message} on {', '.join(shortfall.examples)}{more}"


def _count(nodes: int) -> str:
    return "1 node" if nodes == 1 else f"{nodes} nodes"

"""Whether one node's inventory alone is a reason to refuse a network.

Each daemon writes the inventory of its own node (the policy netattach-daemon-inventories), so whoever controls a node writes what
he wants there. One node must not refuse the networks of the whole cluster: what it alone claims, against two others or more, is a
warning. With one other node there is no majority, and the claim counts.
"""

from __future__ import annotations

from collections.abc import Sized

_OTHERS = 2


def is_outvoted(claiming: Sized, others: Sized) -> bool:
    """Whether a single node claims something that `others`, which could know, do not."""
    return len(claiming) == 1 and len(others) >= _OTHERS


def reason(node: str, others: Sized) -> str:
    """The end of a message that says why it is a warning."""
    return f". Only {node} reports this, of {len(others) + 1} nodes, so it is a warning"

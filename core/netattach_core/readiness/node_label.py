"""The label of a Node on which a network is not ready. The operator keeps it, and the webhook keeps pods away from such nodes.

A label for what is not ready, and none for what is: a healthy cluster has none, and a pod that waits is placed as soon as the
label is removed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import NamedTuple

from netattach_core.api import fair_share
from netattach_core.api.objects import Key

PREFIX = "not-ready.netattach.io/"
"""Of the keys of all such labels. Nothing else has it."""

MAX_PER_NODE = 100
"""Labels. A Node goes to everything that watches nodes, so it must not grow with the number of networks."""

_DIGITS = 16
_LONGEST = 63
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9_.-]")
_ENDS = "_.-"


class NodeLabel(NamedTuple):
    """The key is unique for a network; the value is its name for people, cut to what a label may have."""

    key: str
    value: str


def of_network(network: Key) -> NodeLabel:
    """The label of a network. Names of namespace and NAD are longer than a label's key may be, so the key has a hash of them."""
    namespace, name = network
    digest = hashlib.sha256(f"{namespace}/{name}".encode()).hexdigest()
    value = _NOT_ALLOWED.sub("-", f"{namespace}.{name}")[:_LONGEST].strip(_ENDS)
    return NodeLabel(f"{PREFIX}{digest[:_DIGITS]}", value)


def of_networks(networks: Iterable[Key]) -> dict[str, str]:
    """The labels of networks, of as many as a node may have, shared fairly among namespaces: tenants may create networks."""
    shown = fair_share.first(networks, MAX_PER_NODE, namespace=lambda key: key[0], order=lambda key: key)
    return dict(map(of_network, shown))

"""The pods that lack networks, as the inventories of all nodes list them."""

from __future__ import annotations

from collections.abc import Sequence

from netattach_cli.ask import bodies
from netattach_core.api import node_state
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body


def pods(inventory: Body) -> Sequence[UnmetPod]:
    """Of one NodeNetworkInventory: the first ones, its total counts the others too."""
    try:
        return node_state.unmet_pods(bodies.mapping(inventory, "status", "unmetPods")).pods
    except (AttributeError, KeyError, TypeError, ValueError):  # of a release that writes it in another way
        return ()

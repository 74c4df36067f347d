"""A network is attached only on the nodes that its annotation `netattach.io/node-selector` selects.

The webhooks validate a network for those nodes alone, so it must not reach any other one. Whether a scheduler knows of it or not,
the pod fails here with the labels that it needs.
"""

from __future__ import annotations

from netattach_core.api.nad import NODE_SELECTOR
from netattach_core.api.pod import PodRef
from netattach_core.errors import ConfigError
from netattach_core.validation import node_selector
from netattach_plugin.engine.network_resolver import SelectedNetworks
from netattach_plugin.ports import NodeInfo


class NodeSelectorGate:
    """`node` is this node's name. The settings' `defaultNetworks` are on every node, whatever their selector says."""

    def __init__(self, node: str, info: NodeInfo) -> None:
        self._node = node
        self._info = info

    async def check(self, pod: PodRef, selected: SelectedNetworks) -> None:  # noqa: ARG002  # as every gate
        """Raises ConfigError for a network that is not for this node; asks for labels only where a network has a selector."""
        nads = [each for each in selected.requested_nads.values() if NODE_SELECTOR in each.annotations]
        if not nads:
            return
        labels = await self._info.node_labels()
        refused = [why for each in nads if (why := node_selector.refusal(each, self._node, labels))]
        if refused:
            raise ConfigError("; ".join(refused))

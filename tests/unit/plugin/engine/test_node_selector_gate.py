"""Networks with a node selector, at ADD."""

from __future__ import annotations

import pytest

from netattach_core.api.nad import NODE_SELECTOR
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_core.errors import ConfigError, NetattachError, TryAgainError
from netattach_plugin.engine.node_selector_gate import NodeSelectorGate
from support.world import BRIDGE, World, body


class Selective(World):
    """A node with labels, and a network `fast` with a selector."""

    def __init__(self, selector: str, annotation: str = "fast", *, default: str = "") -> None:
        super().__init__(annotation, more={DEFAULT_NETWORK: default} if default else {})
        self.store.labels = {"network": "slow", "zone": "a"}
        self.gates = (NodeSelectorGate("node1", self.store),)
        for namespace in ("test", "kube-system"):
            metadata = {"namespace": namespace, "annotations": {NODE_SELECTOR: selector}}
            nad = body("NetworkAttachmentDefinition", "fast", **metadata)
            self.store.create({**nad, "spec": {"config": BRIDGE}})

    def refusal(self, kind: type[NetattachError] = ConfigError) -> NetattachError:
        with pytest.raises(kind) as raised:
            self.add()
        assert ([], []) == (self.shim.runs, self.ledger.history)
        return raised.value


@pytest.mark.parametrize(
    ("selector", "unmet"),
    [
        ("network=fast", "network=fast"),
        ("zone=a, network in (fast, faster)", "network in (fast, faster)"),
        ("rack", "rack"),
        ("!zone,network!=slow", "!zone and network!=slow"),
        ("zone notin (b, a)", "zone notin (a, b)"),
    ],
)
def test_a_node_outside_of_the_selector_refuses_and_names_what_is_not_met(selector: str, unmet: str) -> None:
    """And no label of the node: the network's author may not be allowed to read them."""
    world = Selective(selector)

    message = world.refusal().message

    assert message.startswith(
        f"pod test/p: network test/fast: it is not used on node node1, whose labels do not match {unmet} of its annotation"
    )
    assert {"test/p": [message]} == world.events.failures


@pytest.mark.parametrize("selector", ["network=slow", " zone in (a,b) , network ", "!virtual", "rack!=r1"])
def test_a_node_that_matches_attaches(selector: str) -> None:
    world = Selective(selector)

    world.add()

    assert ["ADD net1 bridge"] == world.shim.ran("ADD")[1:]


@pytest.mark.parametrize(
    "selector", ["", "a b", "network=slow,,", "network=slow,zone in", "network=slow\x1b[31m"]
)
def test_a_selector_that_cannot_be_parsed_has_no_node(selector: str) -> None:
    assert "is not a label selector" in Selective(selector).refusal().message


def test_it_holds_for_the_network_that_replaces_the_default_one() -> None:
    assert "network kube-system/fast" in Selective("rack", "", default="fast").refusal().message


def test_a_default_network_of_the_settings_is_on_every_node() -> None:
    """No pod could start on a node that refuses it."""
    world = Selective("rack", "b")
    world.settings = SelectionSettings(defaults=("fast",))

    world.add()

    assert ["ADD net1 bridge", "ADD net2 bridge"] == world.shim.ran("ADD")[1:]


def test_without_known_labels_the_runtime_tries_again() -> None:
    world = Selective("network=slow")

    async def labels() -> dict[str, str]:
        raise TryAgainError("the API server cannot be reached")

    world.store.node_labels = labels  # type: ignore[method-assign]  # a failure of this request alone
    world.refusal(TryAgainError)


def test_a_network_without_a_selector_needs_no_labels() -> None:
    world = Selective("network=slow", "b")

    async def labels() -> dict[str, str]:
        raise AssertionError

    world.store.node_labels = labels  # type: ignore[method-assign]  # must not be asked
    world.add()

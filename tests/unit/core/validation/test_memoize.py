"""The cache for results that depend on all inventories."""

from __future__ import annotations

from collections.abc import Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.validation.memoize import cache_last


def test_only_the_result_for_the_last_tuple_is_cached() -> None:
    calls = list[object]()

    @cache_last
    def names(nodes: Sequence[NodeInventory]) -> list[str]:
        calls.append(nodes)
        return [node.node for node in nodes]

    one, two = (NodeInventory("one"),), (NodeInventory("two"),)

    assert [["one"], ["one"], ["two"], ["one"]] == [names(each) for each in (one, one, two, one)]
    assert [one, two, one] == calls


def test_results_for_a_list_are_not_cached() -> None:
    nodes = [NodeInventory("one")]
    names = cache_last(lambda nodes: [node.node for node in nodes])
    assert ["one"] == names(nodes)
    nodes.append(NodeInventory("two"))

    assert ["one", "two"] == names(nodes)

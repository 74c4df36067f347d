"""What comes of the inventories is remembered as long as they are the same ones."""

from __future__ import annotations

from collections.abc import Sequence

from netattach_core.api.inventory import NodeInventory
from netattach_core.validation.memoize import cache_last


def test_once_for_each_tuple_and_anew_for_another() -> None:
    asked = list[object]()

    @cache_last
    def names(nodes: Sequence[NodeInventory]) -> list[str]:
        asked.append(nodes)
        return [node.node for node in nodes]

    one, two = (NodeInventory("one"),), (NodeInventory("two"),)

    assert [["one"], ["one"], ["two"], ["one"]] == [names(each) for each in (one, one, two, one)]
    assert [one, two, one] == asked


def test_a_list_may_have_changed() -> None:
    nodes = [NodeInventory("one")]
    names = cache_last(lambda nodes: [node.node for node in nodes])
    assert ["one"] == names(nodes)
    nodes.append(NodeInventory("two"))

    assert ["one", "two"] == names(nodes)

"""The plugins by hand: which calls are at once, and which one after the other."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from compare import hand_side
from compare.cases import Pod

NODE: Any = SimpleNamespace(paths=SimpleNamespace(bin_dir=Path("/bin")))
POD = Pod("a", ("macvlan", "macvlan"))


def _interfaces(stages: list[Any]) -> list[list[str]]:
    return [[chain[0]["environment"]["CNI_IFNAME"] for chain in stage] for stage in stages]


@pytest.mark.parametrize(
    ("at_once", "add", "delete"),
    [
        (False, [["eth0"], ["net1"], ["net2"]], [["net2"], ["net1"], ["eth0"]]),
        (True, [["eth0"], ["net1", "net2"]], [["eth0", "net1", "net2"]]),
    ],
)
def test_the_default_network_is_first_and_last(
    *, at_once: bool, add: list[list[str]], delete: list[list[str]]
) -> None:
    calls = hand_side.Calls(NODE, at_once=at_once)

    assert add == _interfaces(calls.add(POD))
    assert delete == _interfaces(calls.delete(POD, [{}, {}, {}]))


def test_a_del_starts_the_plugins_of_a_chain_in_reverse_with_the_result_of_its_add() -> None:
    [[chain]] = hand_side.Calls(NODE, at_once=False).delete(Pod("a", ()), [{"ips": []}])

    assert ["/bin/portmap", "/bin/bridge"] == [call["program"] for call in chain]
    assert [{"ips": []}] * 2 == [call["config"]["prevResult"] for call in chain]


def test_a_failed_add_is_followed_by_a_del_without_results() -> None:
    stages = hand_side.Calls(NODE, at_once=True).delete(POD, [])

    assert [["eth0", "net1", "net2"]] == _interfaces(stages)

"""The time of a validation does not grow quadratically with the configuration, and the limits hide no denial.

CPU time is measured, with ample limits, so that other load does not matter.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.api.nad import Nad
from netattach_core.text.finding import Severity
from netattach_core.validation import footprint
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.validator import validate
from support.validation import bridge, config, nad, validated

NODES = [
    NodeInventory(
        f"worker-{number}",
        tuple(Interface(f"eth{index}", mtu=1500) for index in range(20)),
        (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
        tuple(Plugin(name) for name in ("macvlan", "host-local", "bridge")),
    )
    for number in range(50)
]


def host_local(*sets: Any) -> dict[str, Any]:
    return bridge(ipam={"type": "host-local", "ranges": list(sets)})


def static(addresses: Any, routes: Any) -> dict[str, Any]:
    return bridge(ipam={"type": "static", "addresses": addresses, "routes": routes}, isDefaultGateway=True)


def subnet(number: int) -> str:
    return f"10.{number >> 8}.{number & 255}.0/24"


LARGE = {
    "sets that overlap": host_local(*[[{"subnet": "10.0.0.0/24"}]] * 1000),
    "a set that overlaps": host_local([{"subnet": "10.0.0.0/24"}] * 1000),
    "a set of both versions": host_local([{"subnet": "10.0.0.0/24"}, {"subnet": "fd00::/64"}] * 500),
    "plugins": {"plugins": [config("macvlan", master=f"eth{number % 30}") for number in range(400)]},
    "plugins without a type": {"plugins": [{}] * 10_000},
    "plugins of odd types": {"plugins": [{"type": f"macvla{number}"} for number in range(1500)]},
    "routes": static([], [{"dst": subnet(number)} for number in range(1000)]),
    "routes with next hops": static(
        [{"address": "10.1.2.3/24"}],
        [{"dst": subnet(number), **({"gw": "11.0.0.1"} if number % 2 else {})} for number in range(800)],
    ),
    "default routes": static([{"address": "10.1.2.3/24"}] * 400, [{"dst": "0.0.0.0/0"}] * 700),
    "addresses": static([{"address": f"10.{number}.1.1/9"} for number in range(255)] * 4, []),
    "misspelt keys": config("macvlan", **{f"maste{number}": 1 for number in range(2000)}),
    "misplaced keys": {"plugins": [], **{f"k{number}": 1 for number in range(2500)}},
    "values of the wrong type": host_local(*[1] * 10_000),
    "sysctls": {"plugins": [config("bridge"), config("tuning", sysctl={f"k{n}": "1" for n in range(2000)})]},
}


@pytest.mark.parametrize("config", LARGE.values(), ids=LARGE)
def test_the_time_for_the_largest_configurations_is_not_quadratic(config: Any) -> None:
    """About a second each; comparing all elements with each other would take half a minute."""
    body = nad(json.dumps(config, separators=(",", ":")))
    assert len(body["spec"]["config"]) <= 40_000
    started = time.process_time()
    validate(body, NODES)

    assert time.process_time() - started < 15


def overlaps(*ranges: dict[str, str]) -> list[tuple[Any, str]]:
    found = validated(host_local(*[[each] for each in ranges]))
    return [(f.path[2], f.problem.partition(" overlaps ")[2]) for f in found if f.rule.id == "range-overlap"]


def test_each_overlapping_range_is_reported_once_at_the_later_range() -> None:
    wide, low, high = {"subnet": "10.0.0.0/8"}, {"subnet": "10.1.0.0/16"}, {"subnet": "10.2.0.0/16"}
    apart, six = {"subnet": "11.0.0.0/8"}, {"subnet": "fd00::/64"}

    assert [(1, "10.0.0.1 to 10.255.255.254; host-local refuses it")] == overlaps(wide, low, apart, six)
    assert [1, 2] == [place for place, _ in overlaps(wide, low, high)]
    assert [2, 2] == [place for place, _ in overlaps(high, low, wide)]
    assert [1, 2] == [place for place, _ in overlaps(wide, wide, wide)]
    assert [] == overlaps(apart, low, high, six)


def test_validation_stops_after_a_thousand_denials() -> None:
    """Warnings are not limited, and a denial is found after any number of them."""
    denied = validated({"plugins": [{}] * 3000})
    warned = validated(config("macvlan", master="eth0", **{f"k{number}": 1 for number in range(2000)}), NODES)

    assert 1000 == sum(finding.effective_severity is Severity.DENY for finding in denied)
    assert "master-default-interface" == warned[0].rule.id
    assert 2000 < len(warned)


def test_a_message_names_at_most_ten_subnets() -> None:
    routes = [{"dst": subnet(number), "scope": 253} for number in range(20)]
    (found,) = validated(
        bridge(
            ipam={
                "type": "static",
                "addresses": [{"address": "10.99.2.3/24"}],
                "routes": [*routes, {"dst": "12.0.0.0/8", "gw": "11.0.0.1"}],
            }
        )
    )

    assert found.problem.startswith(
        "`gw` 11.0.0.1 is outside of the pod's subnets, 10.99.2.0/24, 10.0.0.0/24"
    )
    assert "10.0.8.0/24 and 11 more: the kernel" in found.problem


class Counted(tuple[NodeInventory, ...]):  # noqa: SLOT001  # it has a counter
    """Inventories that count how often all of them are visited."""

    visits = 0

    def __iter__(self) -> Iterator[NodeInventory]:
        self.visits += 1
        return super().__iter__()


def test_the_work_of_a_validation_does_not_grow_with_the_cluster() -> None:
    """The inventories of a thousand nodes are indexed once; of five thousand networks, those on the same link are compared."""
    nodes = Counted(dataclasses.replace(NODES[0], node=f"node{number}") for number in range(1000))
    networks = FootprintIndex(
        Nad("lab", f"net{number}", json.dumps(config("macvlan", master=f"eth{number % 500}")))
        for number in range(5000)
    )
    configs = [config("macvlan", master="eth7", mtu=mtu) for mtu in (1400, 1500)]
    validate(nad(configs[0]), nodes, footprints=networks)
    visits = nodes.visits
    validate(nad(configs[1]), nodes, footprints=networks)

    assert visits == nodes.visits > 0
    assert 10 == len(networks.sharing(footprint.from_nad(Nad("lab", "net", json.dumps(configs[1])))))

"""The time of a validation does not grow with the square of what an author writes, and nothing that is wrong is hidden by it."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin
from netattach_core.api.nad import Nad
from netattach_core.text.finding import Severity
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.validator import validate
from support.validation import bridge, conf, nad, validated

NODES = [
    NodeInventory(
        f"worker-{number}",
        tuple(Interface(f"eth{card}", mtu=1500) for card in range(20)),
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
    "plugins": {"plugins": [conf("macvlan", master=f"eth{number % 30}") for number in range(400)]},
    "plugins without a type": {"plugins": [{}] * 10_000},
    "plugins of odd types": {"plugins": [{"type": f"macvla{number}"} for number in range(1500)]},
    "routes": static([], [{"dst": subnet(number)} for number in range(1000)]),
    "routes with next hops": static(
        [{"address": "10.1.2.3/24"}],
        [{"dst": subnet(number), **({"gw": "11.0.0.1"} if number % 2 else {})} for number in range(800)],
    ),
    "default routes": static([{"address": "10.1.2.3/24"}] * 400, [{"dst": "0.0.0.0/0"}] * 700),
    "addresses": static([{"address": f"10.{number}.1.1/9"} for number in range(255)] * 4, []),
    "misspelt keys": conf("macvlan", **{f"maste{number}": 1 for number in range(2000)}),
    "misplaced keys": {"plugins": [], **{f"k{number}": 1 for number in range(2500)}},
    "values of the wrong type": host_local(*[1] * 10_000),
    "sysctls": {"plugins": [conf("bridge"), conf("tuning", sysctl={f"k{n}": "1" for n in range(2000)})]},
}


@pytest.mark.parametrize("config", LARGE.values(), ids=LARGE)
def test_the_largest_configurations_take_no_time_that_others_notice(config: Any) -> None:
    """A tenth of what it took where each was compared with each; no more exactly, since machines differ."""
    body = nad(json.dumps(config, separators=(",", ":")))
    assert len(body["spec"]["config"]) <= 40_000
    started = time.process_time()
    validate(body, NODES)

    assert time.process_time() - started < 3


def overlaps(*ranges: dict[str, str]) -> list[tuple[Any, str]]:
    found = validated(host_local(*[[each] for each in ranges]))
    return [(f.path[2], f.problem.partition(" overlaps ")[2]) for f in found if f.rule.id == "range-overlap"]


def test_each_range_that_overlaps_is_told_of_once_at_the_later_one() -> None:
    wide, low, high = {"subnet": "10.0.0.0/8"}, {"subnet": "10.1.0.0/16"}, {"subnet": "10.2.0.0/16"}
    apart, six = {"subnet": "11.0.0.0/8"}, {"subnet": "fd00::/64"}

    assert [(1, "10.0.0.1 to 10.255.255.254; host-local refuses it")] == overlaps(wide, low, apart, six)
    assert [1, 2] == [place for place, _ in overlaps(wide, low, high)]
    assert [2, 2] == [place for place, _ in overlaps(high, low, wide)]
    assert [1, 2] == [place for place, _ in overlaps(wide, wide, wide)]
    assert [] == overlaps(apart, low, high, six)


def test_after_a_thousand_denials_no_more_are_looked_for() -> None:
    """Of warnings all are told, and behind any number of them a denial is found."""
    denied = validated({"plugins": [{}] * 3000})
    warned = validated(conf("macvlan", master="eth0", **{f"k{number}": 1 for number in range(2000)}), NODES)

    assert 1000 == sum(finding.weight is Severity.DENY for finding in denied)
    assert "master-default-interface" == warned[0].rule.id
    assert 2000 < len(warned)


def test_of_many_subnets_a_message_names_ten() -> None:
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


def test_a_large_cluster_costs_a_validation_little() -> None:
    """A thousand nodes and five thousand networks on five hundred links: looked through each time, they would take 30 ms."""
    nodes = tuple(dataclasses.replace(NODES[0], node=f"node{number}") for number in range(1000))
    others = FootprintIndex(
        Nad("lab", f"net{number}", json.dumps(conf("macvlan", master=f"eth{number % 500}")))
        for number in range(5000)
    )
    bodies = [nad(host_local([{"subnet": subnet(number)}])) for number in range(200)]
    validate(bodies[0], nodes, others=others)
    started = time.process_time()
    for body in bodies[1:]:
        validate(body, nodes, others=others)

    assert (time.process_time() - started) / len(bodies) < 0.01

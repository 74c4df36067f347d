"""Default routes over twins: what is read, changed and reported, and that a failure undoes the ADD."""

from __future__ import annotations

import errno
import json
from typing import Any

import pytest

from netattach_core.attach.default_route import DefaultRoute, Hop
from netattach_core.errors import NetattachError
from netattach_core.shim.protocol import Outcome, Ran
from support.twins import PluginRun, succeeded
from support.world import World

ETH0 = DefaultRoute(4, (Hop("eth0", "10.0.0.1"),))
ASKED = DefaultRoute(4, (Hop("net1", "10.0.0.9"),))


def _world(*gateways: str) -> World:
    """A pod with a default route from its default network, that asks for `gateways` instead."""
    world = World(json.dumps([{"name": "a", "default-route": gateways}]) if gateways else "a")

    def with_route(run: PluginRun) -> Ran:
        world.links.default_routes.present.append(ETH0)
        body = json.loads(succeeded(run).stdout) | {
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}],
            "x": 1,
        }
        return Ran(1, Outcome.EXITED, 0, json.dumps(body).encode(), b"")

    world.shim.replies["ADD eth0 ptp"] = with_route
    return world


def _results(world: World) -> dict[str, Any]:
    return {a.ifname: json.loads(a.result) for a in world.ledger.entries["c1"].attachments}


def test_the_route_is_set_and_in_all_results() -> None:
    """The runtime's, the ledger's (the prevResult of CHECK and DEL) and the status."""
    world = _world("10.0.0.9")

    result = world.add()

    assert [ASKED] == world.links.default_routes.present
    assert "routes" not in result
    results = _results(world)
    assert ("routes" in results["eth0"], results["eth0"]["x"]) == (False, 1)
    assert [{"dst": "0.0.0.0/0", "gw": "10.0.0.9"}] == results["net1"]["routes"]
    status = json.loads(world.status.written["test/p"])
    assert [None, ["10.0.0.9"]] == [entry.get("gateway") for entry in status]


def test_no_routes_are_read_where_no_default_route_is_asked_for() -> None:
    world = World("a")

    world.add()

    assert [] == world.links.default_routes.asked


def test_of_two_default_routes_the_one_that_the_kernel_uses_is_reported() -> None:
    """Nothing is changed; only the status leaves out the other one."""
    world = _world()
    routes = world.links.default_routes

    def with_another(run: PluginRun) -> Ran:
        routes.present.insert(0, ASKED)
        body = json.loads(succeeded(run).stdout) | {"routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.9"}]}
        return Ran(1, Outcome.EXITED, 0, json.dumps(body).encode(), b"")

    world.shim.replies["ADD net1 macvlan"] = with_another

    world.add()

    assert ["all"] == routes.asked
    status = json.loads(world.status.written["test/p"])
    assert [None, ["10.0.0.9"]] == [entry.get("gateway") for entry in status]
    assert [["10.0.0.1"], ["10.0.0.9"]] == [
        [route["gw"] for route in result["routes"]] for result in _results(world).values()
    ]


def test_a_route_that_keeps_coming_back_is_a_failure() -> None:
    """The routes are read again after each change."""
    world = _world("10.0.0.9")
    world.links.default_routes.stubborn = [ETH0]

    with pytest.raises(
        NetattachError, match="pod test/p: the pod has other default routes than it asked for"
    ):
        world.add()

    assert 3 == world.links.default_routes.asked.count("remove")
    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert ({}, {}) == (world.ledger.entries, world.status.written)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (
            errno.ENETUNREACH,
            r"pod test/p: network test/a: `default-route` 10\.0\.0\.9 cannot be reached over net1, which has 10\.0\.0\.2/24",
        ),
        (
            errno.ENODEV,
            r"network test/a: `default-route` 10\.0\.0\.9 cannot be reached over net1, .*No such device",
        ),
        (errno.EPERM, "pod test/p: the pod's default routes cannot be set: Operation not permitted"),
    ],
)
def test_a_route_that_the_kernel_refuses_undoes_the_add(number: int, message: str) -> None:
    world = _world("10.0.0.9")
    world.links.default_routes.refused = {"10.0.0.9": number}

    with pytest.raises(NetattachError, match=message) as failure:
        world.add()

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.ran("DEL")
    assert ({}, {}) == (world.ledger.entries, world.status.written)
    assert {"test/p": [failure.value.message]} == world.events.failures


def test_a_route_that_exists_already_is_no_failure() -> None:
    """EEXIST is ignored, but not that the route is missing when the routes are read again."""
    world = _world("10.0.0.9")
    world.links.default_routes.refused = {"10.0.0.9": errno.EEXIST}

    with pytest.raises(NetattachError, match="they come back"):
        world.add()


def test_a_route_that_another_program_removed_is_no_failure() -> None:
    world = _world("10.0.0.9")
    routes = world.links.default_routes
    seen = routes.all

    async def all_and_gone() -> list[DefaultRoute]:
        present = await seen()
        routes.present.clear() if present == [ETH0] else None
        return present

    routes.all = all_and_gone  # type: ignore[method-assign]  # another program, between reading and changing

    world.add()

    assert [ASKED] == routes.present


def test_two_gateways_fail_before_anything_is_started() -> None:
    world = _world("10.0.0.9", "10.0.0.8")

    with pytest.raises(NetattachError, match="one default route of IPv4, and no ECMP"):
        world.add()

    assert ([], [], []) == (world.shim.runs, world.ledger.history, world.links.default_routes.asked)

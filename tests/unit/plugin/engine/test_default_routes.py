"""The last act of an ADD over twins: what is read, changed and told, and that a failure of it undoes all."""

from __future__ import annotations

import errno
import json
from typing import Any

import pytest

from netattach_core.attach.default_route import DefaultRoute, Hop
from netattach_core.errors import NetattachError
from netattach_core.shim.protocol import Outcome, Ran
from support.twins import Ask, succeeded
from support.world import World

ETH0 = DefaultRoute(4, (Hop("eth0", "10.0.0.1"),))
ASKED = DefaultRoute(4, (Hop("net1", "10.0.0.9"),))


def _world(*gateways: str) -> World:
    """A pod whose default network sets a default route, and that asks for other ones, or for none."""
    world = World(json.dumps([{"name": "a", "default-route": gateways}]) if gateways else "a")

    def with_route(ask: Ask) -> Ran:
        world.links.default_routes.present.append(ETH0)
        body = json.loads(succeeded(ask).stdout) | {
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1"}],
            "x": 1,
        }
        return Ran(1, Outcome.EXITED, 0, json.dumps(body).encode(), b"")

    world.shim.replies["ADD eth0 ptp"] = with_route
    return world


def _results(world: World) -> dict[str, Any]:
    return {a.ifname: json.loads(a.result) for a in world.ledger.entries["c1"].attachments}


def test_the_route_is_set_and_told_to_all() -> None:
    """The runtime, the ledger (CHECK and DEL get it as prevResult) and the status."""
    world = _world("10.0.0.9")

    result = world.add()

    assert [ASKED] == world.links.default_routes.present
    assert "routes" not in result
    told = _results(world)
    assert ("routes" in told["eth0"], told["eth0"]["x"]) == (False, 1)
    assert [{"dst": "0.0.0.0/0", "gw": "10.0.0.9"}] == told["net1"]["routes"]
    status = json.loads(world.status.written["test/p"])
    assert [None, ["10.0.0.9"]] == [entry.get("gateway") for entry in status]


def test_a_pod_that_asks_for_no_default_route_is_not_looked_into() -> None:
    world = World("a")

    world.add()

    assert [] == world.links.default_routes.asked


def test_where_two_networks_set_a_default_route_the_kernel_is_asked_which_is_used() -> None:
    """Nothing is changed; the status names that one alone, the results stay."""
    world = _world()
    routes = world.links.default_routes

    def with_another(ask: Ask) -> Ran:
        routes.present.insert(0, ASKED)
        body = json.loads(succeeded(ask).stdout) | {"routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.9"}]}
        return Ran(1, Outcome.EXITED, 0, json.dumps(body).encode(), b"")

    world.shim.replies["ADD net1 macvlan"] = with_another

    world.add()

    assert ["all"] == routes.asked
    status = json.loads(world.status.written["test/p"])
    assert [None, ["10.0.0.9"]] == [entry.get("gateway") for entry in status]
    assert [["10.0.0.1"], ["10.0.0.9"]] == [
        [r["gw"] for r in told["routes"]] for told in _results(world).values()
    ]


def test_what_the_kernel_says_at_the_end_decides() -> None:
    """A route that comes back again and again is no success."""
    world = _world("10.0.0.9")
    world.links.default_routes.stubborn = [ETH0]

    with pytest.raises(
        NetattachError, match="pod test/p: the pod has other default routes than it asked for"
    ):
        world.add()

    assert 3 == world.links.default_routes.asked.count("remove")
    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")
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

    assert ["DEL net1 macvlan", "DEL eth0 ptp"] == world.shim.words("DEL")
    assert ({}, {}) == (world.ledger.entries, world.status.written)
    assert {"test/p": [failure.value.message]} == world.events.failures


def test_a_route_that_is_there_already_is_no_failure() -> None:
    """EEXIST, and the next look finds it missing: that is one."""
    world = _world("10.0.0.9")
    world.links.default_routes.refused = {"10.0.0.9": errno.EEXIST}

    with pytest.raises(NetattachError, match="they come back"):
        world.add()


def test_a_route_that_went_by_itself_is_no_failure() -> None:
    world = _world("10.0.0.9")
    routes = world.links.default_routes
    seen = routes.all

    async def all_and_gone() -> list[DefaultRoute]:
        present = await seen()
        routes.present.clear() if present == [ETH0] else None
        return present

    routes.all = all_and_gone  # type: ignore[method-assign]  # somebody else between our look and our change

    world.add()

    assert [ASKED] == routes.present


def test_two_gateways_touch_nothing() -> None:
    world = _world("10.0.0.9", "10.0.0.8")

    with pytest.raises(NetattachError, match="one default route of IPv4, and no ECMP"):
        world.add()

    assert ([], [], []) == (world.shim.asked, world.ledger.history, world.links.default_routes.asked)

"""One leader at a time, and none that believes it leads when it does not."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netattach_kube import lease
from netattach_kube.lease import Lease
from netattach_kube.resource import LEASES
from support import api_server
from support.api_server import ApiServer


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"DURATION": 1, "_RENEW_EVERY": 0.1, "_RENEW_WITHIN": 0.4}.items():
        monkeypatch.setattr(lease, name, seconds)


def run(story: Callable[[ApiServer], Coroutine[Any, Any, None]]) -> None:
    async def serve() -> None:
        async with api_server.serving() as server, asyncio.timeout(20):
            await story(server)

    asyncio.run(serve())


def holder(server: ApiServer) -> str:
    name: str = server.read(LEASES, "l", "n")["spec"]["holderIdentity"]
    return name


def test_the_first_one_leads_and_gives_the_lease_back() -> None:
    async def story(server: ApiServer) -> None:
        async with Lease(server.api, "n", "l", "a").held() as lost:
            assert "a" == holder(server)
            assert not lost.is_set()
        assert "" == holder(server)

    run(story)


def test_another_one_waits_until_it_is_given_back() -> None:
    async def story(server: ApiServer) -> None:
        async with asyncio.TaskGroup() as tasks:
            async with Lease(server.api, "n", "l", "a").held():
                second = tasks.create_task(_lead_once(server, "b"))
                await server.asked("GET /apis/coordination.k8s.io", times=6)
                assert "a" == holder(server)
            assert "b" == await second

    run(story)


async def _lead_once(server: ApiServer, identity: str) -> str:
    async with Lease(server.api, "n", "l", identity).held():
        return holder(server)


def test_a_lease_that_is_not_renewed_is_taken_after_its_duration() -> None:
    async def story(server: ApiServer) -> None:
        spec = {
            "holderIdentity": "dead",
            "leaseDurationSeconds": 1,
            "renewTime": "2020-01-01T00:00:00.000000Z",
        }
        server.put(LEASES, {"metadata": {"name": "l", "namespace": "n"}, "spec": spec})
        began = asyncio.get_running_loop().time()

        assert "b" == await _lead_once(server, "b")
        assert 1 <= asyncio.get_running_loop().time() - began

    run(story)


def test_the_lease_is_renewed() -> None:
    async def story(server: ApiServer) -> None:
        async with Lease(server.api, "n", "l", "a").held():
            first = server.read(LEASES, "l", "n")["spec"]
            await server.asked("PUT /apis/coordination.k8s.io", times=2)
            await server.until(
                lambda: server.read(LEASES, "l", "n")["spec"]["renewTime"] > first["renewTime"]
            )

            assert first["acquireTime"] == server.read(LEASES, "l", "n")["spec"]["acquireTime"]

    run(story)


def test_a_leader_that_cannot_renew_stands_down_before_another_may_take_over() -> None:
    async def story(server: ApiServer) -> None:
        async with Lease(server.api, "n", "l", "a").held() as lost:
            began = asyncio.get_running_loop().time()
            server.away = True
            await lost.wait()

            assert lease.DURATION > asyncio.get_running_loop().time() - began

    run(story)


def test_a_leader_that_sees_another_one_stands_down_at_once() -> None:
    async def story(server: ApiServer) -> None:
        async with Lease(server.api, "n", "l", "a").held() as lost:
            body = server.read(LEASES, "l", "n")
            server.put(LEASES, {**body, "spec": {**body["spec"], "holderIdentity": "b"}})
            await lost.wait()
        assert "b" == holder(server)

    run(story)


def test_a_server_that_is_away_is_waited_for() -> None:
    async def story(server: ApiServer) -> None:
        server.fail(503, times=2)

        assert "a" == await _lead_once(server, "a")

    run(story)

"""One leader at a time, and none that believes it leads when it does not. In virtual time."""

import asyncio
import copy
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from netattach_core.api.objects import Body
from netattach_core.errors import ConflictError, NotFoundError, TryAgainError
from netattach_kube import lease
from netattach_kube.api import Api
from netattach_kube.lease import Lease
from netattach_kube.resource import Resource
from support import virtual_time


class Leases:
    """The API with one Lease; its requests take no time, fail, or hang."""

    def __init__(self) -> None:
        self.body: Body | None = None
        self.failures = 0
        self.unreachable = False
        self.hanging = False
        self.delay = 0.0
        self.requests: list[tuple[float, str]] = []
        self._version = 0

    @property
    def spec(self) -> Body:
        assert self.body
        spec: Body = self.body["spec"]
        return spec

    @property
    def holder(self) -> str:
        return str(self.spec["holderIdentity"])

    def put(self, **spec: Any) -> None:
        """As another candidate would."""
        self._version += 1
        metadata = {"name": "l", "namespace": "n", "resourceVersion": self._version}
        self.body = {"metadata": metadata, "spec": spec}

    async def get(self, resource: Resource, name: str, namespace: str) -> Body:
        await self._request("GET")
        if self.body is None:
            raise NotFoundError("not there")
        return copy.deepcopy(self.body)

    async def create(self, resource: Resource, body: Body, namespace: str) -> None:
        await self._request("POST")
        if self.body is not None:
            raise ConflictError("already exists")
        self.put(**body["spec"])

    async def replace(self, resource: Resource, body: Body, name: str, namespace: str) -> None:
        await self._request("PUT")
        if self.body is None or body["metadata"]["resourceVersion"] != self._version:
            raise ConflictError("modified")
        self.put(**body["spec"])

    async def _request(self, method: str) -> None:
        self.requests.append((now(), method))
        await asyncio.sleep(self.delay)
        if self.hanging:
            await asyncio.sleep(3600)
        if self.failures or self.unreachable:
            self.failures = max(self.failures - 1, 0)
            raise TryAgainError("unreachable")


def now() -> float:
    return asyncio.get_running_loop().time()


def candidate(leases: Leases, identity: str) -> Lease:
    return Lease(cast("Api", leases), "n", "l", identity)


def played(story: Callable[[Leases], Coroutine[Any, Any, None]]) -> None:
    virtual_time.run(story(Leases()))


async def lead_once(leases: Leases, identity: str) -> str:
    async with candidate(leases, identity).held():
        return leases.holder


def test_the_first_candidate_leads_and_releases_the_lease() -> None:
    async def story(leases: Leases) -> None:
        async with candidate(leases, "a").held() as lost:
            assert "a" == leases.holder
            assert not lost.is_set()
        assert "" == leases.holder

    played(story)


def test_a_renewal_that_arrives_during_the_release_does_not_keep_the_lease() -> None:
    """It was sent before the end, and cancelled."""

    async def story(leases: Leases) -> None:
        async with candidate(leases, "a").held():
            leases.delay = 1.0
            asyncio.get_running_loop().call_later(1.5, lambda: leases.put(**leases.spec))
        assert "" == leases.holder

    played(story)


def test_another_candidate_waits_for_the_release() -> None:
    async def story(leases: Leases) -> None:
        async with asyncio.TaskGroup() as tasks:
            async with candidate(leases, "a").held():
                second = tasks.create_task(lead_once(leases, "b"))
                await asyncio.sleep(600)
                assert "a" == leases.holder
            assert "b" == await second

    played(story)


def test_a_lease_that_is_not_renewed_is_acquired_after_its_duration() -> None:
    async def story(leases: Leases) -> None:
        leases.put(holderIdentity="dead", leaseDurationSeconds=40, renewTime="2020-01-01T00:00:00.000000Z")

        assert "b" == await lead_once(leases, "b")
        assert 40 == now()

    played(story)


def test_a_lease_that_is_renewed_is_not_acquired() -> None:
    async def story(leases: Leases) -> None:
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(lead_once(leases, "b"))
            for second in range(0, 600, 10):
                leases.put(holderIdentity="a", leaseDurationSeconds=15, renewTime=str(second))
                await asyncio.sleep(10)
            assert "a" == leases.holder
            waiting.cancel()

    played(story)


def test_the_lease_is_renewed_every_three_seconds() -> None:
    async def story(leases: Leases) -> None:
        async with candidate(leases, "a").held():
            first = leases.spec
            await asyncio.sleep(13)

            assert [3, 6, 9, 12] == [time for time, method in leases.requests if method == "PUT"]
            assert first["acquireTime"] == leases.spec["acquireTime"]
            assert first["renewTime"] < leases.spec["renewTime"]

    played(story)


@pytest.mark.parametrize("failure", ["unreachable", "hanging"])
def test_a_leader_that_cannot_renew_stops_before_another_may_take_over(failure: str) -> None:
    async def story(leases: Leases) -> None:
        async with candidate(leases, "a").held() as lost:
            setattr(leases, failure, True)
            await lost.wait()

            assert lease._RENEW_WITHIN <= now() < lease.DURATION

    played(story)


def test_a_slow_failure_does_not_prolong_the_leadership() -> None:
    async def story(leases: Leases) -> None:
        async with candidate(leases, "a").held() as lost:
            leases.delay, leases.unreachable = 0.3, True
            await asyncio.sleep(9)
            leases.hanging = True
            await lost.wait()

            assert lease.DURATION == now()

    played(story)


def test_failures_shorter_than_the_limit_do_not_end_the_leadership() -> None:
    async def story(leases: Leases) -> None:
        async with candidate(leases, "a").held() as lost:
            leases.failures = 1
            await asyncio.sleep(600)

            assert not lost.is_set()

    played(story)


def test_an_api_server_that_is_restarted_does_not_end_the_leadership() -> None:
    async def story(leases: Leases) -> None:
        async with candidate(leases, "a").held() as lost:
            await asyncio.sleep(2.9)
            leases.unreachable = True
            await asyncio.sleep(5)
            leases.unreachable = False
            await asyncio.sleep(600)

            assert not lost.is_set()

    played(story)


def test_a_leader_that_is_killed_has_a_successor_soon() -> None:
    """Right after a renewal, which the successor sees a moment later."""

    async def story(leases: Leases) -> None:
        async with asyncio.TaskGroup() as tasks:
            leases.put(holderIdentity="a", leaseDurationSeconds=12, renewTime="1")
            waiting = tasks.create_task(lead_once(leases, "b"))
            await asyncio.sleep(4.1)
            leases.put(holderIdentity="a", leaseDurationSeconds=12, renewTime="2")
            killed = now()
            await waiting

        assert 12 <= now() - killed <= 13

    played(story)


def test_a_leader_that_sees_another_one_stops_at_once() -> None:
    async def story(leases: Leases) -> None:
        async with candidate(leases, "a").held() as lost:
            leases.put(**{**leases.spec, "holderIdentity": "b"})
            await lost.wait()

            assert lease._RENEW_EVERY == now()
        assert "b" == leases.holder

    played(story)


def test_an_unreachable_server_is_waited_for() -> None:
    async def story(leases: Leases) -> None:
        leases.failures = 2

        assert "a" == await lead_once(leases, "a")

    played(story)

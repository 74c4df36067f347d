"""The queue of network-status writes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from netattach_core.api.pod import PodRef
from netattach_plugin.cluster.status_queue import StatusQueue
from support.twins import MemoryStore

POD = {"kind": "Pod", "metadata": {"namespace": "ns", "name": "p", "uid": "u"}}


def test_a_status_is_written_before_the_wait_ends() -> None:
    """The pod's containers find it there."""
    store = MemoryStore()
    store.create(POD)

    assert "[]" == asyncio.run(_deliver(store, outage=False))


def test_an_outage_of_the_api_delays_the_status_and_loses_nothing() -> None:
    """ADD goes on after a bounded time; the status comes when the API does."""
    store = MemoryStore()
    store.create(POD)

    assert "[]" == asyncio.run(_deliver(store, outage=True))


def test_the_status_of_a_pod_that_is_gone_stops_nobody() -> None:
    """The next one is written."""
    store = MemoryStore()
    store.create(POD)

    async def story() -> None:
        async with _running(store, wait=5) as queue:
            queue.deliver_later(PodRef("ns", "gone"), "[]")
            await queue.deliver(PodRef("ns", "p", "u"), "[]")

    asyncio.run(story())
    assert (
        "[]" == store.read("Pod", "ns", "p")["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"]
    )


@contextlib.asynccontextmanager
async def _running(store: MemoryStore, wait: float) -> AsyncIterator[StatusQueue]:
    """A queue with its worker."""
    queue = StatusQueue(store, wait)
    async with asyncio.TaskGroup() as tasks:
        worker = tasks.create_task(queue.run())
        yield queue
        worker.cancel()


async def _deliver(store: MemoryStore, *, outage: bool) -> str:
    store.unreachable = outage
    async with _running(store, wait=0.05) as queue:
        await queue.deliver(PodRef("ns", "p", "u"), "[]")
        if outage:
            assert "annotations" not in store.read("Pod", "ns", "p")["metadata"]
            store.unreachable = False
            async with asyncio.timeout(5):
                while "annotations" not in store.read("Pod", "ns", "p")["metadata"]:  # noqa: ASYNC110  # the store tells nobody
                    await asyncio.sleep(0.01)
    return _status(store)


def test_a_status_that_is_refused_keeps_no_other_from_being_written() -> None:
    """One broken object must not stop the node's statuses for ever."""
    store = MemoryStore()
    store.create(POD)
    store.create({"kind": "Pod", "metadata": {"namespace": "ns", "name": "broken", "uid": "b"}})
    store.refused.add("ns/broken")

    async def story() -> None:
        async with _running(store, wait=5) as queue:
            await queue.deliver(PodRef("ns", "broken", "b"), "[]")
            await queue.deliver(PodRef("ns", "p", "u"), "[]")

    asyncio.run(story())
    assert "[]" == _status(store)


def test_what_is_under_way_is_flushed_before_the_end() -> None:
    """A plain pod's status is written off its path, and the daemon may be stopped just then."""
    store = MemoryStore()
    store.create(POD)

    async def story() -> None:
        async with _running(store, wait=5) as queue:
            queue.deliver_later(PodRef("ns", "p", "u"), "[]")
            await queue.flush()

    asyncio.run(story())
    assert "[]" == _status(store)


def test_an_older_status_never_comes_after_a_newer_one() -> None:
    """The API was away for the first; both are due when it is back."""
    store = MemoryStore()
    store.create(POD)
    store.unreachable = True

    async def story() -> None:
        async with _running(store, wait=0.05) as queue:
            await queue.deliver(PodRef("ns", "p", "u"), "old")
            store.unreachable = False
            await queue.deliver(PodRef("ns", "p", "u"), "new")
            await asyncio.sleep(0.5)  # longer than the first pause

    asyncio.run(story())
    assert "new" == _status(store)


def _status(store: MemoryStore) -> str:
    text: str = store.read("Pod", "ns", "p")["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"]
    return text

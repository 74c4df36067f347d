"""The queue of network-status: outages, refusals, order, and the end of the daemon."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from netattach_core.api.networks_annotation import NETWORK_STATUS
from netattach_core.api.pod import PodRef
from netattach_core.errors import TryAgainError
from netattach_plugin.cluster import network_status_queue
from netattach_plugin.cluster.network_status_queue import NetworkStatusQueue
from support.twins import MemoryStore

POD = {"kind": "Pod", "metadata": {"namespace": "ns", "name": "p", "uid": "u"}}
REF = PodRef("ns", "p", "u")

Story = Callable[[NetworkStatusQueue], Coroutine[Any, Any, None]]


class Store(MemoryStore):
    """Has one pod; `failed` is set when a write fails."""

    def __init__(self) -> None:
        super().__init__()
        self.create(POD)
        self.failed = asyncio.Event()

    async def write_status(self, ref: PodRef, text: str) -> None:
        try:
            await super().write_status(ref, text)
        except TryAgainError:
            self.failed.set()
            raise

    @property
    def status(self) -> str | None:
        annotations = self.read("Pod", "ns", "p")["metadata"].get("annotations") or {}
        text: str | None = annotations.get(NETWORK_STATUS)
        return text


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_status_queue, "_FIRST_PAUSE", 0.001)


def run(store: MemoryStore, story: Story, wait: float = 10.0) -> None:
    asyncio.run(asyncio.wait_for(_run(store, story, wait), 60))


async def _run(store: MemoryStore, story: Story, wait: float) -> None:
    async with _running(NetworkStatusQueue(store, wait)) as queue:
        await story(queue)


@contextlib.asynccontextmanager
async def _running(queue: NetworkStatusQueue) -> AsyncIterator[NetworkStatusQueue]:
    async with asyncio.TaskGroup() as tasks:
        worker = tasks.create_task(queue.run())
        yield queue
        worker.cancel()


def test_a_status_is_written_before_the_wait_ends() -> None:
    """The pod's containers find it there."""
    store = Store()

    async def story(queue: NetworkStatusQueue) -> None:
        await queue.write(REF, "[]")
        assert "[]" == store.status

    run(store, story)


def test_an_outage_of_the_api_delays_an_add_for_a_bounded_time() -> None:
    """It goes on without the status, which stays queued."""
    store = Store()
    store.unreachable = True

    async def story(queue: NetworkStatusQueue) -> None:
        await queue.write(REF, "[]")
        assert (None, 1) == (store.status, queue.waiting)

    run(store, story, wait=0.01)


def test_an_outage_of_the_api_loses_nothing() -> None:
    """The status is written once the API is back."""
    store = Store()
    store.unreachable = True

    async def story(queue: NetworkStatusQueue) -> None:
        done = queue.enqueue(REF, "[]")
        await store.failed.wait()
        assert None is store.status
        store.unreachable = False
        await done
        assert "[]" == store.status

    run(store, story)


def test_the_status_of_a_pod_that_is_gone_does_not_block_the_next_one() -> None:
    store = Store()

    async def story(queue: NetworkStatusQueue) -> None:
        await queue.enqueue(PodRef("ns", "gone"), "[]")
        await queue.write(REF, "[]")

    run(store, story)
    assert "[]" == store.status


def test_a_status_that_is_refused_does_not_block_the_next_one() -> None:
    store = Store()
    store.create({"kind": "Pod", "metadata": {"namespace": "ns", "name": "broken", "uid": "b"}})
    store.refused.add("ns/broken")

    async def story(queue: NetworkStatusQueue) -> None:
        await queue.write(PodRef("ns", "broken", "b"), "[]")
        await queue.write(REF, "[]")

    run(store, story)
    assert "[]" == store.status


def test_queued_statuses_are_flushed_before_the_end() -> None:
    """The daemon may be stopped just after it has attached a pod without secondary networks."""
    store = Store()

    async def story(queue: NetworkStatusQueue) -> None:
        queue.enqueue(REF, "[]")
        await queue.flush()

    run(store, story)
    assert "[]" == store.status


def test_an_older_status_is_never_written_after_a_newer_one() -> None:
    """The first one waits for its retry when the second one is written."""
    store = Store()
    store.unreachable = True

    async def story(queue: NetworkStatusQueue) -> None:
        older = queue.enqueue(REF, "old")
        await store.failed.wait()
        store.unreachable = False
        await queue.write(REF, "new")
        await older
        assert "new" == store.status

    run(store, story)


def test_pods_without_secondary_networks_get_no_status_where_the_settings_say_never() -> None:
    """Who waits for it is not kept waiting."""
    store = Store()

    async def story() -> None:
        queue = NetworkStatusQueue(store, 10.0, for_plain_pods=lambda: False)
        await queue.enqueue(REF, "[]")
        assert 0 == queue.waiting

    asyncio.run(story())
    assert None is store.status

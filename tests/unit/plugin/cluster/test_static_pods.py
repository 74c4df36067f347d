"""Static pods: their UID is a digest, and their mirror pod in the API may come late or never."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from netattach_core.api.networks_annotation import NETWORK_STATUS
from netattach_core.api.pod import PodRef
from netattach_plugin.cluster import network_status_queue
from netattach_plugin.cluster.network_status_queue import NetworkStatusQueue
from support.twins import MemoryStore

DIGEST = "0f" * 16
STATIC = PodRef("kube-system", "proxy-node1", DIGEST)


@pytest.mark.parametrize(
    ("uid", "static"),
    [
        (DIGEST, True),
        ("0b9d2c3e-5f1a-4c7e-9d9d-0123456789ab", False),
        ("", False),
        (DIGEST.upper(), False),
        (f"{DIGEST}0", False),
    ],
)
def test_a_static_pod_is_recognised_by_its_uid(uid: str, static: bool) -> None:  # noqa: FBT001  # a table's column
    """pkg/kubelet/config/common.go: the digest of its file and node, in hexadecimal."""
    assert static is PodRef("ns", "p", uid).is_static


def _status(store: MemoryStore) -> str | None:
    metadata = store.read("Pod", "kube-system", "proxy-node1")["metadata"]
    text: str | None = metadata.get("annotations", {}).get(NETWORK_STATUS)
    return text


def test_the_status_waits_for_the_mirror_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubelet may create it after the status is queued."""
    monkeypatch.setattr(network_status_queue, "_FIRST_PAUSE", 0.01)
    store = MemoryStore()

    async def story(queue: NetworkStatusQueue) -> None:
        done = queue.enqueue(STATIC, "[]")
        for _ in range(10):  # the first try fails
            await asyncio.sleep(0)
        assert 1 == queue.waiting
        metadata = {"namespace": "kube-system", "name": "proxy-node1", "uid": DIGEST}
        store.create({"kind": "Pod", "metadata": metadata})
        await done
        assert 0 == queue.waiting

    _run(store, story)
    assert "[]" == _status(store)


def test_the_status_of_a_static_pod_that_is_gone_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file was removed before it had a mirror pod."""
    monkeypatch.setattr(network_status_queue, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(network_status_queue, "_LONGEST_PAUSE", 0.002)

    async def story(queue: NetworkStatusQueue) -> None:
        await queue.enqueue(STATIC, "[]")
        assert 0 == queue.waiting

    _run(MemoryStore(), story)


def test_the_status_of_any_other_pod_that_is_gone_is_dropped_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ADD does not wait for a deleted pod."""
    monkeypatch.setattr(network_status_queue, "_FIRST_PAUSE", 1000.0)  # a retry would not end in time

    async def story(queue: NetworkStatusQueue) -> None:
        await queue.enqueue(PodRef("ns", "gone", "0b9d2c3e-5f1a-4c7e-9d9d-0123456789ab"), "[]")
        assert 0 == queue.waiting

    _run(MemoryStore(), story)


def _run(store: MemoryStore, story: Callable[[NetworkStatusQueue], Coroutine[Any, Any, None]]) -> None:
    async def serve() -> None:
        queue = NetworkStatusQueue(store, wait=30)
        async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(queue.run())
            await story(queue)
            running.cancel()

    asyncio.run(serve())

"""network-status of pods that the shim attached without the daemon: files only, no shim."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from netattach_core.shim import compiled_chain
from netattach_plugin.cluster import plain_pod_status
from netattach_plugin.cluster.network_status_queue import NetworkStatusQueue
from netattach_plugin.cluster.plain_pod_status import PlainPodStatus
from support.shim_directories import ShimDirectories
from support.twins import MemoryStore


@pytest.fixture
def shared(tmp_path: Path) -> ShimDirectories:
    return ShimDirectories(tmp_path)


class TestStatusOfPlainPods:
    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("_EVERY", "_QUIET", "_PACE"):
            monkeypatch.setattr(plain_pod_status, name, 0.01)

    def run(
        self,
        shared: ShimDirectories,
        store: MemoryStore,
        story: Callable[[], Coroutine[Any, Any, None]],
        **options: Any,
    ) -> None:
        async def serve() -> None:
            status = NetworkStatusQueue(store, wait=1.0, **options)
            async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(each)
                    for each in (status.run(), PlainPodStatus(shared.ledger, status).run())
                ]
                await story()
                for task in running:
                    task.cancel()

        asyncio.run(serve())

    def store(self, *names: str) -> MemoryStore:
        store = MemoryStore()
        for name in names:
            store.create({"kind": "Pod", "metadata": {"namespace": "shop", "name": name, "uid": f"u-{name}"}})
        return store

    def ips(self, store: MemoryStore, name: str) -> list[str] | None:
        annotations = store.read("Pod", "shop", name)["metadata"].get("annotations") or {}
        text = annotations.get("k8s.v1.cni.cncf.io/network-status")
        return json.loads(text)[0]["ips"] if text else None

    def test_what_is_whole_is_told_once(self, shared: ShimDirectories) -> None:
        """Where it was whole when we came, and where it became so; a mark says so, also to the next daemon."""
        store = self.store("early", "late")
        early, late = shared.write_record("early"), shared.write_record("late", result="")

        async def story() -> None:
            await _until(lambda: self.ips(store, "early") == ["10.0.0.2"] and _is_told(early))
            assert self.ips(store, "late") is None
            shared.write_record("late")
            await _until(lambda: self.ips(store, "late") == ["10.0.0.2"] and _is_told(late))

        self.run(shared, store, story)
        silent = self.store("early", "late")

        async def again() -> None:
            await asyncio.sleep(0.1)

        self.run(shared, silent, again)
        assert (None, None) == (self.ips(silent, "early"), self.ips(silent, "late"))

    def test_an_api_that_is_away_is_waited_for(self, shared: ShimDirectories) -> None:
        """Marked only when it is written."""
        store = self.store("p")
        store.unreachable = True
        record = shared.write_record("p")

        async def story() -> None:
            await asyncio.sleep(0.1)
            assert not _is_told(record)
            store.unreachable = False
            await _until(lambda: self.ips(store, "p") == ["10.0.0.2"] and _is_told(record))

        self.run(shared, store, story)

    def test_where_plain_pods_have_none_nothing_is_told(self, shared: ShimDirectories) -> None:
        """`statusForPlainPods: never`."""
        store = self.store("p")
        record = shared.write_record("p")

        async def story() -> None:
            await _until(lambda: _is_told(record))

        self.run(shared, store, story, for_plain_pods=lambda: False)
        assert None is self.ips(store, "p")

    def test_what_cannot_be_read_hinders_no_other(self, shared: ShimDirectories) -> None:
        """A record cut off, one that is none, one with a result that is none, and a pod that is gone."""
        store = self.store("p", "broken")
        shared.write_record("cut", size=40)
        (shared.ledger / "chains/plain/garbage").write_bytes(b"garbage")
        shared.write_record("broken", result="[]")
        shared.write_record("gone")
        record = shared.write_record("p")

        async def story() -> None:
            await _until(lambda: _is_told(record))

        self.run(shared, store, story)
        assert ["10.0.0.2"] == self.ips(store, "p")

    def test_a_pod_that_was_deleted_meanwhile_leaves_no_record_again(self, shared: ShimDirectories) -> None:
        """The mark is appended, never written anew."""
        record = shared.write_record("p")
        status = NetworkStatusQueue(self.store("p"), wait=1.0)
        ((path, read),) = PlainPodStatus(shared.ledger, status).look()
        record.unlink()
        plain_pod_status._mark(path)  # between its look and its mark

        assert read.result
        assert not record.exists()


class TestWhenItIsWritten:
    """With a clock of its own; the times are the module's."""

    def names(self, status: PlainPodStatus) -> list[str]:
        return sorted(path.name for path, _ in status.due())

    @pytest.fixture
    def clock(self) -> list[float]:
        return [100.0]

    @pytest.fixture
    def status(self, shared: ShimDirectories, clock: list[float]) -> PlainPodStatus:
        return PlainPodStatus(shared.ledger, NetworkStatusQueue(MemoryStore(), wait=1.0), lambda: clock[0])

    def test_not_while_other_pods_start(
        self, shared: ShimDirectories, clock: list[float], status: PlainPodStatus
    ) -> None:
        first = shared.write_record("first")
        assert self.names(status) == []
        clock[0] += plain_pod_status._QUIET - 1
        second = shared.write_record("second")
        assert self.names(status) == []
        clock[0] += plain_pod_status._QUIET - 1
        assert self.names(status) == []
        clock[0] += 1
        assert self.names(status) == sorted([first.name, second.name])
        assert self.names(status) == []

    def test_a_pod_does_not_wait_for_ever(
        self, shared: ShimDirectories, clock: list[float], status: PlainPodStatus
    ) -> None:
        first, waited, number = shared.write_record("first"), 0.0, 0
        while not (names := self.names(status)):
            number += 1
            shared.write_record(f"later{number}")
            clock[0] += plain_pod_status._QUIET / 2
            waited += plain_pod_status._QUIET / 2
            assert waited <= plain_pod_status._LATEST
        assert names == [first.name]

    def test_a_pod_that_is_gone_by_then_costs_no_request(
        self, shared: ShimDirectories, clock: list[float], status: PlainPodStatus
    ) -> None:
        record = shared.write_record("p")
        assert self.names(status) == []
        record.unlink()
        clock[0] += plain_pod_status._LATEST
        assert self.names(status) == []


def _is_told(record: Path) -> bool:
    return compiled_chain.parse_record(record.read_bytes()).status_written


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # files tell nobody
        await asyncio.sleep(0.01)

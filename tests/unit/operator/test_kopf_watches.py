"""kopf passes on the events of our kinds, writes nothing, and goes on whatever the API server does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import kopf
import pytest

from netattach_core.api.objects import Body
from netattach_kube.resource import CRDS, INVENTORIES, NADS, Resource
from netattach_operator import crds
from netattach_operator.kopf_watches import Handler, KopfEndedError, KopfWatches
from support import api_server, require
from support.api_server import ApiServer


def nad(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name, **metadata}, "spec": {"config": "{}"}}


class Scene:
    """A server with our kinds, and the events that kopf passes on."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.events: list[tuple[str, str, bool]] = []
        self.logins = 0
        self._news = asyncio.Event()
        self._watches = KopfWatches(self.login)
        for resource in (NADS, INVENTORIES):
            self._watches.add(resource, self.handler(resource))
        for crd in crds.read(require.REPOSITORY / "crds"):
            server.put(CRDS, crd)

    def handler(self, resource: Resource) -> Handler:
        def handle(body: Body, deleted: bool) -> None:  # noqa: FBT001  # the signature of handlers
            self.events.append((resource.kind, body["metadata"]["name"], deleted))
            self._news.set()

        return handle

    async def until_passed_on(self, *events: tuple[str, str, bool]) -> None:
        while not set(events) <= set(self.events):
            self._news.clear()
            await self._news.wait()

    def login(self, _: kopf.OperatorSettings) -> kopf.ConnectionInfo:
        """Each time with another token, as the kubelet refreshes it."""
        self.logins += 1
        return kopf.ConnectionInfo(server=self.server.url, token=f"token-{self.logins}")

    async def kopf(self) -> None:
        await self._watches.run()

    def writes(self) -> list[str]:
        return [str(request) for request in self.server.requests if request.method != "GET"]


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(Scene(server))

    asyncio.run(story())


@asynccontextmanager
async def running(scene: Scene) -> Any:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.kopf())
        yield
        task.cancel()


NAD, INVENTORY = NADS.kind, INVENTORIES.kind


def test_events_of_both_kinds_are_passed_on() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad("a"))
        scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}})
        async with running(scene):
            await scene.until_passed_on((NAD, "a", False), (INVENTORY, "n1", False))
            scene.server.put(NADS, nad("b"))
            await scene.until_passed_on((NAD, "b", False))
            scene.server.delete(NADS, "a", "ns")
            scene.server.delete(INVENTORIES, "n1")
            await scene.until_passed_on((NAD, "a", True), (INVENTORY, "n1", True))

    played(act)


def test_kopf_writes_nothing() -> None:
    """Not on objects that are new, changed or being deleted, nor on those with a finalizer of another operator made with kopf."""

    async def act(scene: Scene) -> None:
        finalizer = "kopf.zalando.org/KopfFinalizerMarker"
        scene.server.put(NADS, nad("held", finalizers=[finalizer]))
        scene.server.put(NADS, nad("going", finalizers=[finalizer], deletionTimestamp="2026-01-01T00:00:00Z"))
        scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}})
        async with running(scene):
            await scene.until_passed_on((NAD, "held", False), (NAD, "going", False), (INVENTORY, "n1", False))
            scene.server.put(NADS, {**nad("held", labels={"a": "b"}), "spec": {"config": "{ }"}})
            scene.server.put(NADS, nad("new"))
            scene.server.delete(NADS, "going", "ns")
            await scene.until_passed_on((NAD, "new", False), (NAD, "going", True))

        assert [] == scene.writes()
        asked = {request.path for request in scene.server.requests}
        assert {"/apis", NADS.path(), INVENTORIES.path()} <= asked
        assert not [path for path in asked if "pods" in path or "namespaces" in path]

    played(act)


def test_cancelled_it_leaves_no_thread() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.asked("WATCH", 2)

        assert "kopf" not in [thread.name for thread in threading.enumerate()]

    played(act)


def test_it_can_be_cancelled_before_it_has_started() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await asyncio.sleep(0)

        assert "kopf" not in [thread.name for thread in threading.enumerate()]

    played(act)


def test_our_tasks_are_not_cancelled_with_it() -> None:
    """In a shared loop, kopf would cancel them at its end."""

    async def act(scene: Scene) -> None:
        async with asyncio.TaskGroup() as tasks:
            async with running(scene):
                await scene.server.asked("WATCH", 2)
                ours = tasks.create_task(asyncio.sleep(3600))
            await asyncio.sleep(0)

            assert not ours.done()
            ours.cancel()

    played(act)


def test_an_end_by_itself_is_an_error() -> None:
    """Nothing is watched any more, which nobody would notice."""

    async def act(scene: Scene) -> None:
        scene.server.fail(404, path=NADS.plural, method="WATCH")

        with pytest.raises(KopfEndedError):
            await scene.kopf()

    played(act)


def test_an_end_by_itself_is_an_error_also_where_a_task_of_kopf_does_not_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that was retrying a request when kopf ended waited for the others."""

    async def fails() -> None:
        raise OSError

    async def stays() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)
        await asyncio.sleep(3600)

    async def spawned(**_: object) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(stays()), asyncio.create_task(fails())]

    monkeypatch.setattr(kopf, "spawn_tasks", spawned)

    async def act(scene: Scene) -> None:
        with pytest.raises(KopfEndedError):
            await scene.kopf()

    played(act)


@pytest.mark.parametrize("status", [403, 429, 500, 503])
def test_requests_that_the_api_refuses_are_retried(status: int) -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad("a"))
        scene.server.fail(status, path=NADS.plural, times=5)
        async with running(scene):
            await scene.until_passed_on((NAD, "a", False))
            scene.server.fail(status, path=NADS.plural, method="WATCH", times=5)
            scene.server.drop_watches()
            scene.server.put(NADS, nad("b"))
            await scene.until_passed_on((NAD, "b", False))

    played(act)


def test_a_refused_token_is_read_again() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.asked("WATCH", 2)
            scene.server.expired.add("token-1")
            scene.server.drop_watches()
            scene.server.put(NADS, nad("b"))
            scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}})
            await scene.until_passed_on((NAD, "b", False), (INVENTORY, "n1", False))

        assert 2 == scene.logins

    played(act)


def test_requests_to_an_unreachable_api_are_retried() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.asked("WATCH", 2)
            scene.server.away = True
            await scene.server.asked("WATCH", 6)
            scene.server.put(NADS, nad("b"))
            scene.server.away = False
            await scene.until_passed_on((NAD, "b", False))

    played(act)


def test_an_expired_version_leads_to_a_new_list() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.asked("WATCH", 2)
            scene.server.put(NADS, nad("b"))
            scene.server.compact()
            scene.server.drop_watches()
            await scene.until_passed_on((NAD, "b", False))
            scene.server.put(NADS, nad("c"))
            await scene.until_passed_on((NAD, "c", False))

    played(act)


def test_many_objects_are_passed_on_without_waiting() -> None:
    """With kopf's own idle timeout, the limit of workers would take 50 s."""

    async def act(scene: Scene) -> None:
        for number in range(300):
            scene.server.put(NADS, nad(f"n{number}"))
        async with running(scene), asyncio.timeout(30):
            await scene.until_passed_on(*((NAD, f"n{number}", False) for number in range(300)))

    played(act)


def test_kopf_does_not_log_each_event(caplog: pytest.LogCaptureFixture) -> None:
    """That would be two lines each."""
    caplog.set_level(logging.INFO)

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad("a"))
        async with running(scene):
            await scene.until_passed_on((NAD, "a", False))

    played(act)

    assert [] == [record for record in caplog.records if record.name.startswith("kopf")]

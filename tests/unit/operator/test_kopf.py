"""kopf watches for us, writes nothing, and goes on whatever the API does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import kopf
import pytest

from netattach_kube.resource import CRDS, INVENTORIES, NADS, Resource
from netattach_operator import crds, handlers, kopf_thread
from netattach_operator.kopf_thread import KopfEndedError
from netattach_operator.settings import Settings
from support import api_server, require
from support.api_server import ApiServer


def nad(name: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name, **metadata}, "spec": {"config": "{}"}}


class Scene:
    """A server with our kinds, and what kopf tells of it."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.told: list[tuple[str, str, bool]] = []
        self.logins = 0
        self._news = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        for crd in crds.read(require.REPOSITORY / "crds"):
            server.put(CRDS, crd)

    def tell(self, resource: Resource, gone: bool, body: dict[str, Any]) -> None:  # noqa: FBT001  # its shape
        self.told.append((resource.kind, body["metadata"]["name"], gone))
        self._loop.call_soon_threadsafe(self._news.set)

    async def until_told(self, *what: tuple[str, str, bool]) -> None:
        while not set(what) <= set(self.told):
            self._news.clear()
            await self._news.wait()

    def login(self, _: kopf.OperatorSettings) -> kopf.ConnectionInfo:
        """Each time with another token, as the kubelet refreshes it."""
        self.logins += 1
        return kopf.ConnectionInfo(server=self.server.url, token=f"token-{self.logins}")

    def kopf(self) -> Any:
        return kopf_thread.run(handlers.registry(self.tell, self.login), handlers.settings())

    def writes(self) -> list[str]:
        return [str(request) for request in self.server.requests if request.method != "GET"]


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(30):
            await act(Scene(server))

    asyncio.run(story())


@asynccontextmanager
async def running(scene: Scene) -> Any:
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.kopf())
        yield
        task.cancel()


NAD, INVENTORY = NADS.kind, INVENTORIES.kind


def test_both_kinds_are_told_with_their_changes_and_their_end() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad("a"))
        scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}})
        async with running(scene):
            await scene.until_told((NAD, "a", False), (INVENTORY, "n1", False))
            scene.server.put(NADS, nad("b"))
            await scene.until_told((NAD, "b", False))
            scene.server.delete(NADS, "a", "ns")
            scene.server.delete(INVENTORIES, "n1")
            await scene.until_told((NAD, "a", True), (INVENTORY, "n1", True))

    played(act)


def test_kopf_writes_nothing() -> None:
    """Not on objects that are new, changed, or being deleted, nor on those that another operator made with kopf holds."""

    async def act(scene: Scene) -> None:
        finalizer = "kopf.zalando.org/KopfFinalizerMarker"
        scene.server.put(NADS, nad("held", finalizers=[finalizer]))
        scene.server.put(NADS, nad("going", finalizers=[finalizer], deletionTimestamp="2026-01-01T00:00:00Z"))
        scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}})
        async with running(scene):
            await scene.until_told((NAD, "held", False), (NAD, "going", False), (INVENTORY, "n1", False))
            scene.server.put(NADS, {**nad("held", labels={"a": "b"}), "spec": {"config": "{ }"}})
            scene.server.put(NADS, nad("new"))
            scene.server.delete(NADS, "going", "ns")
            await scene.until_told((NAD, "new", False), (NAD, "going", True))

        assert [] == scene.writes()
        asked = {request.path for request in scene.server.requests}
        assert {"/apis", NADS.path(), INVENTORIES.path()} <= asked
        assert not [path for path in asked if "pods" in path or "namespaces" in path]

    played(act)


def test_it_ends_when_it_is_told_to_and_leaves_no_thread() -> None:
    async def act(scene: Scene) -> None:
        started = asyncio.get_running_loop().time()
        async with running(scene):
            await scene.server.asked("WATCH", 2)

        assert 3 > asyncio.get_running_loop().time() - started
        assert "kopf" not in [thread.name for thread in threading.enumerate()]

    played(act)


def test_it_can_be_ended_before_it_has_begun() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await asyncio.sleep(0)

    played(act)


def test_tasks_of_ours_outlive_it() -> None:
    """In a loop that it shares, kopf would cancel them on its way out."""

    async def act(scene: Scene) -> None:
        async with asyncio.TaskGroup() as tasks:
            async with running(scene):
                await scene.server.asked("WATCH", 2)
                ours = tasks.create_task(asyncio.sleep(3600))
            await asyncio.sleep(0)

            assert not ours.done()
            ours.cancel()

    played(act)


def test_that_it_has_ended_by_itself_is_an_error() -> None:
    """Nobody watches any more, and nobody would notice."""

    async def act(scene: Scene) -> None:
        scene.server.fail(404, path=NADS.plural, method="WATCH")

        with pytest.raises(KopfEndedError):
            await scene.kopf()

    played(act)


def test_that_one_of_its_watches_does_not_end_with_the_others_is_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It had been asking again when it was told to end, and waited for what had ended."""

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
def test_an_api_that_refuses_for_a_while_is_waited_for(status: int) -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad("a"))
        scene.server.fail(status, path=NADS.plural, times=5)
        async with running(scene):
            await scene.until_told((NAD, "a", False))
            scene.server.fail(status, path=NADS.plural, method="WATCH", times=5)
            scene.server.drop_watches()
            scene.server.put(NADS, nad("b"))
            await scene.until_told((NAD, "b", False))

    played(act)


def test_a_token_that_is_refused_is_read_anew() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.asked("WATCH", 2)
            scene.server.expired.add("token-1")
            scene.server.drop_watches()
            scene.server.put(NADS, nad("b"))
            scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}})
            await scene.until_told((NAD, "b", False), (INVENTORY, "n1", False))

        assert 2 == scene.logins

    played(act)


def test_an_api_that_is_away_is_waited_for() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.asked("WATCH", 2)
            scene.server.away = True
            await scene.server.asked("WATCH", 6)
            scene.server.put(NADS, nad("b"))
            scene.server.away = False
            await scene.until_told((NAD, "b", False))

    played(act)


def test_a_version_that_is_too_old_to_watch_from_means_a_new_list() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.asked("WATCH", 2)
            scene.server.put(NADS, nad("b"))
            scene.server.compact()
            scene.server.drop_watches()
            await scene.until_told((NAD, "b", False))
            scene.server.put(NADS, nad("c"))
            await scene.until_told((NAD, "c", False))

    played(act)


def test_many_objects_are_told_soon() -> None:
    """Workers are few, and one that waits for more of its object keeps its place."""

    async def act(scene: Scene) -> None:
        for number in range(300):
            scene.server.put(NADS, nad(f"n{number}"))
        async with running(scene), asyncio.timeout(15):
            await scene.until_told(*((NAD, f"n{number}", False) for number in range(300)))

    played(act)


def test_in_a_pod_it_goes_to_the_server_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    found = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="t")
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: found)

    def server(read: Settings) -> str:
        info = handlers.login(read)(kopf.OperatorSettings())
        return f"{info.server} {info.token}" if info else ""

    assert "https://10.0.0.1:443 t" == server(Settings(api_server="https://10.0.0.1:443"))
    assert "https://kubernetes.default.svc t" == server(Settings())


def test_with_a_kubeconfig_it_goes_where_that_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config"
    file.write_text(kubeconfig("https://[fd00::1]:6443"))
    monkeypatch.setenv("KUBECONFIG", str(file))

    info = handlers.login(Settings(kubeconfig=file))(kopf.OperatorSettings())

    assert info
    assert "https://[fd00::1]:6443" == info.server


def kubeconfig(server: str) -> str:
    return (
        "{current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "
        f"clusters: [{{name: c, cluster: {{server: '{server}'}}}}], users: [{{name: u, user: {{}}}}]}}"
    )


def test_its_own_log_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Each event would be two lines."""
    caplog.set_level(logging.INFO)

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad("a"))
        async with running(scene):
            await scene.until_told((NAD, "a", False))

    played(act)

    assert [] == [record for record in caplog.records if record.name.startswith("kopf")]

"""The copy becomes right again whatever happens to its watch."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netattach_core.api.objects import Key
from netattach_core.errors import ConfigError
from netattach_kube import watched
from netattach_kube.resource import NADS, PODS
from netattach_kube.watched import Watched
from support import api_server
from support.api_server import ApiServer


def nad(name: str, config: str = "{}") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"config": config}}


def config(body: Mapping[str, Any]) -> str:
    text: str = body["spec"]["config"]
    if text == "broken":
        raise ConfigError("broken")
    if text == "internal error":
        raise TypeError("internal error")
    return text


class Scene:
    """A server, a copy of its NADs, and the changes that it has reported."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.changes: list[Key] = []
        self.copy: Watched[str] = Watched(server.api, NADS, config, changed=self._changed)

    def _changed(self, key: Key) -> None:
        self.changes.append(key)

    @property
    def known(self) -> dict[str, str]:
        return {name: text for (_, name), text in self.copy.items().items()}

    async def knows(self, **expected: str) -> None:
        await self.server.until(lambda: self.known == expected)


@asynccontextmanager
async def watching(*nads: dict[str, Any]) -> AsyncIterator[Scene]:
    async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
        for body in nads:
            server.put(NADS, body)
        scene = Scene(server)
        task = tasks.create_task(scene.copy.run())
        yield scene
        task.cancel()


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), api_server.PATIENCE))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watched, "_LONGEST_PAUSE", 0.05)


def test_once_it_is_synced_it_has_all_objects() -> None:
    async def story() -> None:
        async with watching(nad("a", "1"), nad("b", "2")) as scene:
            await scene.copy.synced.wait()

            assert {"a": "1", "b": "2"} == scene.known
            assert "1" == scene.copy.get("default", "a")
            assert [("default", "a"), ("default", "b")] == sorted(scene.changes)

    run(story)


def test_changes_are_followed_and_reported() -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            scene.server.put(NADS, nad("b", "2"))
            scene.server.put(NADS, nad("a", "3"))
            await scene.knows(a="3", b="2")
            scene.server.delete(NADS, "a", "default")
            await scene.knows(b="2")

            assert [("default", name) for name in "abaa"] == scene.changes

    run(story)


def test_a_change_of_what_is_not_kept_is_not_reported() -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            scene.server.put(NADS, {**nad("a", "1"), "status": {"pods": 1}})
            scene.server.put(NADS, nad("b", "2"))
            await scene.knows(a="1", b="2")

            assert [("default", "a"), ("default", "b")] == scene.changes

    run(story)


def test_long_lists_are_read_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_PAGE", 2)

    async def story() -> None:
        async with watching(*(nad(f"n{i}") for i in range(5))) as scene:
            await scene.copy.synced.wait()
            lists = [request for request in scene.server.requests if not request.is_watch]

            assert [f"n{i}" for i in range(5)] == sorted(scene.known)
            assert [None, "2", "4"] == [request.query.get("continue") for request in lists]

    run(story)


def test_a_watch_that_ends_is_resumed() -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            scene.server.drop_watches()
            scene.server.put(NADS, nad("b", "2"))
            await scene.knows(a="1", b="2")
            await scene.server.asked("WATCH", times=2)

            assert 1 == sum(not request.is_watch for request in scene.server.requests)

    run(story)


def test_an_expired_version_leads_to_a_new_list() -> None:
    async def story() -> None:
        async with watching(nad("a", "1"), nad("gone", "2")) as scene:
            await scene.server.asked("WATCH")
            scene.server.away = True
            scene.server.delete(NADS, "gone", "default")
            scene.server.put(NADS, nad("b", "3"))
            scene.server.compact()
            scene.server.away = False
            await scene.knows(a="1", b="3")

            assert ("default", "gone") in scene.changes[2:]

    run(story)


@pytest.mark.parametrize("status", [429, 500, 503, 403, 404])
def test_a_list_that_fails_is_retried(status: int) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
            server.fail(status, times=3)
            server.put(NADS, nad("a", "1"))
            scene = Scene(server)
            task = tasks.create_task(scene.copy.run())
            await scene.knows(a="1")
            task.cancel()

    run(story)


def test_the_copy_is_kept_while_the_server_is_unreachable() -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            before = len(scene.server.requests)
            scene.server.away = True
            await scene.server.until(lambda: len(scene.server.requests) > before + 2)

            assert {"a": "1"} == scene.known
            assert scene.copy.synced.is_set()

    run(story)


def test_a_silent_watch_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_SILENCE", 0.05)

    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH", times=3)

            assert 1 == sum(not request.is_watch for request in scene.server.requests)

    run(story)


@pytest.mark.parametrize(
    "garbage", [b"no json\n", b"[]\n", b"\xff\xfe\n", b'{"type": "ADDED"}\n', b'{"object": 1}\n']
)
def test_invalid_events_end_neither_the_copy_nor_the_program(garbage: bytes) -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            scene.server.send_raw(garbage)
            await scene.server.asked("WATCH", times=2)
            scene.server.put(NADS, nad("b", "2"))
            await scene.knows(a="1", b="2")

    run(story)


def test_an_event_longer_than_the_buffers_is_read() -> None:
    async def story() -> None:
        async with watching() as scene:
            await scene.server.asked("WATCH")
            long = "x" * 3_000_000
            scene.server.put(NADS, nad("a", long))
            await scene.knows(a=long)

    run(story)


@pytest.mark.parametrize("unread", ["broken", "internal error"])
def test_an_invalid_object_is_skipped_until_it_is_fixed(unread: str) -> None:
    async def story() -> None:
        async with watching(nad("a", unread), nad("b", "2")) as scene:
            await scene.knows(b="2")
            scene.server.put(NADS, nad("a", "1"))
            await scene.knows(a="1", b="2")
            scene.server.put(NADS, nad("a", unread))
            await scene.knows(b="2")

    run(story)


def test_a_field_selector_and_metadata_only_are_requested() -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
            for name, node in (("here", "node1"), ("there", "node2")):
                metadata = {"name": name, "namespace": "default"}
                server.put(PODS, {"metadata": metadata, "spec": {"nodeName": node}})
            copy: Watched[list[str]] = Watched(
                server.api, PODS, sorted, fields="spec.nodeName=node1", metadata_only=True
            )
            task = tasks.create_task(copy.run())
            await copy.synced.wait()

            assert {("default", "here"): ["kind", "metadata"]} == copy.items()
            task.cancel()

    run(story)

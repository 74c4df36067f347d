"""A live copy stays true whatever happens to the watch that feeds it."""

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
    if text == "odd":
        raise TypeError("odd")
    return text


class Scene:
    """A server, a copy of its NADs and what the copy told of changes."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.told: list[Key] = []
        self.copy: Watched[str] = Watched(server.api, NADS, config, changed=self._changed)
        self._news = asyncio.Condition()

    def _changed(self, key: Key) -> None:
        self.told.append(key)

    @property
    def known(self) -> dict[str, str]:
        return {name: text for (_, name), text in self.copy.items().items()}

    async def knows(self, **expected: str) -> None:
        async with asyncio.timeout(10):
            while self.known != expected:  # noqa: ASYNC110  # the copy has no event for it
                await asyncio.sleep(0.01)


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
    asyncio.run(asyncio.wait_for(story(), 30))


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(watched, "_LONGEST_PAUSE", 0.05)


def test_what_is_there_is_known_once_it_is_synced() -> None:
    async def story() -> None:
        async with watching(nad("a", "1"), nad("b", "2")) as scene:
            await scene.copy.synced.wait()

            assert {"a": "1", "b": "2"} == scene.known
            assert "1" == scene.copy.get("default", "a")
            assert [("default", "a"), ("default", "b")] == sorted(scene.told)

    run(story)


def test_changes_are_followed_and_told() -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            scene.server.put(NADS, nad("b", "2"))
            scene.server.put(NADS, nad("a", "3"))
            await scene.knows(a="3", b="2")
            scene.server.delete(NADS, "a", "default")
            await scene.knows(b="2")

            assert [("default", name) for name in "abaa"] == scene.told

    run(story)


def test_a_change_of_nothing_that_is_kept_is_not_told() -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            scene.server.put(NADS, {**nad("a", "1"), "status": {"pods": 1}})
            scene.server.put(NADS, nad("b", "2"))
            await scene.knows(a="1", b="2")

            assert [("default", "a"), ("default", "b")] == scene.told

    run(story)


def test_long_lists_come_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_PAGE", 2)

    async def story() -> None:
        async with watching(*(nad(f"n{i}") for i in range(5))) as scene:
            await scene.copy.synced.wait()
            lists = [request for request in scene.server.requests if not request.is_watch]

            assert [f"n{i}" for i in range(5)] == sorted(scene.known)
            assert [None, "2", "4"] == [request.query.get("continue") for request in lists]

    run(story)


def test_a_watch_that_ends_is_taken_up_where_it_ended() -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            scene.server.drop_watches()
            scene.server.put(NADS, nad("b", "2"))
            await scene.knows(a="1", b="2")
            await scene.server.asked("WATCH", times=2)

            assert 1 == sum(not request.is_watch for request in scene.server.requests)

    run(story)


def test_a_version_that_is_too_old_leads_to_a_new_list() -> None:
    async def story() -> None:
        async with watching(nad("a", "1"), nad("gone", "2")) as scene:
            await scene.server.asked("WATCH")
            scene.server.away = True
            scene.server.delete(NADS, "gone", "default")
            scene.server.put(NADS, nad("b", "3"))
            scene.server.compact()
            scene.server.away = False
            await scene.knows(a="1", b="3")

            assert ("default", "gone") in scene.told[2:]

    run(story)


@pytest.mark.parametrize("status", [429, 500, 503, 403, 404])
def test_a_list_that_fails_is_tried_again(status: int) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
            server.fail(status, times=3)
            server.put(NADS, nad("a", "1"))
            scene = Scene(server)
            task = tasks.create_task(scene.copy.run())
            await scene.knows(a="1")
            task.cancel()

    run(story)


def test_what_was_known_stays_known_while_the_server_is_away() -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            before = len(scene.server.requests)
            scene.server.away = True
            await scene.server.until(lambda: len(scene.server.requests) > before + 2)

            assert {"a": "1"} == scene.known
            assert scene.copy.synced.is_set()

    run(story)


def test_silence_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_SILENCE", 0.05)

    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH", times=3)

            assert 1 == sum(not request.is_watch for request in scene.server.requests)

    run(story)


@pytest.mark.parametrize(
    "garbage", [b"no json\n", b"[]\n", b"\xff\xfe\n", b'{"type": "ADDED"}\n', b'{"object": 1}\n']
)
def test_garbage_from_the_server_ends_nothing(garbage: bytes) -> None:
    async def story() -> None:
        async with watching(nad("a", "1")) as scene:
            await scene.server.asked("WATCH")
            scene.server.send_raw(garbage)
            await scene.server.asked("WATCH", times=2)
            scene.server.put(NADS, nad("b", "2"))
            await scene.knows(a="1", b="2")

    run(story)


def test_an_event_longer_than_any_buffer_is_read() -> None:
    async def story() -> None:
        async with watching() as scene:
            await scene.server.asked("WATCH")
            long = "x" * 3_000_000
            scene.server.put(NADS, nad("a", long))
            await scene.knows(a=long)

    run(story)


@pytest.mark.parametrize("unread", ["broken", "odd"])
def test_an_object_that_cannot_be_read_is_passed_over_and_comes_when_it_is_fixed(unread: str) -> None:
    async def story() -> None:
        async with watching(nad("a", unread), nad("b", "2")) as scene:
            await scene.knows(b="2")
            scene.server.put(NADS, nad("a", "1"))
            await scene.knows(a="1", b="2")
            scene.server.put(NADS, nad("a", unread))
            await scene.knows(b="2")

    run(story)


def test_of_pods_only_the_metadata_of_the_chosen_ones_is_asked_for() -> None:
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

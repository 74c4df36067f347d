"""The copy has the newest state of each object, whichever of kopf and the lists reports it first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from netattach_core.api.objects import Body, Key
from netattach_core.errors import NetattachError
from netattach_kube.api import Api
from netattach_kube.resource import NADS
from netattach_operator.kopf_informer import KopfInformer
from netattach_operator.kopf_watches import KopfWatches
from support import api_server
from support.api_server import ApiServer

A, B = ("ns", "a"), ("ns", "b")


def body(name: str = "a", version: int = 1, value: str = "") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ns", "name": name, "resourceVersion": str(version)},
        "spec": {"config": value},
    }


def nad(name: str) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name}, "spec": {"config": "{}"}}


class Scene:
    """An informer of NADs, and the changes that it has reported."""

    def __init__(self, api: Api) -> None:
        self.changes: list[Key] = []
        self.informer: KopfInformer[str] = KopfInformer(
            api, KopfWatches(lambda _: None), NADS, _config, changed=self.changes.append
        )


def _config(one: Body) -> str:
    return str(one["spec"]["config"])


@pytest.fixture
def scene() -> Scene:
    return Scene(cast("Api", None))


def listed(act: Callable[[ApiServer, Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(server, Scene(server.api))

    asyncio.run(story())


def test_an_older_state_never_replaces_a_newer_one(scene: Scene) -> None:
    scene.informer.put(body(version=5, value="new"))
    scene.informer.put(body(version=4, value="old"))

    assert "new" == scene.informer.get(*A)
    assert [A] == scene.changes


def test_an_equal_state_is_not_a_change(scene: Scene) -> None:
    scene.informer.put(body(version=5, value="x"))
    scene.informer.put(body(version=6, value="x"))

    assert [A] == scene.changes


def test_a_state_that_comes_twice_is_read_once(scene: Scene) -> None:
    scene.informer.put(body(version=5, value="x"))
    scene.informer.put(body(version=5, value="never read"))

    assert "x" == scene.informer.get(*A)
    assert [A] == scene.changes


def test_an_object_of_which_only_the_deletion_is_unknown_is_removed(scene: Scene) -> None:
    """A 404 has no version."""
    scene.informer.put(body(version=5))
    scene.informer.remove(body(version=5))

    assert scene.informer.get(*A) is None


def test_an_object_that_a_404_has_removed_by_mistake_comes_back(scene: Scene) -> None:
    """An API server that has just started may not know it yet."""
    scene.informer.put(body(version=5, value="x"))
    scene.informer.remove(body(version=5))

    scene.informer.put(body(version=5, value="x"))

    assert "x" == scene.informer.get(*A)


def test_a_deleted_object_does_not_come_back_from_an_older_list(scene: Scene) -> None:
    scene.informer.put(body(version=5))
    scene.informer.remove(body(version=7))
    scene.informer.put(body(version=5))

    assert scene.informer.get(*A) is None
    assert {} == scene.informer.items()


def test_an_object_that_is_created_again_is_known(scene: Scene) -> None:
    scene.informer.remove(body(version=7))
    scene.informer.put(body(version=9, value="x"))

    assert "x" == scene.informer.get(*A)


def test_objects_are_sorted_by_key(scene: Scene) -> None:
    scene.informer.put(body("b", value="2"))
    assert ("2",) == scene.informer.sorted()
    scene.informer.put(body("a", value="1"))

    assert ("1", "2") == scene.informer.sorted()
    assert scene.informer.sorted() is scene.informer.sorted()


def test_a_list_page_by_page_has_everything() -> None:
    async def act(server: ApiServer, scene: Scene) -> None:
        for number in range(450):
            server.put(NADS, nad(f"n{number}"))

        await scene.informer.relist()

        assert 450 == len(scene.informer.items())
        assert scene.informer.synced.is_set()
        assert 3 == len(server.requests)
        assert {"200"} == {request.query["limit"] for request in server.requests}

    listed(act)


def test_a_list_finds_what_was_deleted_unnoticed() -> None:
    async def act(server: ApiServer, scene: Scene) -> None:
        for name in ("a", "b", "c"):
            server.put(NADS, nad(name))
        await scene.informer.relist()
        server.delete(NADS, "a", "ns")
        server.delete(NADS, "c", "ns")
        scene.changes.clear()

        await scene.informer.relist()

        assert [B] == list(scene.informer.items())
        assert [A, ("ns", "c")] == sorted(scene.changes)

    listed(act)


def test_a_list_does_not_remove_what_is_newer() -> None:
    async def act(server: ApiServer, scene: Scene) -> None:
        scene.informer.put(body("a", 10**6))

        await scene.informer.relist()

        assert [A] == list(scene.informer.items())

    listed(act)


def test_a_list_that_fails_is_retried() -> None:
    async def act(server: ApiServer, scene: Scene) -> None:
        server.put(NADS, nad("a"))
        server.fail(503, times=2)
        server.fail(410, path=NADS.plural)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(scene.informer.run())
            await scene.informer.synced.wait()
            task.cancel()

        assert [A] == list(scene.informer.items())
        assert 4 == len(server.requests)

    listed(act)


def test_a_list_that_fails_is_an_error() -> None:
    async def act(server: ApiServer, scene: Scene) -> None:
        server.fail(503)

        with pytest.raises(NetattachError):
            await scene.informer.relist()

        assert not scene.informer.synced.is_set()

    listed(act)

"""Events of NADs are written in order, few wait, and none of them holds up anything else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import pytest

from netattach_core.errors import TryAgainError
from netattach_kube import events
from netattach_kube.resource import EVENTS, NADS
from netattach_operator import nad_events
from unit.operator.scene import BROKEN, SOUND, Scene, nad, played


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nad_events, "_PAUSE", 0.0)


async def reconcile(scene: Scene, names: Sequence[str], config: str = BROKEN) -> None:
    """Without writing the Events."""
    for name in names:
        status = scene.status(name) if scene.server.has(NADS, name, "ns") else {}
        scene.server.put(NADS, nad(config, name, status=status))
    await scene.list_all()
    for name in names:
        await scene.reconciler.reconcile(("ns", name))


def written(scene: Scene) -> list[str]:
    """The names of the NADs, in the order in which their Events were written."""
    return [event["involvedObject"]["name"] for event in scene.server.all(EVENTS)]


def test_a_status_does_not_wait_for_events() -> None:
    """Nobody writes Events here."""

    async def act(scene: Scene) -> None:
        await reconcile(scene, ["a"])

        assert "False" == scene.valid()
        assert [] == scene.events()

    played(act)


def test_events_wait_until_no_more_statuses_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(scene: Scene) -> None:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(scene.reconciler.events.run())
            await reconcile(scene, ["a", "b"])
            await asyncio.sleep(0.05)
            assert [] == scene.events()

            monkeypatch.setattr(nad_events, "_QUIET", 0.0)
            await scene.reconciler.events.written()
            assert ["a", "b"] == written(scene)
            task.cancel()

    monkeypatch.setattr(nad_events, "_QUIET", 3600.0)
    monkeypatch.setattr(nad_events, "_LOOK", 0.01)
    played(act)


@pytest.mark.parametrize(("limit", "value"), [("_LATEST", 0.0), ("_LONGEST_QUEUE", 3)])
def test_events_wait_neither_for_long_nor_when_there_are_many(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    async def act(scene: Scene) -> None:
        await reconcile(scene, ["a", "b", "c"])
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(scene.reconciler.events.run())
            await scene.server.until(lambda: "a" in written(scene))
            task.cancel()

    monkeypatch.setattr(nad_events, "_QUIET", 3600.0)
    monkeypatch.setattr(nad_events, limit, value)
    played(act)


@pytest.mark.parametrize("failure", [400, 403, 404, 409])
def test_after_an_event_that_is_refused_the_next_one_is_written(failure: int) -> None:
    """It is not tried again: what is forbidden, as by a quota of its namespace, stays so."""

    async def act(scene: Scene) -> None:
        scene.server.fail(failure, path="events", method="POST")
        await reconcile(scene, ["a", "b"])

        await scene.write_events()

        assert ["b"] == written(scene)

    played(act)


@pytest.mark.parametrize("failure", [401, 429, 500, 503])
def test_an_event_that_failed_is_written_after_those_that_wait(failure: int) -> None:
    async def act(scene: Scene) -> None:
        scene.server.fail(failure, path="events", method="POST")
        await reconcile(scene, ["a", "b", "c"])

        await scene.write_events()

        assert ["b", "c", "a"] == written(scene)

    played(act)


def test_an_event_that_failed_twice_is_dropped() -> None:
    async def act(scene: Scene) -> None:
        scene.server.fail(503, path="events", method="POST", times=3)
        await reconcile(scene, ["a", "b"])

        await scene.write_events()

        assert ["b"] == written(scene)  # a, b, and a again have failed

    played(act)


def test_an_event_whose_response_is_lost_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    post = events.post
    lost = ["a"]

    async def unreliable(api: Any, subject: events.Subject, **more: Any) -> None:
        await post(api, subject, **more)
        if subject.name in lost:
            lost.remove(subject.name)
            raise TryAgainError("the response is lost")

    async def act(scene: Scene) -> None:
        monkeypatch.setattr(events, "post", unreliable)
        await reconcile(scene, ["a", "b"])

        await scene.write_events()

        assert ["a", "b"] == written(scene)
        assert 3 == sum("POST" in str(each) and "events" in str(each) for each in scene.server.requests)

    played(act)


def test_the_newer_of_two_events_of_a_condition_is_written_in_the_place_of_the_first() -> None:
    async def act(scene: Scene) -> None:
        await reconcile(scene, ["a", "b"])
        await reconcile(scene, ["a"], SOUND)

        await scene.write_events()

        assert ["a", "b"] == written(scene)
        assert [("Normal", "Valid"), ("Warning", "Invalid")] == scene.events()

    played(act)


def test_an_event_that_failed_is_not_written_after_a_newer_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its condition has changed in the pause."""
    post = events.post

    async def act(scene: Scene) -> None:
        async def failing(*_: object, **__: object) -> None:
            monkeypatch.setattr(events, "post", post)
            await reconcile(scene, ["a"], SOUND)
            raise TryAgainError("overloaded")

        monkeypatch.setattr(events, "post", failing)
        await reconcile(scene, ["a"])

        await scene.write_events()

        assert [("Normal", "Valid")] == scene.events()

    played(act)


def test_an_event_that_was_replaced_after_a_failure_has_a_second_try_of_its_own() -> None:
    async def act(scene: Scene) -> None:
        await reconcile(scene, ["a"])
        (key,) = scene.reconciler.events._waiting
        waiting = scene.reconciler.events._waiting
        waiting[key] = waiting[key]._replace(is_retry=True)
        await reconcile(scene, ["a"], SOUND)
        scene.server.fail(503, path="events", method="POST")

        await scene.write_events()

        assert [("Normal", "Valid")] == scene.events()

    played(act)


def test_an_internal_error_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    post = events.post

    async def broken(api: Any, subject: events.Subject, **more: Any) -> None:
        if subject.name == "a":
            raise LookupError
        await post(api, subject, **more)

    async def act(scene: Scene) -> None:
        monkeypatch.setattr(events, "post", broken)
        await reconcile(scene, ["a", "b"])

        await scene.write_events()

        assert ["b"] == written(scene)
        assert ["False", "False"] == [scene.valid("a"), scene.valid("b")]

    played(act)


def test_more_events_than_have_room_are_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so once, until there is room for all again."""

    async def act(scene: Scene) -> None:
        await reconcile(scene, ["a", "b", "c", "d"])
        await scene.write_events()
        assert ["a", "b"] == written(scene)
        assert ["False", "False"] == [scene.valid("c"), scene.valid("d")]
        assert 1 == _drops(caplog)

        await reconcile(scene, ["e", "f", "g", "h"])
        await scene.write_events()
        assert ["a", "b", "e", "f"] == written(scene)
        assert 2 == _drops(caplog)

    monkeypatch.setattr(nad_events, "_LONGEST_QUEUE", 2)
    caplog.set_level(logging.WARNING, nad_events.__name__)
    played(act)


def _drops(caplog: pytest.LogCaptureFixture) -> int:
    return sum("dropped" in record.getMessage() for record in caplog.records)


def test_a_full_queue_takes_what_replaces_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(scene: Scene) -> None:
        await reconcile(scene, ["a", "b"])
        await reconcile(scene, ["b"], SOUND)

        await scene.write_events()

        assert [("Warning", "Invalid"), ("Normal", "Valid")] == scene.events()

    monkeypatch.setattr(nad_events, "_LONGEST_QUEUE", 2)
    played(act)

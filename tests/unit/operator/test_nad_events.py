"""Events of NADs are written in order, few wait, and none of them holds up anything else."""

from __future__ import annotations

import pytest

from netattach_kube import events
from netattach_kube.resource import EVENTS, NADS
from netattach_operator import nad_events
from unit.operator.scene import BROKEN, A, Scene, nad, played


def test_a_status_does_not_wait_for_events() -> None:
    """Nobody writes Events here."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(BROKEN))
        await scene.list_all()

        await scene.reconciler.reconcile(A)

        assert "False" == scene.valid()
        assert [] == scene.events()

    played(act)


@pytest.mark.parametrize("failure", [403, 500])
def test_after_an_event_that_is_refused_the_next_one_is_written(failure: int) -> None:
    async def act(scene: Scene) -> None:
        scene.server.fail(failure, path="events", method="POST")
        for name in ("a", "b"):
            scene.server.put(NADS, nad(BROKEN, name))
        await scene.list_all()
        for name in ("a", "b"):
            await scene.reconciler.reconcile(("ns", name))

        await scene.write_events()

        assert ["b"] == [event["involvedObject"]["name"] for event in scene.server.all(EVENTS)]

    played(act)


def test_an_internal_error_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise LookupError

    async def act(scene: Scene) -> None:
        monkeypatch.setattr(events, "post", broken)
        scene.server.put(NADS, nad(BROKEN))
        await scene.list_all()
        await scene.reconciler.reconcile(A)

        await scene.write_events()

        assert "False" == scene.valid()

    played(act)


def test_more_events_than_have_room_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    async def act(scene: Scene) -> None:
        for name in ("a", "b", "c"):
            scene.server.put(NADS, nad(BROKEN, name))
        await scene.list_all()
        for name in ("a", "b", "c"):
            await scene.reconciler.reconcile(("ns", name))

        await scene.write_events()

        assert ["a", "b"] == [event["involvedObject"]["name"] for event in scene.server.all(EVENTS)]
        assert "False" == scene.valid("c")

    monkeypatch.setattr(nad_events, "_LONGEST_QUEUE", 2)
    played(act)

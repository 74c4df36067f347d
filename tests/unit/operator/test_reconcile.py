"""A NAD's status says what is so, whatever happened before; and it is written seldom."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from netattach_core.errors import TryAgainError
from netattach_core.validation.settings import ValidationSettings
from netattach_core.validation.validator import validate
from netattach_kube.resource import EVENTS, INVENTORIES, NADS
from netattach_operator import reconcile
from netattach_operator.keys import Keys
from netattach_operator.metrics import Metrics
from netattach_operator.reconcile import Reconciler
from netattach_operator.sweep import Sweep
from netattach_operator.view import View
from support import api_server
from support.api_server import ApiServer
from support.validation import bridge, macvlan

A = ("ns", "a")
SOUND, BROKEN = json.dumps(bridge()), "{,}"


def nad(config: str = SOUND, name: str = "a", **keys: Any) -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name}, "spec": {"config": config}, **keys}


class Scene:
    """A server, what is known of it, and the reconciler; `list` tells the view what is there, as the watch does."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.metrics = Metrics()
        self.keys = Keys(asyncio.get_running_loop().time)
        self.view = View(self.keys)
        self.view.pods_known = True
        self.now = datetime(2026, 11, 24, tzinfo=UTC)
        self.reconciler = Reconciler(server.api, self.view, self.keys, self.metrics, lambda: self.now)
        self.sweep = Sweep(server.api, self.view)

    async def reconcile(self) -> None:
        await self.sweep.once()
        await self.reconciler.reconcile(A)

    def status(self, name: str = "a") -> dict[str, Any]:
        status: dict[str, Any] = self.server.read(NADS, name, "ns").get("status", {})
        return status

    def valid(self, name: str = "a") -> str:
        return str(self.status(name).get("conditions", [{}])[0].get("status"))

    def patches(self) -> list[api_server.Request]:
        return [request for request in self.server.requests if request.method == "PATCH"]

    def events(self) -> list[tuple[str, str]]:
        return [(event["type"], event["reason"]) for event in self.server.all(EVENTS)]

    def counted(self, valid: str) -> float | None:
        return self.metrics.registry.get_sample_value("netattach_nads", {"valid": valid})


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(20):
            await act(Scene(server))

    asyncio.run(story())


@asynccontextmanager
async def running(scene: Scene) -> Any:
    await scene.sweep.once()
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.reconciler.run())
        yield
        task.cancel()


def test_the_verdict_is_written_to_the_status_alone() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())

        await scene.reconcile()

        (patch,) = scene.patches()
        assert "/apis/k8s.cni.cncf.io/v1/namespaces/ns/network-attachment-definitions/a/status" == patch.path
        assert {"metadata", "status"} == patch.body.keys()
        assert ("True", "bridge", "host-local", 0) == (
            scene.valid(),
            *(scene.status()[key] for key in ("plugins", "ipam", "pods")),
        )

    played(act)


def test_what_is_so_already_is_not_written() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.reconcile()

        await scene.reconcile()

        assert 1 == len(scene.patches())

    played(act)


def test_only_what_has_changed_is_written() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.reconcile()
        scene.view.put_pod(("ns", "p"), "a")

        await scene.reconcile()

        assert {"pods": 1} == scene.patches()[-1].body["status"]

    played(act)


def test_pods_are_not_counted_before_all_are_known() -> None:
    """A new leader would write a number that is too small."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(status={"pods": 7}))
        scene.view.pods_known = False

        await scene.reconcile()

        assert 7 == scene.status()["pods"]

    played(act)


def test_pods_alone_do_not_have_it_validated_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation takes a millisecond and more, and pods come and go."""

    async def act(scene: Scene) -> None:
        validated: list[Any] = []

        def noted(body: Any, nodes: Any, **more: Any) -> Any:
            validated.append(nodes)
            return validate(body, nodes, **more)

        monkeypatch.setattr(reconcile, "validate", noted)
        scene.server.put(NADS, nad())
        await scene.reconcile()
        scene.view.put_pod(("ns", "p"), "a")
        await scene.reconcile()
        assert 1 == len(validated)

        scene.server.put(NADS, nad(BROKEN))
        await scene.reconcile()
        scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}, "status": {"plugins": [{"name": "x"}]}})
        await scene.reconcile()

        assert [None, None, 1] == [nodes and len(nodes) for nodes in validated]

    played(act)


def test_the_nodes_are_validated_with_it() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(json.dumps(macvlan(master="eth0"))))
        default = [{"name": "eth0", "reasons": ["carries the IPv4 default route"]}]
        scene.server.put(
            INVENTORIES,
            {
                "metadata": {"name": "n1"},
                "status": {"interfaces": [{"name": "eth0"}], "defaultInterfaces": default},
            },
        )

        await scene.reconcile()

        assert "MasterDefaultInterface" == scene.status()["conditions"][0]["reason"]

    played(act)


def test_an_event_tells_when_it_becomes_invalid_and_valid_again() -> None:
    async def act(scene: Scene) -> None:
        for config in (SOUND, BROKEN, "{", SOUND, SOUND):
            scene.server.put(
                NADS, nad(config, status=scene.status() if scene.server.has(NADS, "a", "ns") else {})
            )
            await scene.reconcile()

        assert [("Warning", "Invalid"), ("Normal", "Valid")] == scene.events()
        event = scene.server.all(EVENTS)[0]
        assert scene.server.read(NADS, "a", "ns")["metadata"]["uid"] == event["involvedObject"]["uid"]
        assert event["message"].startswith("config: ")

    played(act)


def test_a_nad_that_was_broken_before_us_is_told_too() -> None:
    """It is older than the webhook."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(BROKEN))

        await scene.reconcile()

        assert "False" == scene.valid()
        assert [("Warning", "Invalid")] == scene.events()

    played(act)


def test_an_event_that_cannot_be_written_is_not_worth_a_try() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(BROKEN))
        scene.server.fail(500, path="events", method="POST")

        await scene.reconcile()

        assert "False" == scene.valid()

    played(act)


def test_a_nad_that_is_being_deleted_is_left_alone() -> None:
    async def act(scene: Scene) -> None:
        body = nad()
        body["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
        scene.server.put(NADS, body)

        await scene.reconcile()

        assert [] == scene.patches()

    played(act)


def test_a_nad_that_is_gone_is_forgotten() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.reconcile()
        assert 1 == scene.counted("true")
        scene.server.delete(NADS, "a", "ns")

        await scene.reconcile()

        assert 0 == scene.counted("true")

    played(act)


def test_a_nad_that_goes_while_it_is_written_is_forgotten() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.sweep.once()
        scene.server.delete(NADS, "a", "ns")

        with pytest.raises(TryAgainError, match="not found"):
            await scene.reconciler.reconcile(A)
        await scene.reconciler.reconcile(A)

        assert [] == list(scene.view.nads)
        assert 1 == len(scene.patches())

    played(act)


def test_a_crd_without_status_is_tried_again_and_forgets_nothing() -> None:
    """Somebody has applied upstream's over ours."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        scene.server.fail(404, "the server could not find the requested resource", method="PATCH")

        with pytest.raises(TryAgainError, match="could not find"):
            await scene.reconcile()

        assert [A] == list(scene.view.nads)
        await scene.reconcile()
        assert "True" == scene.valid()

    played(act)


def test_what_somebody_else_has_written_meanwhile_is_kept() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.sweep.once()
        ready = {"type": "Ready", "status": "True"}
        scene.server.put(NADS, nad(status={"conditions": [ready]}))

        with pytest.raises(TryAgainError, match="has been modified"):
            await scene.reconciler.reconcile(A)
        await scene.reconciler.reconcile(A)

        assert ["Valid", "Ready"] == [one["type"] for one in scene.status()["conditions"]]

    played(act)


def test_another_setting_has_it_validated_anew() -> None:
    config = json.dumps(bridge(vlan=4095))

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(config))
        await scene.reconcile()
        assert "False" == scene.valid()
        scene.view.put_settings(ValidationSettings(warn_only=True))
        await scene.reconcile()
        assert "True" == scene.valid()
        assert "ValidWithWarnings" == scene.status()["conditions"][0]["reason"]

    played(act)


def test_a_nad_is_written_once_in_a_while_however_often_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write goes out to all that watch NADs."""
    monkeypatch.setattr(reconcile, "_ONE_WRITE_IN", 3600)

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        async with running(scene):
            await scene.server.asked("PATCH")
            for config in (BROKEN, SOUND, BROKEN):
                scene.server.put(NADS, nad(config))
                await scene.sweep.once()
            scene.server.put(NADS, nad(name="b"))
            await scene.sweep.once()
            await scene.server.until(lambda: scene.valid("b") == "True")

        assert 2 == len(scene.patches())

    played(act)


def test_a_change_in_that_while_is_written_after_it() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        async with running(scene):
            await scene.server.until(lambda: scene.valid() == "True")
            scene.server.put(NADS, nad(BROKEN))
            await scene.sweep.once()
            await scene.server.until(lambda: scene.valid() == "False")

    played(act)


@pytest.mark.parametrize("status", [409, 422, 429, 500, 503])
def test_a_write_that_fails_is_tried_again(status: int) -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        scene.server.fail(status, method="PATCH", times=3)
        async with running(scene):
            await scene.server.until(lambda: scene.valid() == "True")

        assert 4 == len(scene.patches())
        assert 3 == scene.metrics.registry.get_sample_value("netattach_reconcile_failures_total")

    played(act)


def test_pauses_grow_and_end_with_success() -> None:
    async def act(scene: Scene) -> None:
        assert [0.01, 0.02, 0.04, 0.05, 0.05] == [scene.reconciler._try_again(A) for _ in range(5)]
        scene.server.put(NADS, nad())
        await scene.sweep.once()

        await scene.reconciler._tried(A)

        assert 0.01 == scene.reconciler._try_again(A)

    played(act)


def test_a_defect_with_one_nad_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(scene: Scene) -> None:
        def odd(body: Any, nodes: Any, **more: Any) -> Any:
            if body["metadata"]["name"] == "a":
                raise ZeroDivisionError
            return validate(body, nodes, **more)

        monkeypatch.setattr(reconcile, "validate", odd)
        scene.server.put(NADS, nad())
        scene.server.put(NADS, nad(name="b"))
        async with running(scene):
            await scene.server.until(lambda: scene.valid("b") == "True")

        assert "a defect in netattach: the status of NAD ns/a" in caplog.text

    played(act)


def test_another_nad_of_a_pod_is_looked_at_again() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        scene.server.put(NADS, nad(name="b"))
        async with running(scene):
            scene.view.put_pod(("ns", "p"), "a")
            await scene.server.until(lambda: scene.status().get("pods") == 1)
            scene.view.put_pod(("ns", "p"), "b, b, other/missing")
            await scene.server.until(
                lambda: (scene.status()["pods"], scene.status("b").get("pods")) == (0, 1)
            )

    played(act)


def test_a_change_of_the_nodes_has_all_looked_at_again() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        async with running(scene):
            await scene.server.until(lambda: scene.valid() == "True")
            scene.server.put(
                INVENTORIES, {"metadata": {"name": "n1"}, "status": {"plugins": [{"name": "x"}]}}
            )
            await scene.sweep.once()
            await scene.server.until(lambda: scene.valid() == "False")

    played(act)

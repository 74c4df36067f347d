"""A NAD's status is right, whatever happened before, and it is written seldom."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.errors import TryAgainError
from netattach_core.validation.settings import ValidationSettings
from netattach_core.validation.validator import validate
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.resource import EVENTS, INVENTORIES, NADS, NODES
from netattach_operator import reconciler
from support.validation import bridge, macvlan
from unit.operator.scene import BROKEN, SOUND, A, Scene, nad, played, running


def test_the_verdict_is_written_to_the_status_alone() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())

        await scene.reconcile()

        (patch,) = scene.patches()
        assert "/apis/k8s.cni.cncf.io/v1/namespaces/ns/network-attachment-definitions/a/status" == patch.path
        assert {"metadata", "status"} == patch.body.keys()
        assert ("True", "bridge", "host-local") == (
            scene.valid(),
            *(scene.status()[key] for key in ("plugins", "ipam")),
        )

    played(act)


def test_a_status_that_is_right_is_not_written() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.reconcile()

        await scene.reconcile()

        assert 1 == len(scene.patches())

    played(act)


def test_only_changed_fields_are_written() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        scene.put_pods("n1")
        await scene.start()
        await scene.reconcile()
        assert 0 == scene.status()["pods"]
        scene.put_pods("n1", a=1)

        await scene.reconcile()

        assert {"pods": 1} == scene.patches()[-1].body["status"]

    played(act)


def test_pods_are_not_counted_before_all_inventories_are_known() -> None:
    """A new leader would write a number that is too small."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(status={"pods": 7}))
        scene.put_pods("n1", a=5)

        await scene.reconcile()
        assert 7 == scene.status()["pods"]
        scene.view.readiness.start()
        await scene.reconcile()
        assert 5 == scene.status()["pods"]

    played(act)


def test_pods_are_the_sum_over_the_nodes_that_are_there() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.start()
        for node, count in (("n1", 3), ("n2", 4), ("gone", 5)):
            scene.put_pods(node, a=count, b=9)
        await scene.reconcile()
        assert 12 == scene.status()["pods"]

        scene.server.delete(NODES, "gone")
        scene.put_pods("n2", b=9)
        await scene.reconcile()
        assert 3 == scene.status()["pods"]
        scene.server.delete(INVENTORIES, "n1")
        await scene.reconcile()
        assert 0 == scene.status()["pods"]

    played(act)


@pytest.mark.parametrize(
    ("networks", "pods"),
    [
        pytest.param([{"network": "ns/a", "pods": -7}], 2, id="below zero"),
        pytest.param([{"network": "ns/a", "pods": 10**30}], 100_002, id="more than a node can run"),
        pytest.param([{"network": "ns/a", "pods": 9}, {"network": "ns/a", "pods": 1}], 3, id="twice"),
        pytest.param([{"network": name, "pods": 1} for name in ("a", "/", "", "x/y/z")], 2, id="no names"),
        pytest.param([{"pods": 1}], 2, id="no inventory"),
    ],
)
def test_a_forged_inventory_neither_lowers_the_number_nor_stops_it(networks: Any, pods: int) -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.start()
        scene.put_pods("sound", a=2)
        scene.put_node("forged", "eth0", attached={"pods": 1, "networks": networks})
        await scene.reconcile()
        assert pods == scene.status()["pods"]

        scene.put_pods("forged")
        await scene.reconcile()
        assert 2 == scene.status()["pods"]

    played(act)


def test_a_changed_pod_does_not_validate_the_nad_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation takes a millisecond and more, and pods come and go."""

    async def act(scene: Scene) -> None:
        validated: list[Any] = []

        def recorded(body: Any, nodes: Any, **more: Any) -> Any:
            validated.append(nodes)
            return validate(body, nodes, **more)

        monkeypatch.setattr(reconciler, "validate", recorded)
        scene.server.put(NADS, nad())
        scene.put_pods("n0")
        await scene.start()
        await scene.reconcile()
        scene.put_pods("n0", a=1)
        await scene.reconcile()
        assert 1 == len(validated)

        scene.server.put(NADS, nad(BROKEN))
        await scene.reconcile()
        scene.server.put(INVENTORIES, {"metadata": {"name": "n1"}, "status": {"plugins": [{"name": "x"}]}})
        await scene.reconcile()

        assert [1, 1, 2] == [nodes and len(nodes) for nodes in validated]

    played(act)


def test_the_nad_is_validated_against_the_nodes() -> None:
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


def test_a_configuration_that_is_too_long_is_not_read() -> None:
    """The webhooks refuse it; it was created without them."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(SOUND + " " * 40_000))

        await scene.reconcile()

        reasons = {each["type"]: each["reason"] for each in scene.status()["conditions"]}
        assert {"ConfigTooLong"} == {reasons["Valid"], reasons["Permitted"]}

    played(act)


def test_an_event_reports_when_a_nad_becomes_invalid_and_valid_again() -> None:
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


def test_a_nad_that_was_invalid_before_the_operator_ran_gets_an_event() -> None:
    """It is older than the webhook."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(BROKEN))

        await scene.reconcile()

        assert "False" == scene.valid()
        assert [("Warning", "Invalid")] == scene.events()

    played(act)


def test_an_event_that_cannot_be_written_is_not_retried() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(BROKEN))
        scene.server.fail(500, path="events", method="POST")

        await scene.reconcile()

        assert "False" == scene.valid()

    played(act)


def test_a_nad_that_is_being_deleted_is_not_written() -> None:
    async def act(scene: Scene) -> None:
        body = nad()
        body["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
        scene.server.put(NADS, body)

        await scene.reconcile()

        assert [] == scene.patches()

    played(act)


def test_a_deleted_nad_is_forgotten() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.reconcile()
        assert 1 == scene.counted("true")
        scene.server.delete(NADS, "a", "ns")

        await scene.reconcile()

        assert 0 == scene.counted("true")

    played(act)


def test_a_nad_that_is_deleted_before_the_write_is_forgotten() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.list_all()
        scene.server.delete(NADS, "a", "ns")

        with pytest.raises(TryAgainError, match="not found"):
            await scene.reconciler.reconcile(A)
        await scene.reconciler.reconcile(A)

        assert [] == list(scene.view.nads.items())
        assert 1 == len(scene.patches())

    played(act)


def test_a_crd_without_status_is_retried_and_the_nad_is_kept() -> None:
    """Another manager has applied upstream's CRD."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        scene.server.fail(404, "the server could not find the requested resource", method="PATCH")

        with pytest.raises(TryAgainError, match="could not find"):
            await scene.reconcile()

        assert [A] == list(scene.view.nads.items())
        await scene.reconcile()
        assert "True" == scene.valid()

    played(act)


def test_what_another_writer_has_written_meanwhile_is_kept() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        await scene.list_all()
        ready = {"type": "Ready", "status": "True"}
        scene.server.put(NADS, nad(status={"conditions": [ready]}))

        with pytest.raises(TryAgainError, match="has been modified"):
            await scene.reconciler.reconcile(A)
        await scene.reconciler.reconcile(A)

        assert ["Valid", "Permitted", "Ready"] == [one["type"] for one in scene.status()["conditions"]]

    played(act)


def test_changed_settings_validate_the_nad_again() -> None:
    config = json.dumps(bridge(vlan=4095))

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad(config))
        await scene.reconcile()
        assert "False" == scene.valid()
        scene.view.use_settings(ClusterSettings(validation=ValidationSettings(warn_only=True)))
        await scene.reconcile()
        assert "True" == scene.valid()
        assert "ValidWithWarnings" == scene.status()["conditions"][0]["reason"]

    played(act)


def test_a_nad_is_written_once_in_a_while_however_often_it_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each write is sent to all that watch NADs."""
    monkeypatch.setattr(reconciler, "_ONE_WRITE_IN", 3600)
    monkeypatch.setattr(reconciler, "_WRITES_AT_ONCE", 1)

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        async with running(scene):
            await scene.server.asked("PATCH")
            for config in (BROKEN, SOUND, BROKEN):
                scene.server.put(NADS, nad(config))
                await scene.list_all()
            scene.server.put(NADS, nad(name="b"))
            await scene.list_all()
            await scene.server.until(lambda: scene.valid("b") == "True")

        assert 2 == len(scene.patches())

    played(act)


def test_a_change_during_the_hold_is_written_after_it() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        async with running(scene):
            await scene.server.until(lambda: scene.valid() == "True")
            scene.server.put(NADS, nad(BROKEN))
            await scene.list_all()
            await scene.server.until(lambda: scene.valid() == "False")

    played(act)


@pytest.mark.parametrize("status", [409, 422, 429, 500, 503])
def test_a_write_that_fails_is_retried(status: int) -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        scene.server.fail(status, method="PATCH", times=3)
        async with running(scene):
            await scene.server.until(lambda: scene.valid() == "True")

        assert 4 == len(scene.patches())
        assert 3 == scene.metrics.registry.get_sample_value("netattach_reconcile_failures_total")

    played(act)


def test_back_off_grows_until_a_success() -> None:
    async def act(scene: Scene) -> None:
        assert [0.01, 0.02, 0.04, 0.05, 0.05] == [scene.reconciler._retry(A) for _ in range(5)]
        scene.server.put(NADS, nad())
        await scene.list_all()

        await scene.reconciler._try(A)

        assert 0.01 == scene.reconciler._retry(A)

    played(act)


def test_an_internal_error_with_one_nad_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def act(scene: Scene) -> None:
        def failing(body: Any, nodes: Any, **more: Any) -> Any:
            if body["metadata"]["name"] == "a":
                raise ZeroDivisionError
            return validate(body, nodes, **more)

        monkeypatch.setattr(reconciler, "validate", failing)
        scene.server.put(NADS, nad())
        scene.server.put(NADS, nad(name="b"))
        async with running(scene):
            await scene.server.until(lambda: scene.valid("b") == "True")

        assert "internal error: the status of NAD ns/a is not written" in caplog.text

    played(act)


def test_a_changed_pod_updates_the_nads_that_it_used_and_uses() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        scene.server.put(NADS, nad(name="b"))
        async with running(scene):
            scene.view.readiness.start()
            scene.put_pods("n1", a=1)
            await scene.list_all()
            await scene.server.until(lambda: scene.status().get("pods") == 1)
            scene.put_pods("n1", b=1, missing=1)
            await scene.list_all()
            await scene.server.until(
                lambda: (scene.status()["pods"], scene.status("b").get("pods")) == (0, 1)
            )

    played(act)


def test_a_changed_node_validates_all_nads_again() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad())
        async with running(scene):
            await scene.server.until(lambda: scene.valid() == "True")
            scene.server.put(
                INVENTORIES, {"metadata": {"name": "n1"}, "status": {"plugins": [{"name": "x"}]}}
            )
            await scene.list_all()
            await scene.server.until(lambda: scene.valid() == "False")

    played(act)

"""What the view keeps of an object, and which changes queue which NADs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, cast

import pytest

from netattach_core.api.objects import Key
from netattach_core.validation.settings import ValidationSettings
from netattach_kube.api import Api
from netattach_kube.cluster_settings import ClusterSettings
from netattach_operator import view as view_module
from netattach_operator.cluster_nodes import ClusterNode
from netattach_operator.kopf_watches import KopfWatches
from netattach_operator.view import View
from netattach_operator.work_queue import WorkQueue

A = ("ns", "a")


def nad(name: str = "a") -> dict[str, Any]:
    return {
        "metadata": {"namespace": "ns", "name": name, "resourceVersion": "1"},
        "spec": {"config": ""},
    }


def inventory(name: str = "n1", version: int = 1, **status: Any) -> dict[str, Any]:
    metadata = {"name": name, "resourceVersion": str(version)}
    return {"metadata": metadata, "status": {"interfaces": [{"name": "eth0"}], **status}}


class Scene:
    """A view with one NAD, and a queue on a clock that stands still."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self.runner = runner
        self.now = 100.0
        self.queue = WorkQueue(lambda: self.now)
        self.view = View(cast("Api", None), KopfWatches(lambda _: None), self.queue)
        self.view.nads.put(nad())
        assert {A} == self.due(0)

    def due(self, after: float) -> set[Key]:
        """The keys that are due so many seconds from now; they are removed."""

        async def take() -> set[Key]:
            keys: set[Key] = set()
            try:
                async with asyncio.timeout(0):
                    while True:
                        keys.add(key := await self.queue.get())
                        self.queue.done(key)
            except TimeoutError:
                return keys

        self.now += after
        return self.runner.run(take())


@pytest.fixture
def scene() -> Iterator[Scene]:
    with asyncio.Runner() as runner:
        yield Scene(runner)


def test_nodes_are_sorted_by_name(scene: Scene) -> None:
    for number, name in enumerate(("n3", "n1", "n2"), 1):
        scene.view.inventories.put(inventory(name, number))

    assert ["n1", "n2", "n3"] == [node.node for node in scene.view.nodes or ()]


def test_without_inventories_nodes_are_unknown(scene: Scene) -> None:
    assert scene.view.nodes is None


def test_an_invalid_inventory_is_skipped(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.view.inventories.put(inventory(interfaces=[{"mtu": 3}]))

    assert scene.view.nodes is None
    assert "NodeNetworkInventory /n1 is skipped" in caplog.text


@pytest.mark.parametrize(
    ("status", "changes"),
    [
        pytest.param({"cniStatus": {"ready": True, "time": "now"}}, 0, id="the default network's STATUS"),
        pytest.param({"attached": {"pods": 1}}, 0, id="pods"),
        pytest.param({"unmetPods": {"total": 1}}, 0, id="pods without their networks"),
        pytest.param({"probe": {"succeeded": True}}, 0, id="a probe"),
        pytest.param({"bootID": "b"}, 0, id="a boot"),
        pytest.param({"interfaces": [{"name": "eth0", "mac": "0a:00:00:00:00:01"}]}, 1, id="a MAC"),
        pytest.param({"interfaces": [{"name": "eth0", "mtu": 9000}]}, 1, id="an MTU"),
        pytest.param({"interfaces": []}, 1, id="an interface"),
        pytest.param({"plugins": [{"name": "bridge"}]}, 1, id="a plugin"),
        pytest.param(
            {"defaultInterfaces": [{"name": "eth0", "reasons": ["is"]}]}, 1, id="the default interface"
        ),
    ],
)
def test_only_what_validation_and_policy_read_is_a_change(
    scene: Scene, status: dict[str, Any], changes: int
) -> None:
    scene.view.inventories.put(inventory(version=2))
    before = scene.view.nodes_version

    scene.view.inventories.put(inventory(version=3, **status))

    assert changes == scene.view.nodes_version - before


def test_an_address_is_a_change(scene: Scene) -> None:
    """The cluster's own addresses must not be those of a network."""
    versions = []
    for number, addresses in enumerate(([], ["10.0.0.1/24"], ["10.0.0.2/24", "fd00::2/64"]), 2):
        scene.view.inventories.put(
            inventory(version=number, interfaces=[{"name": "e", "addresses": addresses}])
        )
        versions.append(scene.view.nodes_version)

    assert [1, 2, 3] == versions


def test_a_changed_inventory_queues_all_nads_after_a_pause(scene: Scene) -> None:
    scene.view.nads.put(nad("b"))
    assert {("ns", "b")} == scene.due(0)
    scene.view.inventories.synced.set()

    scene.view.inventories.put(inventory())

    assert set() == scene.due(0)
    assert {A, ("ns", "b")} == scene.due(view_module._INVENTORY_DEBOUNCE)


def test_inventories_that_are_listed_at_the_start_queue_nothing(scene: Scene) -> None:
    """All NADs are queued then."""
    scene.view.inventories.put(inventory())

    assert set() == scene.due(view_module._INVENTORY_DEBOUNCE)


def test_another_number_of_pods_queues_the_nad_after_a_pause(scene: Scene) -> None:
    scene.view.cluster_nodes._nodes._set(("", "n1"), ClusterNode({}, {}, tainted=False, boot_id=""))
    scene.view.readiness.start()
    scene.view.inventories.put(inventory())
    scene.due(view_module._INVENTORY_DEBOUNCE)
    networks = [{"network": name, "pods": 1} for name in ("ns/a", "ns/missing")]

    scene.view.inventories.put(inventory(version=2, attached={"pods": 1, "networks": networks}))

    assert set() == scene.due(0)
    assert {A} == scene.due(view_module._POD_DEBOUNCE)


def test_changed_settings_queue_all_nads_at_once(scene: Scene) -> None:
    scene.view.use_settings(ClusterSettings(validation=ValidationSettings(warn_only=True)))

    assert {A} == scene.due(0)
    scene.view.use_settings(ClusterSettings(validation=ValidationSettings(warn_only=True)))
    assert set() == scene.due(0)


def test_the_view_is_ready_once_nads_inventories_and_settings_are_listed(scene: Scene) -> None:
    view = scene.view
    nodes = view.cluster_nodes
    for informer in (
        view.nads,
        view.inventories,
        view._live_settings,
        view.namespaces,
        nodes._nodes,
        nodes._daemons,
    ):
        assert "NADs, namespaces, nodes and the settings have not been listed yet" == view.problem()
        informer.synced.set()

    assert view.problem() is None


def test_of_a_nad_only_the_needed_fields_are_kept(scene: Scene) -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    full = nad()
    full["metadata"] |= {"resourceVersion": "2", "managedFields": [{}], "annotations": annotations}
    full["metadata"] |= {"uid": "u", "labels": {}}

    scene.view.nads.put(full)

    metadata = {"namespace": "ns", "name": "a", "resourceVersion": "2", "uid": "u", "annotations": {"a": "b"}}
    assert {"metadata": metadata, "spec": {"config": ""}, "status": {}} == scene.view.nads.get(*A)

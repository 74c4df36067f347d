"""The port Store: one suite for all implementations: files, the API, and the twin of other tests."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest

from netattach_core.api import inventory, networks_annotation
from netattach_core.api.inventory import NodeInventory, Plugin
from netattach_core.api.pod import Pod, PodRef
from netattach_core.errors import ConfigError, NetattachError, NotFoundError
from netattach_kube.resource import INVENTORIES, NADS, NODES, PODS
from netattach_plugin.cluster.file_store import FileStore
from netattach_plugin.cluster.kube_store import KubeStore
from netattach_plugin.ports import Store
from support import api_server
from support.api_server import ApiServer
from support.twins import MemoryStore

T = TypeVar("T")
Story = Callable[[Store], Coroutine[Any, Any, T]]


class Harness(Protocol):
    """A store, and another client of what it reads."""

    def create(self, body: dict[str, Any]) -> None:
        """As `kubectl create`."""

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """As `kubectl get -o json`."""

    def run(self, story: Story[T]) -> T:
        """Runs a story with the store."""


class FileHarness:
    """Files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(self, story: Story[T]) -> T:
        return asyncio.run(story(FileStore(self.directory)))

    def create(self, body: dict[str, Any]) -> None:
        folder = {"Pod": "pods", "NetworkAttachmentDefinition": "nads"}[body["kind"]]
        path = self.directory / folder / body["metadata"]["namespace"] / f"{body['metadata']['name']}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(body))

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        folder = {"Pod": "pods", "NodeNetworkInventory": "nodes"}[kind]
        body: dict[str, Any] = json.loads((self.directory / folder / namespace / f"{name}.json").read_text())
        return body


class MemoryHarness:
    """The twin of the engine's tests."""

    def __init__(self, _: Path) -> None:
        self.memory = MemoryStore()
        self.create = self.memory.create
        self.read = self.memory.read

    def run(self, story: Story[T]) -> T:
        return asyncio.run(story(self.memory))


RESOURCES = {"Pod": PODS, "NetworkAttachmentDefinition": NADS, "NodeNetworkInventory": INVENTORIES}


class ApiHarness:
    """The API without watches: each read is a GET."""

    watching = False

    def __init__(self, _: Path) -> None:
        self.objects: dict[tuple[str, str, str], dict[str, Any]] = {}

    def create(self, body: dict[str, Any]) -> None:
        metadata = body["metadata"]
        self.objects[body["kind"], metadata.get("namespace", ""), metadata["name"]] = body

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """Without the fields that the server adds."""
        body = self.objects[kind, namespace, name]
        if kind == "NodeNetworkInventory":
            return {**body["status"], "node": name}
        for added in ("resourceVersion", "creationTimestamp", "generation"):
            body["metadata"].pop(added, None)
        return body

    def run(self, story: Story[T]) -> T:
        result: list[T] = []
        try:
            asyncio.run(self._run(story, result))
        except* NetattachError as errors:
            raise errors.exceptions[0] from None
        return result[0]

    async def _run(self, story: Story[T], result: list[T]) -> None:
        async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
            server.put(NODES, {"metadata": {"name": "node1"}})
            for (kind, _, _), body in self.objects.items():
                server.put(RESOURCES[kind], {**body, "spec": {**body["spec"], "nodeName": "node1"}})
            store = KubeStore(
                server.api, "node1", {"kernel": "6.1", "versions": {"daemon": "1", "shim": "1"}}
            )
            watches = tasks.create_task(store.run() if self.watching else asyncio.sleep(0))
            if self.watching:
                await server.asked("WATCH", times=2)
                await server.until(store.synced.is_set)
            try:
                result.append(await story(store))
            finally:
                watches.cancel()
                self._keep_objects(server)

    def _keep_objects(self, server: ApiServer) -> None:
        for kind, resource in RESOURCES.items():
            for body in server.all(resource):
                key = (kind, body["metadata"].get("namespace", ""), body["metadata"]["name"])
                with suppress(KeyError):
                    body["spec"].pop("nodeName")
                self.objects[key] = body


class WatchHarness(ApiHarness):
    """The API, with all objects from watches."""

    watching = True


HARNESSES: dict[str, Callable[[Path], Harness]] = {
    "files": FileHarness,
    "memory": MemoryHarness,
    "api": ApiHarness,
    "api, watched": WatchHarness,
}


@pytest.fixture(params=list(HARNESSES.values()), ids=list(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Each implementation."""
    made: Harness = request.param(tmp_path)
    return made


def _pod(uid: str = "u1", **annotations: str) -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": "p", "uid": uid, "annotations": annotations, "labels": {"a": "b"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"x": 1}}


def _nad(config: Any = '{"type": "macvlan"}') -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": "n", "annotations": {"k": "v"}}
    return {"kind": "NetworkAttachmentDefinition", "metadata": metadata, "spec": {"config": config}}


def test_a_nad_is_found_with_its_text_byte_for_byte(harness: Harness) -> None:
    """Also one that was created a moment ago."""
    assert None is harness.run(lambda store: store.nad("ns", "n"))

    harness.create(_nad('{ "type" :"macvlan"\n}'))

    found = harness.run(lambda store: store.nad("ns", "n"))
    assert found is not None
    assert (("ns", "n"), '{ "type" :"macvlan"\n}', {"k": "v"}) == (
        (found.namespace, found.name),
        found.config,
        found.annotations,
    )


def test_a_nad_belongs_to_its_namespace(harness: Harness) -> None:
    """The same name elsewhere is another network."""
    harness.create(_nad())

    assert None is harness.run(lambda store: store.nad("other", "n"))


def test_a_pod_is_found_by_its_uid(harness: Harness) -> None:
    """A StatefulSet creates pods of the same name with other annotations."""
    harness.create(_pod("u1", **{networks_annotation.NETWORKS: "n"}))

    assert Pod(PodRef("ns", "p", "u1"), {networks_annotation.NETWORKS: "n"}) == harness.run(
        lambda store: store.pod(PodRef("ns", "p", "u1"))
    )
    assert None is harness.run(lambda store: store.pod(PodRef("ns", "p", "u2")))
    assert None is harness.run(lambda store: store.pod(PodRef("ns", "q")))


def test_without_a_uid_a_pod_is_found_by_name(harness: Harness) -> None:
    """With its UID."""
    harness.create(_pod("u1"))

    found = harness.run(lambda store: store.pod(PodRef("ns", "p")))

    assert found is not None
    assert "u1" == found.ref.uid


def test_the_status_is_written_and_nothing_else_is_changed(harness: Harness) -> None:
    """Multus drops fields of the status that its client does not have."""
    before = _pod("u1", key="value")
    harness.create(before)

    harness.run(lambda store: store.write_status(PodRef("ns", "p", "u1"), "[]"))

    before["metadata"]["annotations"][networks_annotation.NETWORK_STATUS] = "[]"
    assert before == harness.read("Pod", "ns", "p")


def test_the_status_of_a_pod_without_annotations(harness: Harness) -> None:
    """The key may be absent, or null."""
    body = _pod("u1")
    body["metadata"]["annotations"] = None
    harness.create(body)

    harness.run(lambda store: store.write_status(PodRef("ns", "p", "u1"), "[]"))

    assert {networks_annotation.NETWORK_STATUS: "[]"} == harness.read("Pod", "ns", "p")["metadata"][
        "annotations"
    ]


@pytest.mark.parametrize("ref", [PodRef("ns", "p", "u2"), PodRef("ns", "q", "u1")])
def test_the_status_of_a_pod_that_is_gone_is_refused(harness: Harness, ref: PodRef) -> None:
    """A later pod of the same name must not get it."""
    harness.create(_pod("u1"))

    with pytest.raises(NotFoundError):
        harness.run(lambda store: store.write_status(ref, "[]"))
    assert _pod("u1") == harness.read("Pod", "ns", "p")


def test_a_nad_whose_config_is_no_text_is_an_error_and_not_missing(harness: Harness) -> None:
    """The message has to name the NAD."""
    harness.create(_nad({"type": "macvlan"}))

    with pytest.raises(ConfigError):
        harness.run(lambda store: store.nad("ns", "n"))


def test_the_inventory_is_published(harness: Harness) -> None:
    """As it was collected."""
    published = NodeInventory("node1", plugins=(Plugin("macvlan", ("1.1.0",)),))

    harness.run(lambda store: store.publish_inventory(published))

    assert published == inventory.from_dict(harness.read("NodeNetworkInventory", "", "node1"))


def test_a_file_that_is_garbage_is_an_error_and_not_missing(tmp_path: Path) -> None:
    """Files only: the API returns no garbage."""
    harness = FileHarness(tmp_path)
    harness.create(_nad())
    (tmp_path / "nads/ns/n.json").write_text("{")

    with pytest.raises(ConfigError, match="is not JSON"):
        harness.run(lambda store: store.nad("ns", "n"))

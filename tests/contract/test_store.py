"""The store's port: one suite for whatever fills it, files today and the API next."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from netattach_core import annotation, inventory
from netattach_core.errors import ConfigError, NotFoundError
from netattach_core.inventory import NodeInventory, Plugin
from netattach_core.nad import Nad
from netattach_core.pod import Pod, PodRef
from netattach_plugin.ports import Store
from netattach_plugin.store import FileStore
from support.twins import MemoryStore


class Harness(Protocol):
    """A store and the hand of somebody else on what it reads."""

    store: Store

    def create(self, body: dict[str, Any]) -> None:
        """As `kubectl create`."""

    def read(self, kind: str, namespace: str, name: str) -> dict[str, Any]:
        """As `kubectl get -o json`."""


class FileHarness:
    """Files."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store: Store = FileStore(directory)

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
    """The twin that the engine's tests use: it has to keep the same promises."""

    def __init__(self, _: Path) -> None:
        self.memory = MemoryStore()
        self.store: Store = self.memory
        self.create = self.memory.create
        self.read = self.memory.read


HARNESSES: dict[str, Callable[[Path], Harness]] = {"files": FileHarness, "memory": MemoryHarness}


@pytest.fixture(params=list(HARNESSES.values()), ids=list(HARNESSES))
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Harness:
    """Each way to fill the port."""
    made: Harness = request.param(tmp_path)
    return made


def _pod(uid: str = "u1", **annotations: str) -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": "p", "uid": uid, "annotations": annotations, "labels": {"a": "b"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"x": 1}}


def _nad(config: Any = '{"type": "macvlan"}') -> dict[str, Any]:
    metadata = {"namespace": "ns", "name": "n", "annotations": {"k": "v"}}
    return {"kind": "NetworkAttachmentDefinition", "metadata": metadata, "spec": {"config": config}}


def test_a_nad_is_found_with_its_text_byte_for_byte(harness: Harness) -> None:
    """One that was created just now included."""
    assert None is asyncio.run(harness.store.nad("ns", "n"))

    harness.create(_nad('{ "type" :"macvlan"\n}'))

    assert Nad("ns", "n", '{ "type" :"macvlan"\n}', {"k": "v"}) == asyncio.run(harness.store.nad("ns", "n"))


def test_a_nad_belongs_to_its_namespace(harness: Harness) -> None:
    """The same name elsewhere is another network."""
    harness.create(_nad())

    assert None is asyncio.run(harness.store.nad("other", "n"))


def test_a_pod_is_found_by_its_uid(harness: Harness) -> None:
    """A StatefulSet's pod comes again under the same name: the old one's annotations are not the new one's."""
    harness.create(_pod("u1", key="value"))

    assert Pod(PodRef("ns", "p", "u1"), {"key": "value"}) == asyncio.run(
        harness.store.pod(PodRef("ns", "p", "u1"))
    )
    assert None is asyncio.run(harness.store.pod(PodRef("ns", "p", "u2")))
    assert None is asyncio.run(harness.store.pod(PodRef("ns", "q")))


def test_a_runtime_that_gives_no_uid_gets_the_pod_by_name(harness: Harness) -> None:
    """And learns its UID."""
    harness.create(_pod("u1"))

    found = asyncio.run(harness.store.pod(PodRef("ns", "p")))

    assert found is not None
    assert "u1" == found.ref.uid


def test_the_status_is_written_and_nothing_else_is_changed(harness: Harness) -> None:
    """Multus' way of writing it wipes fields that it does not know."""
    before = _pod("u1", key="value")
    harness.create(before)

    asyncio.run(harness.store.write_status(PodRef("ns", "p", "u1"), "[]"))

    before["metadata"]["annotations"][annotation.NETWORK_STATUS] = "[]"
    assert before == harness.read("Pod", "ns", "p")


def test_the_status_of_a_pod_without_annotations(harness: Harness) -> None:
    """The key may be absent, or null."""
    body = _pod("u1")
    body["metadata"]["annotations"] = None
    harness.create(body)

    asyncio.run(harness.store.write_status(PodRef("ns", "p", "u1"), "[]"))

    assert {annotation.NETWORK_STATUS: "[]"} == harness.read("Pod", "ns", "p")["metadata"]["annotations"]


@pytest.mark.parametrize("ref", [PodRef("ns", "p", "u2"), PodRef("ns", "q", "u1")])
def test_the_status_of_a_pod_that_is_gone_is_refused(harness: Harness, ref: PodRef) -> None:
    """Its successor of the same name must not get it."""
    harness.create(_pod("u1"))

    with pytest.raises(NotFoundError):
        asyncio.run(harness.store.write_status(ref, "[]"))
    assert _pod("u1") == harness.read("Pod", "ns", "p")


def test_a_nad_whose_config_is_no_text_is_an_error_and_not_missing(harness: Harness) -> None:
    """The message has to send the reader to the NAD."""
    harness.create(_nad({"type": "macvlan"}))

    with pytest.raises(ConfigError):
        asyncio.run(harness.store.nad("ns", "n"))


def test_the_inventory_is_published(harness: Harness) -> None:
    """As it was gathered."""
    published = NodeInventory("node1", plugins=(Plugin("macvlan", ("1.1.0",)),))

    asyncio.run(harness.store.publish_inventory(published))

    assert published == inventory.from_dict(harness.read("NodeNetworkInventory", "", "node1"))


def test_a_file_that_is_garbage_is_an_error_and_not_missing(tmp_path: Path) -> None:
    """Of the files only: the API serves no garbage."""
    harness = FileHarness(tmp_path)
    harness.create(_nad())
    (tmp_path / "nads/ns/n.json").write_text("{")

    with pytest.raises(ConfigError, match="is not JSON"):
        asyncio.run(harness.store.nad("ns", "n"))

"""The benchmark's API server: what the daemons rely on."""

import asyncio

import pytest

from compare.api_server import Objects, merged, replaced

POD = {"metadata": {"name": "a", "namespace": "default"}, "spec": {"nodeName": "node1"}}
KEY = b"k8s.v1.cni.cncf.io/network-status"


def test_each_change_has_a_newer_version() -> None:
    objects = Objects()

    versions = [int(objects.put("pods", POD)["metadata"]["resourceVersion"]) for _ in range(3)]

    assert sorted(set(versions)) == versions


def test_a_watch_gets_the_changes_of_the_objects_that_it_selects() -> None:
    async def watched() -> list[str]:
        objects = Objects()
        watch = objects.watch("pods", "", "spec.nodeName=node1")
        objects.put("pods", POD)
        objects.put(
            "pods", {**POD, "spec": {"nodeName": "node2"}, "metadata": {"name": "b", "namespace": "default"}}
        )
        objects.put("pods", POD)
        objects.delete("pods", "default", "a")
        return [watch.events.get_nowait()["type"] for _ in range(watch.events.qsize())]

    assert ["ADDED", "MODIFIED", "DELETED"] == asyncio.run(watched())


def test_a_merge_patch_keeps_what_it_does_not_name_and_removes_what_is_null() -> None:
    assert {"a": {"b": 1, "d": 3}} == merged({"a": {"b": 1, "c": 2}}, {"a": {"c": None, "d": 3}})


@pytest.mark.parametrize("length", [5, 300])
def test_the_status_that_multus_sends_as_protobuf_is_in_the_pod(length: int) -> None:
    text = b"x" * length
    size = bytes([length]) if length < 128 else bytes([length & 0x7F | 0x80, length >> 7])
    content = b"k8s\x00\x0a\x21" + KEY + b"\x12" + size + text + b"\x1a\x00"

    assert text.decode() == replaced(POD, content)["metadata"]["annotations"][KEY.decode()]


def test_a_cut_off_protobuf_message_is_an_empty_status() -> None:
    assert "" == replaced(POD, b"k8s\x00" + KEY + b"\x12\xff")["metadata"]["annotations"][KEY.decode()]

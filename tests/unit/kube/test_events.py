"""Events: their form, size and namespace."""

import asyncio

from netattach_kube import events
from netattach_kube.events import Subject
from netattach_kube.resource import EVENTS, NADS, NODES
from support import api_server


def test_an_event_is_in_the_namespace_of_its_object() -> None:
    subject = Subject(NADS, "macvlan", "team", "uid-1")
    body = events.event(
        subject, kind=events.WARNING, reason="Invalid", message="m", source={"component": "c"}
    )

    assert "team" == body["metadata"]["namespace"]
    assert {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "name": "macvlan",
        "namespace": "team",
        "uid": "uid-1",
    } == body["involvedObject"]


def test_a_long_message_is_cut_to_what_the_server_accepts() -> None:
    subject = Subject(NODES, "n" * 253)
    body = events.event(subject, kind=events.NORMAL, reason="R", message="ä" * 1000, source={})

    assert len(body["message"].encode()) <= 1024
    assert body["message"].endswith("ä…")
    assert len(body["metadata"]["name"]) <= 253


def test_an_event_on_a_cluster_scoped_object_is_in_the_default_namespace() -> None:
    async def story() -> None:
        async with api_server.serving() as server:
            subject = Subject(NODES, "n")
            await events.post(server.api, subject, kind=events.NORMAL, reason="R", message="m", source={})

            assert ["default"] == [e["metadata"]["namespace"] for e in server.all(EVENTS)]

    asyncio.run(story())

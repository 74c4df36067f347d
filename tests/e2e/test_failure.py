"""A pod with an unknown network that no webhook has denied."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from e2e.lab.cluster import Cluster
from e2e.objects import HOST_LOCAL, config, created, leftovers, nad, pod


@pytest.fixture
def bypassed(installed: Cluster) -> Iterator[Cluster]:
    """The cluster without our webhooks, as after an emergency removal."""
    installed.kubectl("delete", "validatingwebhookconfiguration", "netattach")
    yield installed
    installed.kubectl("delete", "pods,network-attachment-definitions", "--all")
    installed.install()


def test_an_unknown_network_is_an_event_with_the_reason_and_leaves_nothing(bypassed: Cluster) -> None:
    created(bypassed, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    created(bypassed, pod("lost", "second,nowhere"))
    reason = "there is no NetworkAttachmentDefinition 'nowhere' in namespace 'default'"
    bypassed.eventually(lambda: reason in bypassed.events("lost", "FailedAttachment"), "our event")
    bypassed.eventually(
        lambda: reason in bypassed.events("lost", "FailedCreatePodSandBox"), "the kubelet's event"
    )

    assert "Pending" == bypassed.read("pod", "lost")["status"]["phase"]
    assert {} == leftovers(bypassed, "node1")


def test_a_pod_starts_once_its_network_exists(bypassed: Cluster) -> None:
    created(bypassed, pod("early", "second"))
    bypassed.eventually(lambda: bypassed.events("early", "FailedAttachment"), "our event")
    created(bypassed, nad("second", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    bypassed.wait_ready("early", seconds=120)


def test_a_network_older_than_the_webhook_is_validated_in_its_status(bypassed: Cluster) -> None:
    created(bypassed, nad("old", config(type="macvlann", master="eth1")))
    bypassed.eventually(lambda: _valid(bypassed, "old") == "False", "status")
    condition = bypassed.read("nad", "old")["status"]["conditions"][0]

    assert "did you mean `macvlan`?" in condition["message"]
    assert "False" in bypassed.kubectl("get", "net-attach-def", "old").stdout
    bypassed.kubectl("patch", "nad", "old", "--type=merge", f"--patch={json.dumps(_fixed())}")
    bypassed.eventually(lambda: _valid(bypassed, "old") == "True", "status")


def _fixed() -> dict[str, dict[str, str]]:
    return {"spec": {"config": config(type="macvlan", master="eth1", ipam=HOST_LOCAL)}}


def _valid(cluster: Cluster, name: str) -> str:
    conditions = cluster.read("nad", name).get("status", {}).get("conditions", [])
    return next((c["status"] for c in conditions if c["type"] == "Valid"), "")

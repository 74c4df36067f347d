"""From the previous release to this one and back, by `kubectl apply -k`: under load, and with programs of both releases."""

from __future__ import annotations

import base64
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.lab.cluster import CONTROL, NODE, Cluster
from e2e.lab.places import REPOSITORY
from e2e.objects import address, config, created, leftovers, links, nad, pings, pod, wait_webhooks
from e2e.pod_load import PodLoad
from netattach_core.version import VERSION
from support import previous_release

NODES = {"node1": 100, "node2": 150}
"""The first host number of each node's addresses: the nodes share a switch, and do not know each other's leases."""

PODS = 100
"""Pods that start while one release replaces the other."""


def _ipam(subnet: str, node: str) -> dict[str, Any]:
    first = NODES[node]
    ends = {"rangeStart": f"{subnet}.{first}", "rangeEnd": f"{subnet}.{first + 49}"}
    return {"type": "host-local", "subnet": f"{subnet}.0/24", **ends}


def _networks(node: str) -> Iterator[dict[str, Any]]:
    yield nad(f"data-{node}", config(type="macvlan", master="eth1", ipam=_ipam("10.0.3", node)))
    bridge = {"type": "bridge", "bridge": "mybr0", "ipam": _ipam("10.0.4", node)}
    chain = {"cniVersion": "1.0.0", "plugins": [bridge, {"type": "tuning", "mtu": 1400}]}
    yield nad(f"chain-{node}", json.dumps(chain))


def _both(node: str) -> str:
    return f"data-{node},chain-{node}"


def _deploy(release: str) -> Path:
    """Its manifests."""
    return (REPOSITORY if release == VERSION else previous_release.source()) / "deploy"


@pytest.fixture(scope="module")
def images(cluster: Cluster, image: Path) -> Iterator[Cluster]:
    """Of both releases, and nothing is installed; afterwards this release is, for other tests."""
    cluster.load(previous_release.image())
    cluster.load(image)
    if cluster.installed:
        cluster.uninstall()
    yield cluster
    cluster.kubectl("delete", "pods,network-attachment-definitions", "--all", check=False)
    cluster.install()


@pytest.fixture
def previous(images: Cluster) -> Iterator[Cluster]:
    """With the previous release, and both networks of each node."""
    images.apply(_deploy(previous_release.VERSION), seconds=240)
    wait_webhooks(images)
    created(images, *(each for node in NODES for each in _networks(node)))
    yield images
    for kind in ("pods", "network-attachment-definitions"):  # networks in use cannot be deleted
        images.kubectl("delete", kind, "--all", check=False)


def _releases(cluster: Cluster) -> dict[str, set[str]]:
    """The releases that run, by component."""
    found: dict[str, set[str]] = {}
    for namespace in (CONTROL, NODE):
        for each in cluster.objects("pods", "--namespace", namespace):
            if "deletionTimestamp" not in each["metadata"]:
                component = each["metadata"]["labels"]["app.kubernetes.io/component"]
                used = {container["image"].rpartition(":")[2] for container in each["spec"]["containers"]}
                found[component] = found.get(component, set()) | used
    return found


def _is_everywhere(cluster: Cluster, release: str) -> bool:
    return {"operator": {release}, "webhooks": {release}, "daemon": {release}} == _releases(cluster)


def _started(cluster: Cluster, release: str) -> dict[str, str]:
    """A pod with both networks and one without on each node; the address of each one's net1."""
    names = [f"{release}-{node}" for node in NODES]
    created(
        cluster,
        *(pod(f"{release}-{node}", _both(node), node=node) for node in NODES),
        *(pod(f"{release}-plain-{node}", node=node) for node in NODES),
    )
    for name in (*names, *(f"{release}-plain-{node}" for node in NODES)):
        cluster.wait_ready(name)
    return {name: address(cluster, name, "net1") for name in names}


def _keep_their_networks(cluster: Cluster, addresses: dict[str, str]) -> None:
    for name, net1 in addresses.items():
        assert ["eth0", "lo", "net1", "net2"] == sorted(links(cluster, name))
        assert net1 == address(cluster, name, "net1")
        assert pings(cluster, name, "10.0.3.1")


def _are_released(cluster: Cluster) -> None:
    cluster.kubectl("delete", "pods", "--all", "--timeout=180s")
    cluster.eventually(
        lambda: not any(leftovers(cluster, node) for node in NODES), "nothing is left of any pod"
    )


def _switch(cluster: Cluster, load: PodLoad, to: str) -> None:
    """Installs a release while pods start and end."""
    before = len(load.reports)
    with load.running():
        load.wait_for(0, each=1)
        cluster.apply(_deploy(to), seconds=240)
        load.wait_for(before + PODS, each=3)
    assert ({}, set()) == (load.incomplete(), load.without_status())
    assert _is_everywhere(cluster, to)


@pytest.mark.soak  # five minutes: rollouts of two releases and 200 pods, on an emulated machine too
def test_upgrade_and_rollback_under_load(previous: Cluster) -> None:
    load = PodLoad(previous, {node: _both(node) for node in NODES})
    of_the_old = _started(previous, "old")

    _switch(previous, load, VERSION)

    _keep_their_networks(previous, of_the_old)
    _are_released(previous)
    of_the_new = _started(previous, "new")

    _switch(previous, load, previous_release.VERSION)

    _keep_their_networks(previous, of_the_new)
    _are_released(previous)
    _policies_that_are_left_do_no_harm(previous)


def _policies_that_are_left_do_no_harm(cluster: Cluster) -> None:
    """The previous release does not have them, so its manifests do not remove them; they limit what its programs write."""
    assert cluster.exists("validatingadmissionpolicy", "netattach-daemon-events")
    _network_is_valid(cluster, "after")
    for name in _started(cluster, "after"):
        cluster.eventually(lambda name=name: cluster.events(name, "AddedInterface"), "the Events of a pod")  # type: ignore[misc]  # a default binds it
    _are_released(cluster)


def _network_is_valid(cluster: Cluster, name: str) -> None:
    """The webhooks admit it, and the operator writes its status."""

    def is_valid() -> bool:
        conditions = cluster.read("nad", name).get("status", {}).get("conditions", [])
        return any(each["type"] == "Valid" and each["status"] == "True" for each in conditions)

    created(cluster, nad(name, config(type="macvlan", master="eth1")))
    cluster.eventually(is_valid, f"the operator writes the status of {name}")


@pytest.mark.parametrize(("first", "second"), [("operator", "webhooks"), ("webhooks", "operator")])
def test_operator_and_webhooks_of_two_releases_work_together(
    previous: Cluster, first: str, second: str
) -> None:
    """Upgrade and rollback of one before the other, with the permissions and policies of where it goes."""
    old, new = previous_release.VERSION, VERSION
    for way, before, release in (("upgrade", old, new), ("rollback", new, old)):
        previous.apply(_deploy(release), seconds=240, without=(second, "daemon"))
        assert {first: {release}, second: {before}, "daemon": {old}} == _releases(previous)
        wait_webhooks(previous)
        _serve_together(previous, f"{first}-{way}")
        previous.apply(_deploy(release), seconds=240, without=("daemon",))


def _serve_together(cluster: Cluster, name: str) -> None:
    """Also with certificates that this operator issues and these webhooks have not seen."""
    _network_is_valid(cluster, f"{name}-one")
    before = _issued(cluster)
    cluster.kubectl("delete", "secrets", "netattach-ca", "netattach-webhooks-tls", "--namespace", CONTROL)
    cluster.eventually(lambda: _issued(cluster) not in (b"", before), "another certificate")
    cluster.eventually(lambda: {_issued(cluster)} == _served(cluster), "it is served")
    cluster.eventually(lambda: _refuse_a_broken_network(cluster), "the API server trusts it")
    _network_is_valid(cluster, f"{name}-two")


def _issued(cluster: Cluster) -> bytes:
    """The certificate in the Secret, b"" without one."""
    words = ("get", "secret", "netattach-webhooks-tls", "--namespace", CONTROL, "--ignore-not-found")
    text = cluster.kubectl(*words, "--output", r"jsonpath={.data.tls\.crt}").stdout
    return ssl.PEM_cert_to_DER_cert(base64.b64decode(text).decode()) if text else b""


def _served(cluster: Cluster) -> set[bytes]:
    """The certificates of all replicas."""
    words = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=webhooks")
    replicas = [
        body for body in cluster.objects("pods", *words) if "deletionTimestamp" not in body["metadata"]
    ]
    texts = [ssl.get_server_certificate((body["status"]["podIP"], 8443)) for body in replicas]
    return set(map(ssl.PEM_cert_to_DER_cert, texts))


def _refuse_a_broken_network(cluster: Cluster) -> bool:
    """By the webhook itself: where the API server does not trust it, the write fails as well."""
    broken = json.dumps(nad("broken", "{,}"))
    refused = cluster.kubectl("create", "-f", "-", input=broken, check=False).stderr
    return 'admission webhook "nads.netattach.io" denied the request' in refused

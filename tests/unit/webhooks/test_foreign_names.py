"""No answer has the names of another namespace: neither of its pods, nor of networks that the reviewed object may not use."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from netattach_core.api.nad import PROTECT
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_kube import cluster_settings
from netattach_kube.resource import NADS, PODS
from support.api_server import ApiServer
from unit.webhooks.harness import (
    VALID_CONFIG,
    Harness,
    NewKeyPair,
    nad,
    pod,
    review,
    run,
    serving,
    until,
)
from unit.webhooks.test_validators import _put_settings

FOREIGN = ("tenant-b", "vault", "keeper")
"""A namespace, its network and its pod, which uses networks of other namespaces too."""

BRIDGE: dict[str, Any] = {
    "cniVersion": "1.0.0",
    "name": "shared",
    "type": "bridge",
    "bridge": "br-shared",
    "isGateway": True,
    "ipam": {"type": "host-local", "subnet": "10.9.0.0/24"},
}
KIND = "NetworkAttachmentDefinition"


def _deletion(body: dict[str, Any]) -> bytes:
    whole = json.loads(review(KIND, body, body))
    whole["request"] |= {"operation": "DELETE", "object": None}
    return json.dumps(whole).encode()


def _protected(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "metadata": {**body["metadata"], "annotations": {PROTECT: "true"}}}


def _template(networks: str) -> bytes:
    body = {"metadata": {"name": "web"}, "spec": {"replicas": 3, "template": pod(networks)}}
    return review("Deployment", body)


def _settings(text: str) -> bytes:
    body = {"metadata": {"name": cluster_settings.NAME}, "data": {cluster_settings.KEY: text}}
    return review("ConfigMap", body)


_OTHER_SUBNET = {**BRIDGE, "mtu": 1400, "ipam": {**BRIDGE["ipam"], "subnet": "10.9.0.0/16"}}
REVIEWS: dict[str, tuple[str, bytes, str]] = {
    "a network deleted while its pods run": (
        "deletions",
        _deletion(nad(VALID_CONFIG, "used")),
        "in other namesp",
    ),
    "a protected network deleted": (
        "deletions",
        _deletion(_protected(nad(VALID_CONFIG, "used"))),
        "1 in other namespaces",
    ),
    "a network changed while its pods run": (
        "nads",
        review(KIND, nad(VALID_CONFIG.replace("1.0.0", "0.4.0"), "used"), nad(VALID_CONFIG, "used")),
        "1 in other namespaces",
    ),
    "a network that conflicts": (
        "nads",
        review(KIND, nad(json.dumps(_OTHER_SUBNET), "mine")),
        "a network of another namespace",
    ),
    "a pod with a name that is only there": ("pods", review("Pod", pod("vault")), "create it, or correct"),
    "a pod with a similar name": ("pods", review("Pod", pod("vualt")), "create it, or correct"),
    "a pod that asks for it": ("pods", review("Pod", pod("tenant-c/vualt")), "pod-isolated"),
    "a pod with it as its default network": (
        "pods",
        review("Pod", pod("", **{DEFAULT_NETWORK: "tenant-c/vualt"})),
        "pod-isolated",
    ),
    "a pod with an unknown default network": (
        "pods",
        review("Pod", pod("", **{DEFAULT_NETWORK: "default/vault"})),
        "create it",
    ),
    "a template": ("templates", _template("vault, vualt"), "create it, or correct"),
    "settings with an unknown default network": (
        "config",
        _settings("{defaultNetworks: [vault, vualt], primaryNetwork: lost, namespaceIsolation: true}"),
        "there is no",
    ),
}


def _foreign_objects(server: ApiServer) -> None:
    namespace, network, name = FOREIGN
    metadata = {"name": network, "namespace": namespace}
    server.put(NADS, {"metadata": metadata, "spec": {"config": json.dumps(BRIDGE)}})
    body = pod(f"default/used, {network}")
    metadata = {**body["metadata"], "name": name, "namespace": namespace}
    server.put(PODS, {**body, "metadata": metadata, "spec": {"nodeName": "node1"}})


@asynccontextmanager
async def isolated(data: dict[str, str]) -> AsyncIterator[Harness]:
    async with serving(data) as harness:
        _foreign_objects(harness.server)
        _put_settings(harness.server, "namespaceIsolation: true")
        cache = harness.program._cache
        await until(lambda: cache.settings().selection.isolated and FOREIGN[:2] in cache.networks())
        yield harness


@pytest.mark.parametrize(("path", "body", "expected"), REVIEWS.values(), ids=REVIEWS)
def test_an_answer_names_nothing_of_another_namespace(
    new_key_pair: NewKeyPair, path: str, body: bytes, expected: str
) -> None:
    async def scenario() -> None:
        async with isolated(new_key_pair()) as harness:
            status, text = await harness.post(path, body)

            assert (200, True) == (status, expected in text), text
            quoted = body.decode()
            assert not [name for name in FOREIGN if name in text and name not in quoted], text

    run(scenario)


def test_without_isolation_networks_of_other_namespaces_are_suggested_and_pods_still_not_named(
    new_key_pair: NewKeyPair,
) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            _foreign_objects(harness.server)
            cache = harness.program._cache
            await until(lambda: FOREIGN[:2] in cache.networks())
            _, suggested = await harness.post("pods", review("Pod", pod("vault")))
            _, deleted = await harness.post("deletions", _deletion(nad(VALID_CONFIG, "used")))

            assert "tenant-b/vault" in suggested
            assert "1 in other namespaces" in deleted
            assert not [name for name in FOREIGN if name in deleted]

    run(scenario)

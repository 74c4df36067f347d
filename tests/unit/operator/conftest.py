"""Adds to the API server in memory what the operator needs, and shortens all pauses."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from netattach_kube import lease, watched
from netattach_kube.api import Api
from netattach_kube.resource import CRDS
from netattach_operator import (
    certificate_keeper,
    crd_keeper,
    evictor,
    kopf_informer,
    kopf_settings,
    kopf_watches,
    nad_events,
    node_keeper,
    reconciler,
    view,
)
from support import api_server
from support.api_server import ApiServer

SERVED = [{"type": "Established", "status": "True"}]

CORE = {
    "versions": ["v1"],
    "resources": [
        {"name": "namespaces", "kind": "Namespace", "singularName": "namespace", "namespaced": False}
    ],
}
"""The response of `/api` and `/api/v1`."""


@pytest.fixture(autouse=True)
def _like_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """CRDs are established when they are written, and discovery lists their kinds."""
    handle, store = ApiServer._handle, ApiServer._store

    async def handle_discovery(self: ApiServer, request: web.Request) -> web.StreamResponse:
        place = request.path.strip("/").split("/")
        if place[0] in ("api", "apis") and len(place) <= (2 if place[0] == "api" else 3) and not self.away:
            self.requests.append(api_server.Request("GET", request.path, {}, None, "", ""))
            await self._wake()
            answer = CORE if place[0] == "api" else discovery(self, *place[1:])
            return web.json_response(answer)
        return await handle(self, request)

    def store_established(self: ApiServer, key: Any, body: dict[str, Any]) -> dict[str, Any]:
        if key[1] == CRDS.plural:
            body.setdefault("status", {"conditions": SERVED})
        return store(self, key, body)

    monkeypatch.setattr(ApiServer, "_handle", handle_discovery)
    monkeypatch.setattr(ApiServer, "_store", store_established)


def discovery(server: ApiServer, group: str = "", version: str = "") -> dict[str, Any]:
    specs = [crd["spec"] for crd in server.all(CRDS) if crd["status"]["conditions"] == SERVED]
    if version:
        kinds = [spec for spec in specs if spec["group"] == group and spec["versions"][0]["name"] == version]
        return {"resources": [_kind(spec) for spec in kinds]}
    if group:
        return {"versions": [{"version": s["versions"][0]["name"]} for s in specs if s["group"] == group]}
    return {"groups": [_group(spec) for spec in specs]}


def _kind(spec: dict[str, Any]) -> dict[str, Any]:
    names, verbs = spec["names"], ["list", "watch", "get", "patch"]
    return {
        "name": names["plural"],
        "kind": names["kind"],
        "singularName": names["singular"],
        "namespaced": spec["scope"] == "Namespaced",
        "verbs": verbs,
    }


def _group(spec: dict[str, Any]) -> dict[str, Any]:
    version = {"version": spec["versions"][0]["name"]}
    return {"name": spec["group"], "versions": [version], "preferredVersion": version}


@pytest.fixture(autouse=True)
def _patient_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that is busy with something else, a request to the server in memory may take longer than 10 s."""
    for function in vars(Api).values():
        defaults = getattr(function, "__kwdefaults__", None) or {}
        if "seconds" in defaults:
            monkeypatch.setitem(defaults, "seconds", api_server.PATIENCE)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (
        watched,
        certificate_keeper,
        crd_keeper,
        kopf_informer,
        kopf_settings,
        node_keeper,
        evictor,
        reconciler,
    ):
        monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
        monkeypatch.setattr(module, "_LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(certificate_keeper, "_AT_MOST_EVERY", 0.01)
    monkeypatch.setattr(crd_keeper, "_POLL_EVERY", 0.01)
    monkeypatch.setattr(nad_events, "_QUIET", 0.0)
    monkeypatch.setattr(reconciler, "_ONE_WRITE_IN", 0.05)
    monkeypatch.setattr(view, "_INVENTORY_DEBOUNCE", 0.02)
    monkeypatch.setattr(view, "_POD_DEBOUNCE", 0.01)
    monkeypatch.setattr(view, "_READINESS_DEBOUNCE", 0.01)
    monkeypatch.setattr(lease, "_RENEW_EVERY", 0.05)
    monkeypatch.setattr(kopf_settings, "_RECONNECT", 0.01)
    monkeypatch.setattr(kopf_watches, "_PATIENCE", 0.2)
    monkeypatch.setattr(kopf_watches, "_STOPS_WITHIN", 60.0)  # not the speed of the machine decides

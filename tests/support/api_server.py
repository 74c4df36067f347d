"""An API server in memory over real HTTP: lists in pages, watches, patches, preconditions, and failures on request of a test.

    async with api_server.serving() as server:
        server.put(NADS, {...})            # as another client would; metadata's uid and resourceVersion are filled in
        await server.api.get(NADS, ...)    # a netattach_kube Api connected to it
        server.read(NADS, "macvlan", "default")
        server.delete(NADS, "macvlan", "default")
        server.fail(503, times=2)          # the next two requests; also by method and by a part of the path
        server.away = True                 # every connection is dropped, those of watches too, until it is False again
        server.requests                    # all requests, watches included

No schemas, no permissions, no managed fields, and server-side apply is a merge: the tests in a cluster have the real server.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject

from netattach_core.api.objects import Body
from netattach_kube import api as kube_api
from netattach_kube.api import Api
from netattach_kube.resource import Resource

PATIENCE = 120.0
"""Seconds after which a test that waits fails; no test that passes waits so long, on any machine."""

_Key = tuple[str, str, str, str]
"""Group, plural, namespace, name."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    content_type: str
    user_agent: str
    token: str = ""

    @property
    def is_watch(self) -> bool:
        return "watch" in self.query

    def __str__(self) -> str:
        return f"{'WATCH' if self.is_watch else self.method} {self.path}"


@dataclass
class _Failure:
    status: int
    message: str
    method: str
    path: str
    times: int


@dataclass(frozen=True)
class _Event:
    version: int
    type: str
    key: _Key
    body: Body
    before: Body | None = None


@dataclass(frozen=True)
class _Target:
    """The object or collection of a path."""

    group: str
    plural: str
    namespace: str
    name: str
    subresource: str

    @property
    def key(self) -> _Key:
        return self.group, self.plural, self.namespace, self.name


@dataclass
class ApiServer:
    """See the docstring of the module."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    """Plurals of kinds without a CRD."""

    expired: set[str] = field(default_factory=set)
    """Tokens that are refused."""

    delay: float = 0.0
    """Seconds until each response."""

    _api: Api | None = None
    _objects: dict[_Key, Body] = field(default_factory=dict)
    _log: list[_Event] = field(default_factory=list)
    _version: int = 100
    _oldest: int = 0
    _failures: list[_Failure] = field(default_factory=list)
    _away: bool = False
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _streams: set[_Stream] = field(default_factory=set)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def api(self) -> Api:
        assert self._api is not None
        return self._api

    @property
    def away(self) -> bool:
        return self._away

    @away.setter
    def away(self, away: bool) -> None:
        self._away = away
        if away:
            self.drop_watches()

    def put(self, resource: Resource, body: Mapping[str, Any]) -> Body:
        metadata = body["metadata"]
        key = (resource.group, resource.plural, metadata.get("namespace", ""), metadata["name"])
        return copy.deepcopy(
            self._store(
                key, {"apiVersion": resource.api_version, "kind": resource.kind, **copy.deepcopy(dict(body))}
            )
        )

    def read(self, resource: Resource, name: str, namespace: str = "") -> Body:
        return copy.deepcopy(self._objects[resource.group, resource.plural, namespace, name])

    def has(self, resource: Resource, name: str, namespace: str = "") -> bool:
        return (resource.group, resource.plural, namespace, name) in self._objects

    def all(self, resource: Resource) -> list[Body]:
        return [
            copy.deepcopy(b) for k, b in self._objects.items() if k[:2] == (resource.group, resource.plural)
        ]

    def delete(self, resource: Resource, name: str, namespace: str = "") -> None:
        self._remove((resource.group, resource.plural, namespace, name))

    def fail(
        self, status: int, message: str = "as requested", *, method: str = "", path: str = "", times: int = 1
    ) -> None:
        """The next `times` matching requests get this status. `method` may be WATCH."""
        self._failures.append(_Failure(status, message, method, path, times))

    def bookmark(self) -> None:
        for stream in self._streams:
            stream.send("BOOKMARK", {"metadata": {"resourceVersion": str(self._version)}})

    def send_raw(self, text: bytes) -> None:
        """Sends bytes to every watch."""
        for stream in self._streams:
            stream.queue.put_nowait(text)

    def drop_watches(self) -> None:
        for stream in self._streams:
            stream.queue.put_nowait(None)

    def compact(self) -> None:
        """Versions up to now become too old to watch from: 410, as a response or as an ERROR event."""
        self._version += 1
        self._oldest = self._version

    async def asked(self, what: str, times: int = 1) -> None:
        """Returns after so many requests of `what` ("PATCH /api/v1/…", or a part of it)."""
        await self.until(lambda: sum(what in str(request) for request in self.requests) >= times)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Returns once the condition holds; it is checked after each request and each change, and every 20 ms.

        The last, because a client acts on an event after the server has sent it.
        """
        async with asyncio.timeout(PATIENCE):
            while not condition():
                await self._any_change(within=0.02)

    async def _any_change(self, *, within: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait()

    def _store(self, key: _Key, body: Body) -> Body:
        before = self._objects.get(key)
        self._version += 1
        metadata = body.setdefault("metadata", {})
        metadata.setdefault("uid", before["metadata"]["uid"] if before else str(uuid.uuid4()))
        metadata["resourceVersion"] = str(self._version)
        metadata.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
        changed = before is None or before.get("spec") != body.get("spec")
        generation = before["metadata"].get("generation", 1) if before else 0
        metadata["generation"] = generation + 1 if changed else generation
        self._objects[key] = body
        self._publish("MODIFIED" if before else "ADDED", key, body, before)
        return body

    def _remove(self, key: _Key) -> Body:
        body = self._objects.pop(key)
        self._version += 1
        body["metadata"]["resourceVersion"] = str(self._version)
        self._publish("DELETED", key, body)
        return body

    def _publish(self, kind: str, key: _Key, body: Body, before: Body | None = None) -> None:
        event = _Event(self._version, kind, key, copy.deepcopy(body), before)
        self._log.append(event)
        for stream in self._streams:
            stream.offer(event)
        asyncio.get_running_loop().create_task(self._wake())  # nothing waits for it

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        asked = Request(
            request.method,
            request.path,
            dict(request.query),
            json.loads(text) if text else None,
            request.content_type,
            request.headers.get("User-Agent", ""),
            request.headers.get("Authorization", "").removeprefix("Bearer "),
        )
        self.requests.append(asked)
        await self._wake()
        if self._away:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if self.delay:
            await self._wait(self.delay)
        if asked.token in self.expired:
            return _status(401, "Unauthorized")
        failure = self._failure(asked)
        if failure:
            return _status(failure.status, failure.message)
        target = _target(request.path)
        if target.plural in self.absent:
            return _status(404, "the server could not find the requested resource")
        metadata_only = "PartialObjectMetadata" in request.headers.get("Accept", "")
        if asked.is_watch:
            return await self._watch(request, target, metadata_only=metadata_only)
        return _reply(self._answer(asked, target), metadata_only=metadata_only)

    async def _wait(self, seconds: float) -> None:
        """Until the server stops at the latest."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._closing.wait()

    def _failure(self, request: Request) -> _Failure | None:
        for failure in self._failures:
            method = "WATCH" if request.is_watch else request.method
            if failure.times and failure.method in ("", method) and failure.path in request.path:
                failure.times -= 1
                return failure
        return None

    def _answer(self, request: Request, target: _Target) -> Body | web.Response:
        if request.method == "GET" and not target.name:
            return self._list(request, target)
        if request.method == "POST":
            act = self._evict if target.subresource == "eviction" else self._create
            return act(target, request.body)
        before = self._objects.get(target.key)
        if request.content_type == "application/apply-patch+yaml":
            return self._store(target.key, _merged(before or {}, request.body))
        if before is None:
            return _status(404, f'{target.plural} "{target.name}" not found')
        if request.method == "GET":
            return before
        if request.method == "DELETE":
            return self._remove(target.key)
        if not _holds(before, request.body):
            return _status(409, "Operation cannot be fulfilled: the object has been modified")
        after = request.body if request.method == "PUT" else _merged(before, request.body)
        return self._store(target.key, copy.deepcopy(after))

    def _evict(self, target: _Target, body: Body) -> Body | web.Response:
        if _holds(self._objects[target.key], {"metadata": body["deleteOptions"]["preconditions"]}):
            return self._remove(target.key)
        return _status(409, "the UID in the precondition does not match")

    def _create(self, target: _Target, body: Body) -> Body | web.Response:
        metadata = body["metadata"]
        key = (target.group, target.plural, target.namespace, metadata["name"])
        if key in self._objects:
            return _status(409, f'{target.plural} "{metadata["name"]}" already exists')
        return self._store(key, copy.deepcopy(body))

    def _list(self, request: Request, target: _Target) -> Body:
        selected = _field_selector(target, request.query)
        items = [body for key, body in sorted(self._objects.items()) if selected(key, body)]
        start, limit = int(request.query.get("continue", 0)), int(request.query.get("limit", len(items) or 1))
        more = {"continue": str(start + limit)} if start + limit < len(items) else {}
        return {
            "metadata": {"resourceVersion": str(self._version), **more},
            "items": items[start : start + limit],
        }

    async def _watch(
        self, request: web.Request, target: _Target, *, metadata_only: bool
    ) -> web.StreamResponse:
        since = int(request.query.get("resourceVersion", 0))
        stream = _Stream(_field_selector(target, request.query), metadata_only=metadata_only)
        if since < self._oldest:
            error = {"code": 410, "message": "too old resource version", "metadata": {}}
            stream.send("ERROR", error)
            stream.queue.put_nowait(None)
        for event in self._log:
            if event.version > since:
                stream.offer(event)
        response = web.StreamResponse()
        await response.prepare(request)
        self._streams.add(stream)
        try:
            while (line := await stream.queue.get()) is not None:
                await response.write(line)
        finally:
            self._streams.discard(stream)
        return response


class _Stream:
    """One watch."""

    def __init__(self, selected: Callable[[_Key, Body], bool], *, metadata_only: bool) -> None:
        self._selected = selected
        self._metadata_only = metadata_only
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def offer(self, event: _Event) -> None:
        """An object that is not selected any more is deleted for this watch, as with the API server."""
        if self._selected(event.key, event.body):
            self.send(event.type, event.body)
        elif event.before is not None and self._selected(event.key, event.before):
            self.send("DELETED", event.body)

    def send(self, kind: str, body: Body) -> None:
        shown = _only_metadata(body) if self._metadata_only and kind != "ERROR" else body
        self.queue.put_nowait(json.dumps({"type": kind, "object": shown}).encode() + b"\n")


@asynccontextmanager
async def serving() -> AsyncIterator[ApiServer]:
    """On a port of 127.0.0.1, with a connected client."""
    server = ApiServer()
    app = web.Application(client_max_size=16 * 2**20)
    app.router.add_route("*", "/{path:.*}", server._handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    configuration = Configuration(host=server.url)
    configuration.retries = None
    configuration.client_session_kwargs = kube_api.session_options()
    rest = RESTClientObject(configuration)
    server._api = Api(configuration, rest, "netattach-test/0")
    try:
        yield server
    finally:
        await rest.close()
        server._closing.set()
        server.drop_watches()
        await runner.cleanup()


def _target(path: str) -> _Target:
    parts = path.strip("/").split("/")
    group, rest = ("", parts[2:]) if parts[0] == "api" else (parts[1], parts[3:])
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *_ = [*rest, "", "", ""]
    return _Target(group, plural, namespace, name, subresource)


def _field_selector(target: _Target, query: Mapping[str, str]) -> Callable[[_Key, Body], bool]:
    terms = [item.partition("=") for item in query.get("fieldSelector", "").split(",") if item]
    wanted = [(path.removesuffix("!"), value, not path.endswith("!")) for path, _, value in terms]

    def selected(key: _Key, body: Body) -> bool:
        if key[:2] != (target.group, target.plural) or target.namespace not in ("", key[2]):
            return False
        return all((_field(body, path) == value) == equal for path, value, equal in wanted)

    return selected


def _field(body: Any, path: str) -> str:
    for part in path.split("."):
        body = body.get(part, {}) if isinstance(body, dict) else {}
    return body if isinstance(body, str) else ""


def _holds(before: Body, body: Body) -> bool:
    """Whether the preconditions of a write hold."""
    metadata = body.get("metadata", {})
    return all(metadata.get(key) in (None, before["metadata"][key]) for key in ("uid", "resourceVersion"))


def _merged(before: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(before) if isinstance(before, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _only_metadata(body: Body) -> Body:
    return {"kind": "PartialObjectMetadata", "metadata": body["metadata"]}


def _reply(body: Body | web.Response, *, metadata_only: bool) -> web.Response:
    if isinstance(body, web.Response):
        return body
    if metadata_only and "items" in body:
        return web.json_response({**body, "items": [*map(_only_metadata, body["items"])]})
    return web.json_response(_only_metadata(body) if metadata_only else body)


def _status(code: int, message: str) -> web.Response:
    body = {"kind": "Status", "code": code, "message": message, "metadata": {}}
    return web.json_response(body, status=code)

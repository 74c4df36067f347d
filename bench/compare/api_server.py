"""A program on the node: the part of the Kubernetes API that daemons use, in memory, over TLS, on 127.0.0.1.

The daemons of all sides talk to the same server, each to one of its own on its own node, so its requests can be counted. A real
API server would answer later and use the same processors; it would add the same to each request, and so widen the difference
between sides that make more requests and sides that make fewer.

It reads requests from standard input and answers on standard output, each one line of JSON: {"put": [objects]},
{"delete": [objects]}, {"counts": true}, {"get": [resource, namespace, name]}.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aiohttp import web

from compare import certificate

PORT = 6443

_Body = dict[str, Any]
_STATUS_ANNOTATION = b"k8s.v1.cni.cncf.io/network-status"
_KINDS = {
    "Pod": "pods",
    "Node": "nodes",
    "Namespace": "namespaces",
    "DaemonSet": "daemonsets",
    "NetworkAttachmentDefinition": "network-attachment-definitions",
}


class Objects:
    """The objects by resource, namespace and name, and those who watch them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._version = 0
        self._objects: dict[tuple[str, str, str], _Body] = {}
        self._watches: list[_Watch] = []

    def put(self, resource: str, body: _Body) -> _Body:
        """Creates or replaces an object; returns it with its new version."""
        metadata = body["metadata"]
        key = (resource, metadata.get("namespace", ""), metadata["name"])
        kind = "MODIFIED" if key in self._objects else "ADDED"
        self._version += 1
        stored = {
            **body,
            "metadata": {"uid": "-".join(key), **metadata, "resourceVersion": str(self._version)},
        }
        self._objects[key] = stored
        self._notify(resource, kind, stored)
        return stored

    def delete(self, resource: str, namespace: str, name: str) -> _Body | None:
        removed = self._objects.pop((resource, namespace, name), None)
        if removed is not None:
            self._version += 1
            self._notify(resource, "DELETED", removed)
        return removed

    def get(self, resource: str, namespace: str, name: str) -> _Body | None:
        return self._objects.get((resource, namespace, name))

    def list(self, resource: str, namespace: str, selector: str) -> tuple[str, list[_Body]]:
        found = [body for (of, _, _), body in self._objects.items() if of == resource]
        return str(self._version), [body for body in found if _selected(body, namespace, selector)]

    def watch(self, resource: str, namespace: str, selector: str) -> _Watch:
        """Events from now on."""
        watch = _Watch(resource, namespace, selector)
        self._watches.append(watch)
        return watch

    def unwatch(self, watch: _Watch) -> None:
        self._watches.remove(watch)

    def _notify(self, resource: str, kind: str, body: _Body) -> None:
        for watch in self._watches:
            if watch.resource == resource and _selected(body, watch.namespace, watch.selector):
                watch.events.put_nowait({"type": kind, "object": body})


class _Watch:
    def __init__(self, resource: str, namespace: str, selector: str) -> None:
        self.resource, self.namespace, self.selector = resource, namespace, selector
        self.events: asyncio.Queue[_Body] = asyncio.Queue()


def _selected(body: _Body, namespace: str, selector: str) -> bool:
    if namespace and body["metadata"].get("namespace") != namespace:
        return False
    return all(_field(body, field) == value for field, value in _terms(selector))


def _terms(selector: str) -> Iterator[tuple[str, str]]:
    for term in filter(None, selector.split(",")):
        field, _, value = term.partition("=")
        yield field, value


def _field(body: _Body, path: str) -> Any:
    value: Any = body
    for part in path.split("."):
        value = (value or {}).get(part)
    return value


class Server:
    """The HTTP side."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def answer(self, request: web.Request) -> web.StreamResponse:
        parts = request.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if parts[:1] == ["namespaces"] and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        resource, name, subresource = (*parts, "", "", "")[:3]
        watching = request.query.get("watch") in ("true", "1")
        verb = "WATCH" if watching else "LIST" if request.method == "GET" and not name else request.method
        self._objects.counts[f"{verb} {'/'.join(filter(None, (resource, subresource)))}"] += 1
        if watching:
            return await self._watch(request, resource, namespace)
        if request.method == "GET" and not name:
            return self._list(request, resource, namespace)
        return await self._one(request, resource, namespace, name)

    async def _one(self, request: web.Request, resource: str, namespace: str, name: str) -> web.Response:
        if request.method == "POST":  # events: nobody reads them
            return web.json_response(_created(namespace), status=201)
        stored = self._objects.get(resource, namespace, name)
        content = await request.read()
        if request.method == "PATCH" and "apply-patch" in request.content_type:
            body = json.loads(content)
            return web.json_response(self._objects.put(resource, merged(stored or {}, body)))
        if stored is None:
            return web.json_response(_not_found(resource, name), status=404)
        if request.method == "PATCH":
            return web.json_response(self._objects.put(resource, merged(stored, json.loads(content))))
        if request.method == "PUT":
            return web.json_response(self._objects.put(resource, replaced(stored, content)))
        if request.method == "DELETE":
            self._objects.delete(resource, namespace, name)
        return web.json_response(stored)

    def _list(self, request: web.Request, resource: str, namespace: str) -> web.Response:
        version, items = self._objects.list(resource, namespace, request.query.get("fieldSelector", ""))
        kind, api = _type_of(resource)
        body = {
            "kind": f"{kind}List",
            "apiVersion": api,
            "metadata": {"resourceVersion": version},
            "items": items,
        }
        return web.json_response(body)

    async def _watch(self, request: web.Request, resource: str, namespace: str) -> web.StreamResponse:
        """First what is newer than the client's version; all objects where it asks for that (client-go's WatchList)."""
        selector = request.query.get("fieldSelector", "")
        since = int(request.query.get("resourceVersion") or 0)
        initial = request.query.get("sendInitialEvents") == "true"
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        watch = self._objects.watch(resource, namespace, selector)
        try:
            await response.prepare(request)
            version, items = self._objects.list(resource, namespace, selector)
            for item in items:
                if initial or int(item["metadata"]["resourceVersion"]) > since:
                    await _send(response, {"type": "ADDED", "object": item})
            if initial:
                await _send(response, _bookmark(resource, version))
            while True:
                await _send(response, await watch.events.get())
        except ConnectionError:
            return response  # the client has ended
        finally:
            self._objects.unwatch(watch)


async def _send(response: web.StreamResponse, event: _Body) -> None:
    await response.write(json.dumps(event).encode() + b"\n")


def _bookmark(resource: str, version: str) -> _Body:
    kind, api = _type_of(resource)
    metadata = {"resourceVersion": version, "annotations": {"k8s.io/initial-events-end": "true"}}
    return {"type": "BOOKMARK", "object": {"kind": kind, "apiVersion": api, "metadata": metadata}}


def _type_of(resource: str) -> tuple[str, str]:
    """Kind and apiVersion, as a client of Go needs them."""
    kind = next((kind for kind, plural in _KINDS.items() if plural == resource), "Object")
    return kind, "k8s.cni.cncf.io/v1" if kind == "NetworkAttachmentDefinition" else "v1"


def merged(stored: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(stored) if isinstance(stored, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def replaced(stored: _Body, content: bytes) -> _Body:
    """The object of a PUT. Multus sends its status as protobuf, of which only that annotation is read."""
    if content.startswith(b"{"):
        return dict(json.loads(content))
    annotations = {_STATUS_ANNOTATION.decode(): _protobuf_value(content)}
    return dict(merged(stored, {"metadata": {"annotations": annotations}}))


def _protobuf_value(content: bytes) -> str:
    """The value of the annotation in a message of protobuf: field 2, a varint with the length, the text."""
    at = content.find(_STATUS_ANNOTATION)
    if at < 0:
        return ""
    length = shift = 0
    at += len(_STATUS_ANNOTATION) + 1
    for place, byte in enumerate(content[at:], at + 1):
        length |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return content[place : place + length].decode(errors="replace")
    return ""


def _created(namespace: str) -> _Body:
    metadata = {"name": "event", "namespace": namespace, "resourceVersion": "1"}
    return {"kind": "Event", "apiVersion": "v1", "metadata": metadata}


def _not_found(resource: str, name: str) -> _Body:
    message = f"{resource} {name!r} not found"
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": "NotFound",
        "message": message,
        "code": 404,
    }


async def _control(objects: Objects) -> None:
    """Answers the benchmark until it closes standard input."""
    reader = asyncio.StreamReader(limit=2**26)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(_controlled(objects, json.loads(line))), flush=True)


def _controlled(objects: Objects, request: _Body) -> Any:
    for body in request.get("put", ()):
        objects.put(_KINDS[body["kind"]], body)
    for body in request.get("delete", ()):
        metadata = body["metadata"]
        objects.delete(_KINDS[body["kind"]], metadata.get("namespace", ""), metadata["name"])
    if "get" in request:
        return objects.get(*request["get"])
    return dict(objects.counts)


async def _main(directory: Path) -> None:
    certificate.write(directory)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(directory / "ca.crt", directory / "tls.key")
    objects = Objects()
    app = web.Application(client_max_size=2**26)
    app.router.add_route("*", "/{path:.*}", Server(objects).answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT, ssl_context=context).start()
    print("ready", flush=True)
    await _control(objects)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1])))

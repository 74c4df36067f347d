"""Requests to the API server: dicts in, dicts out.

The client library's model classes are not used: they cost memory and time and drop unknown fields, and we read few fields.
Used are its lower modules: the API server's address, TLS and the token. They are imported by their full names, so that the
image can omit the packages around them.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, TypedDict, Unpack
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config.config_exception import ConfigException
from kubernetes.aio.config.incluster_config import load_incluster_config

from netattach_core.errors import ConfigError, TryAgainError
from netattach_kube import failures, tls_buffers
from netattach_kube.failures import TooLargeError
from netattach_kube.resource import PODS, Resource

SECONDS = 10.0
"""Timeout of a request, unless the caller sets a shorter one."""

_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML
_METADATA = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"


class _Parts(TypedDict, total=False):
    """The options of a request; `most_bytes` limits the response, which is not limited by default."""

    body: Mapping[str, Any]
    query: Mapping[str, str] | None
    accept: str
    content_type: str
    seconds: float
    most_bytes: int


class Api:
    """One API server. Every method raises the errors of `failures`."""

    def __init__(self, configuration: Configuration, rest: RESTClientObject, user_agent: str) -> None:
        self._configuration = configuration
        self._rest = rest
        self._user_agent = user_agent

    async def get(
        self, resource: Resource, name: str, namespace: str = "", *, seconds: float = SECONDS
    ) -> dict[str, Any]:
        return await self._request("GET", resource.path(name, namespace), seconds=seconds)

    async def get_metadata(
        self, resource: Resource, name: str, namespace: str = "", *, seconds: float = SECONDS
    ) -> dict[str, Any]:
        """The object without spec and status."""
        return await self._request(
            "GET", resource.path(name, namespace), accept=_METADATA.format(""), seconds=seconds
        )

    async def page(
        self,
        resource: Resource,
        query: Mapping[str, str],
        namespace: str = "",
        *,
        metadata_only: bool = False,
    ) -> dict[str, Any]:
        """One page of a list; `continue` in its `metadata` is the token for the next one."""
        accept = _METADATA.format("List") if metadata_only else _JSON
        return await self._request("GET", resource.path(namespace=namespace), query=query, accept=accept)

    async def metadata_text(
        self, resource: Resource, query: Mapping[str, str], namespace: str = "", *, most_bytes: int
    ) -> str:
        """A list without spec and status, as JSON: to decode a long one at once takes a second, without a break for others.

        Its UTF-8 is decoded as Latin-1, one character a byte: one emoji in it would make each character take four bytes.
        Raises TooLargeError where it has more bytes: from its cache, the API server returns all objects in one page.
        """
        path = resource.path(namespace=namespace)
        accept = _METADATA.format("List")
        text = await self._text("GET", path, query=query, accept=accept, most_bytes=most_bytes)
        return text.decode("latin-1")

    async def pages(
        self,
        resource: Resource,
        query: Mapping[str, str],
        namespace: str = "",
        *,
        metadata_only: bool = False,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """All pages of a list; `limit` in the query is their size."""
        query = dict(query)
        while True:
            page = await self.page(resource, query, namespace, metadata_only=metadata_only)
            yield page
            if not page["metadata"].get("continue"):
                return
            query = {**query, "continue": page["metadata"]["continue"]}

    async def create(
        self, resource: Resource, body: Mapping[str, Any], namespace: str = "", *, dry_run: bool = False
    ) -> dict[str, Any]:
        """With `dry_run` the API server does everything but store the object, admission included."""
        query = {"dryRun": "All"} if dry_run else None
        return await self._request("POST", resource.path(namespace=namespace), body=body, query=query)

    async def replace(
        self, resource: Resource, body: Mapping[str, Any], name: str, namespace: str = ""
    ) -> dict[str, Any]:
        """PUT; raises ConflictError where the object has another resourceVersion than the body."""
        return await self._request("PUT", resource.path(name, namespace), body=body)

    async def merge_patch(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        name: str,
        namespace: str = "",
        subresource: str = "",
        *,
        metadata_only: bool = False,
    ) -> dict[str, Any]:
        """`metadata_only` is about the response: a pod has kilobytes that nobody reads."""
        path = resource.path(name, namespace, subresource)
        accept = _METADATA.format("") if metadata_only else _JSON
        return await self._request("PATCH", path, body=body, content_type=_MERGE_PATCH, accept=accept)

    async def apply(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        name: str,
        namespace: str = "",
        *,
        manager: str,
        force: bool = True,
    ) -> dict[str, Any]:
        """Server-side apply: creates the object, or sets the body's fields and keeps those of other field managers."""
        query = {"fieldManager": manager, "force": str(force).lower()}
        path = resource.path(name, namespace)
        return await self._request("PATCH", path, body=body, query=query, content_type=_APPLY_PATCH)

    async def delete(self, resource: Resource, name: str, namespace: str = "") -> None:
        await self._request("DELETE", resource.path(name, namespace))

    async def evict(self, name: str, namespace: str, uid: str) -> None:
        """Evicts a pod with this UID. Raises TryAgainError where a PodDisruptionBudget does not allow it now (429)."""
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": namespace},
            "deleteOptions": {"preconditions": {"uid": uid}},
        }
        await self._request("POST", PODS.path(name, namespace, "eviction"), body=body)

    async def watch(
        self,
        resource: Resource,
        query: Mapping[str, str],
        namespace: str = "",
        *,
        metadata_only: bool = False,
        silence: float,
        pause: float = 0.0,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a watch until the server ends it or sends nothing for `silence` seconds.

        `pause`, in seconds, comes after each read: the events that arrive meanwhile are then read at once, which costs a fraction
        of waking up for each.

        Close the generator (`contextlib.aclosing`) where the loop over it can end early: the request lasts until then.
        """
        what = f"WATCH {resource.path(namespace=namespace)}"
        accept = _METADATA.format("") if metadata_only else _JSON
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=SECONDS, sock_read=silence)
        query = {**query, "watch": "true"}
        with failures.translated(what):
            response = await self._send("GET", resource.path(namespace=namespace), query, accept, timeout)
            async with response:
                if response.status != 200:
                    raise failures.from_status(response.status, await response.read(), what)
                with suppress(TimeoutError):
                    async for lines in _lines(response.content):
                        for line in lines:
                            yield _decoded(line, what)
                        if pause and lines:
                            await _pause(response, pause)

    async def _request(self, method: str, path: str, **parts: Unpack[_Parts]) -> dict[str, Any]:
        """The object of the response; the rest as for `_text`."""
        return _decoded(await self._text(method, path, **parts), f"{method} {path}")

    async def _text(self, method: str, path: str, **parts: Unpack[_Parts]) -> bytes | bytearray:
        what = f"{method} {path}"
        timeout = aiohttp.ClientTimeout(total=parts.get("seconds", SECONDS))
        query, body = parts.get("query"), parts.get("body")
        accept, content_type = parts.get("accept", _JSON), parts.get("content_type", _JSON)
        with failures.translated(what):
            response = await self._send(method, path, query, accept, timeout, body, content_type)
            async with response:
                text = await _read(response, what, parts.get("most_bytes"))
        if response.status >= 300:
            raise failures.from_status(response.status, text, what)
        return text

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        accept: str,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109  # passed on to the library
        body: Mapping[str, Any] | None = None,
        content_type: str = _JSON,
    ) -> aiohttp.ClientResponse:
        """Through the client library: the address, TLS and the token, which it reads again every minute."""
        headers = {"Accept": accept, "Content-Type": content_type, "User-Agent": self._user_agent}
        token = await self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
        if token:
            headers["Authorization"] = token
        url = self._configuration.host + path + (f"?{urlencode(query)}" if query else "")
        raw = await self._rest.request(  # type: ignore[no-untyped-call]  # generated code
            method, url, headers=headers, body=body, _request_timeout=timeout
        )
        response: aiohttp.ClientResponse = raw.response
        return response


@asynccontextmanager
async def connected(program: str, version: str, kubeconfig: Path | None = None) -> AsyncIterator[Api]:
    """The API server of the cluster that we run in, or that of a kubeconfig. `program` is the name in its audit log.

    Raises ConfigError where neither can be used.
    """
    configuration = await _configuration(kubeconfig)
    configuration.client_session_kwargs = session_options()
    tls_buffers.use_small()
    rest = RESTClientObject(configuration)
    try:
        yield Api(configuration, rest, f"{program}/{version}")
    finally:
        await rest.close()


def session_options() -> dict[str, Any]:
    """Those of aiohttp's session: with a proxy in the environment, as `urllib` reads it, each request looks it up.

    That, and a look for a password in ~/.netrc, take two switches to a thread per request: more than the rest of it.
    """
    return {"trust_env": bool(urllib.request.getproxies())}


async def _configuration(kubeconfig: Path | None) -> Configuration:
    configuration = Configuration()
    configuration.retries = None  # retries are each caller's decision; False would mean one
    try:
        if kubeconfig is None:
            load_incluster_config(configuration)  # type: ignore[no-untyped-call]  # the library's own
        else:
            from kubernetes.aio.config.kube_config import (  # noqa: PLC0415  # not needed in a cluster
                load_kube_config,
            )

            await load_kube_config(  # type: ignore[no-untyped-call]  # the library's own
                config_file=str(kubeconfig), client_configuration=configuration
            )
    except ConfigException as error:
        where = (
            f"the kubeconfig {kubeconfig} cannot be used" if kubeconfig else "this is not a pod of a cluster"
        )
        raise ConfigError(f"no API server: {where}: {error}") from error
    return configuration


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[list[bytes]]:
    """Lines of any length, as many as have arrived; the stream's own reader refuses long ones."""
    rest = b""
    async for chunk in content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        yield lines


async def _pause(response: aiohttp.ClientResponse, seconds: float) -> None:
    """Leaves what arrives in the socket's buffer; an end of the connection is noticed afterwards.

    asyncio's TLS would go on reading up to 256 KiB, and wake up for each event, unless its limits say otherwise.
    """
    connection = response.connection
    transport = connection.transport if connection is not None else None
    if isinstance(transport, asyncio.ReadTransport) and transport.is_reading():
        limit = getattr(transport, "set_read_buffer_limits", None)  # only a transport with TLS has it
        if limit is not None:
            limit(high=1, low=0)
        transport.pause_reading()
        await asyncio.sleep(seconds)
        transport.resume_reading()


async def _read(response: aiohttp.ClientResponse, what: str, most_bytes: int | None) -> bytes | bytearray:
    if most_bytes is None:
        return await response.read()
    text = bytearray()
    async for chunk in response.content.iter_any():
        text += chunk
        if len(text) > most_bytes:
            raise TooLargeError(f"{what}: the response has more than {most_bytes} bytes")
    return text


def _decoded(text: bytes | bytearray, what: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        raise TryAgainError(f"{what}: the response is not JSON: {text[:100]!r}") from error
    if not isinstance(body, dict):
        raise TryAgainError(f"{what}: the response is not an object: {text[:100]!r}")
    return body

"""The whole program, and a client that sends it reviews over TLS, as an API server does."""

from __future__ import annotations

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from netattach_core.api.networks_annotation import NETWORKS
from netattach_kube.resource import INVENTORIES, NADS, SECRETS
from netattach_webhooks.__main__ import Program
from netattach_webhooks.settings import Settings
from support import api_server
from support.api_server import ApiServer

NewKeyPair = Callable[..., dict[str, str]]
"""The fixture `new_key_pair`: returns the data of a Secret."""

VALID_CONFIG = json.dumps({"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"})
NODE = {
    "interfaces": [{"name": "eth0", "addresses": ["10.0.0.2/24"]}, {"name": "eth1"}],
    "defaultInterfaces": [{"name": "eth0", "reasons": ["carries the IPv4 default route"]}],
    "plugins": [{"name": "macvlan"}, {"name": "host-local"}],
}


_LONG_TIMEOUT = "?timeout=30s"
"""On a busy machine a review may take longer than by default."""


def run(scenario: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(scenario(), 120))


def review(kind: str, body: dict[str, Any], old: dict[str, Any] | None = None) -> bytes:
    request = {
        "uid": "u",
        "operation": "CREATE" if old is None else "UPDATE",
        "kind": {"kind": kind},
        "namespace": "default",
        "name": body["metadata"].get("name", ""),
        "object": body,
        "oldObject": old,
    }
    whole = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    return json.dumps(whole).encode()


def nad(config: str, name: str = "net") -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"config": config}}


def pod(networks: str, **annotations: str) -> dict[str, Any]:
    return {"metadata": {"name": "p", "annotations": {NETWORKS: networks, **annotations}}, "spec": {}}


def put_secret(server: ApiServer, data: dict[str, str]) -> None:
    metadata = {"name": "netattach-webhooks-tls", "namespace": "netattach-system"}
    server.put(SECRETS, {"metadata": metadata, "data": data})


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that the program does on its own, and has no event for."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  # see above
            await asyncio.sleep(0.01)


class Harness:
    """The program, and a client of it."""

    def __init__(self, server: ApiServer, settings: Settings, session: aiohttp.ClientSession) -> None:
        self.server = server
        self.program = Program(server.api, settings)
        self.stop = asyncio.Event()
        self.status = -1
        self.session = session
        self.task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        self.status = await self.program.run(self.stop)

    def kill(self) -> None:
        """Ends the program at once."""
        assert self.task is not None
        self.task.cancel()

    async def post(self, path: str, body: bytes, **more: Any) -> tuple[int, str]:
        """The status and text of the response; with a long timeout, unless the path has one."""
        url = f"https://localhost:{self.program.port}/{path}{'' if '?' in path else _LONG_TIMEOUT}"
        async with self.session.post(url, data=io.BytesIO(body), ssl=False, **more) as response:
            return response.status, await response.text()

    async def post_review(self, path: str, body: bytes) -> dict[str, Any]:
        """The `response` of the AdmissionReview."""
        status, text = await self.post(path, body)
        assert 200 == status, text
        response: dict[str, Any] = json.loads(text)["response"]
        assert "u" == response["uid"]
        return response

    async def get(self, path: str) -> tuple[int, str]:
        """The status and text of the response of the health port."""
        url = f"http://127.0.0.1:{self.program.health_port}/{path}"
        async with self.session.get(url) as response:
            return response.status, await response.text()

    async def until_ready(self) -> None:
        async with asyncio.timeout(30):
            while not self.program.health_port or (await self.get("readyz"))[0] != 200:  # noqa: ASYNC110  # only asking shows it
                await asyncio.sleep(0.01)

    async def connect(self) -> Connection:
        context = ssl._create_unverified_context()
        return await asyncio.open_connection("127.0.0.1", self.program.port, ssl=context)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def server_certificate(connection: Connection) -> bytes:
    """The certificate that the client got, in DER."""
    certificate: bytes = connection[1].get_extra_info("ssl_object").getpeercert(binary_form=True)
    return certificate


async def status_line(connection: Connection, body: bytes) -> bytes:
    """Posts a review of a pod; the first line of the response."""
    reader, writer = connection
    head = f"POST /pods{_LONG_TIMEOUT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    return await reader.readline()


@asynccontextmanager
async def started(
    server: ApiServer, data: dict[str, str] | None, *, drain: float = 0.0, **more: Any
) -> AsyncIterator[Harness]:
    """Starts the program, with a certificate if there is `data`, and with `more` settings.

    The client's session is closed after the program has ended.
    """
    if data is not None:
        put_secret(server, data)
    settings = Settings(listen="127.0.0.1:0", health="127.0.0.1:0", drain=drain, **more)
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as tasks:
        harness = Harness(server, settings, session)
        harness.task = tasks.create_task(harness.run())
        yield harness
        harness.stop.set()


@asynccontextmanager
async def serving(data: dict[str, str], *, drain: float = 0.0, node: Any = NODE) -> AsyncIterator[Harness]:
    """Starts the program in a cluster with one network, and waits until it is ready."""
    async with api_server.serving() as server:
        metadata = {"name": "sound", "namespace": "default"}
        server.put(NADS, {"metadata": metadata, "spec": {"config": VALID_CONFIG}})
        if node:
            server.put(INVENTORIES, {"metadata": {"name": "node1"}, "status": node})
        async with started(server, data, drain=drain) as harness:
            await harness.until_ready()
            yield harness

"""A steady load on an API server: each request is sent at its scheduled time, even if earlier ones have no response yet.

A client that waits for each response sends fewer requests to a slow server, and so never measures how slow it is. The delay of
requests after their scheduled time is reported too: if it is large, the client itself is too slow.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import ssl
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from support.connections import Connections

_TIMEOUT = 30.0
"""Seconds; longer than an API server waits for any webhook, so that it always responds."""

_CREATED = 201
_DENIED = (403, 400)
"""400 is the status for webhooks that return none."""


@dataclass(frozen=True, slots=True)
class CreateRequest:
    """Creates one object. `kind` is a label to group responses by."""

    kind: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    """`at` is `time.monotonic()` when the request was sent, `late` how much after its scheduled time.

    Status 0 means that there was no response; `text` says why.
    """

    kind: str
    at: float
    late: float
    seconds: float
    status: int
    text: str = ""

    @property
    def accepted(self) -> bool:
        return self.status == _CREATED

    @property
    def denied(self) -> bool:
        """Whether a webhook denied the request; an unreachable webhook does not count."""
        return self.status in _DENIED and "denied the request" in self.text


MakeRequest = Callable[[int], CreateRequest]
"""Takes the number of the request; each request is different, so that no result can be cached."""


def creation(body: dict[str, Any], kind: str = "") -> CreateRequest:
    """A dry run: the object is validated, but not stored."""
    metadata, group = body["metadata"], body["apiVersion"]
    resource = {"Pod": "pods", "NetworkAttachmentDefinition": "network-attachment-definitions"}[body["kind"]]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    path = f"{root}/namespaces/{metadata['namespace']}/{resource}?dryRun=All"
    return CreateRequest(kind or body["kind"], path, json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Server:
    """An API server, and the credentials for it."""

    url: str
    token: str
    trusted: ssl.SSLContext

    @classmethod
    def from_kubeconfig(cls, kubeconfig: Path) -> Server:
        """From a kubeconfig with a token, which `e2e.lab` writes as JSON."""
        config = json.loads(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        trusted = ssl.create_default_context(cafile=cluster["certificate-authority"])
        return cls(cluster["server"], user["token"], trusted)

    def connections(self) -> Connections:
        return Connections(self.url, self.token, self.trusted)


async def send(connections: Connections, request: CreateRequest, due: float | None = None) -> Response:
    """Sends one request; `due` is its scheduled time."""
    at = time.monotonic()
    status, text = 0, ""
    try:
        async with asyncio.timeout(_TIMEOUT):
            status, body = await connections.post(request.path, request.body)
            text = "" if status == _CREATED else body
    except OSError as error:
        text = f"{type(error).__name__}: {error}"
    late = at - (at if due is None else due)
    return Response(request.kind, at, late, time.monotonic() - at, status, text)


async def send_steadily(
    connections: Connections,
    make_request: MakeRequest,
    rate: float,
    *,
    seconds: float = float("inf"),
    on_response: Callable[[Response], None],
    is_stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Sends `rate` requests per second, for some seconds or until it is stopped; returns after the last response."""
    started = time.monotonic()

    async def one(number: int, due: float) -> None:
        on_response(await send(connections, make_request(number), due))

    async with asyncio.TaskGroup() as tasks:
        for number in itertools.count():
            due = started + number / rate
            if due - started >= seconds or is_stopped():
                return
            await asyncio.sleep(due - time.monotonic())
            tasks.create_task(one(number, due))


@dataclass
class Load:
    """A load in its own thread, while the test changes the cluster."""

    responses: list[Response] = field(default_factory=list)
    _received: threading.Condition = field(default_factory=threading.Condition)

    def add(self, response: Response) -> None:
        with self._received:
            self.responses.append(response)
            self._received.notify_all()

    def wait_for(self, count: int, seconds: float = 60) -> None:
        """Waits for so many more responses."""
        wanted = len(self.responses) + count
        with self._received:
            if not self._received.wait_for(lambda: len(self.responses) >= wanted, seconds):
                raise AssertionError(f"not {count} responses within {seconds:g} s")

    def since(self, moment: float) -> list[Response]:
        """The responses to requests that were sent then or later."""
        return [response for response in self.responses if response.at >= moment]

    @property
    def failed(self) -> list[Response]:
        return [response for response in self.responses if not response.accepted]


@contextmanager
def running(server: Server, make_request: MakeRequest, rate: float) -> Iterator[Load]:
    """A steady load until the end of the block, which waits for the last response."""
    load, stop = Load(), threading.Event()

    async def send_all() -> None:
        async with server.connections() as connections:
            await send_steadily(connections, make_request, rate, on_response=load.add, is_stopped=stop.is_set)

    thread = threading.Thread(target=lambda: asyncio.run(send_all()), name="load")
    thread.start()
    try:
        yield load
    finally:
        stop.set()
        thread.join()


def summary(seconds: Sequence[float]) -> dict[str, float]:
    """In milliseconds."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    figures = {
        "median": statistics.median(ordered),
        "p99": ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))],
        "max": ordered[-1],
    }
    return {name: round(value * 1000, 2) for name, value in figures.items()}

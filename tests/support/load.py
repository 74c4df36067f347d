"""A steady load on an API server: requests leave at the times that were set for them, whatever becomes of those before.

Whoever waits for an answer before asking again asks a slow server less often, and so never sees how slow it is. How late
requests left, and how much of a processor this program took, is told too: beyond some point one measures oneself.
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

_PATIENCE = 30.0
"""Seconds; longer than an API server waits for any webhook: it is its answer that is wanted."""

_TAKEN = 201
_REFUSED = (403, 400)
"""The second is that of webhooks that name no status."""


@dataclass(frozen=True, slots=True)
class Question:
    """One object to be created. `kind` is what answers are told apart by."""

    kind: str
    path: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """`at` is `time.monotonic()` when it was asked, `late` how much after its time; status 0: none came, and `text` says why."""

    kind: str
    at: float
    late: float
    seconds: float
    status: int
    text: str = ""

    @property
    def taken(self) -> bool:
        return self.status == _TAKEN

    @property
    def refused(self) -> bool:
        """By a webhook's own word, and not for want of one."""
        return self.status in _REFUSED and "denied the request" in self.text


Ask = Callable[[int], Question]
"""The question of this number; each is another one, so that nobody can have the answer ready."""


def creation(body: dict[str, Any], kind: str = "") -> Question:
    """Validated as if it were to be created, and then it is not."""
    metadata, group = body["metadata"], body["apiVersion"]
    resource = {"Pod": "pods", "NetworkAttachmentDefinition": "network-attachment-definitions"}[body["kind"]]
    root = f"/apis/{group}" if "/" in group else f"/api/{group}"
    path = f"{root}/namespaces/{metadata['namespace']}/{resource}?dryRun=All"
    return Question(kind or body["kind"], path, json.dumps(body).encode())


@dataclass(frozen=True, slots=True)
class Server:
    """Where it is, and how it knows us."""

    url: str
    token: str
    trusted: ssl.SSLContext

    @classmethod
    def of(cls, kubeconfig: Path) -> Server:
        """Of one with a token, which `e2e.lab` writes as JSON."""
        read = json.loads(kubeconfig.read_text())
        cluster, user = read["clusters"][0]["cluster"], read["users"][0]["user"]
        trusted = ssl.create_default_context(cafile=cluster["certificate-authority"])
        return cls(cluster["server"], user["token"], trusted)

    def connections(self) -> Connections:
        return Connections(self.url, self.token, self.trusted)


async def asked(connections: Connections, question: Question, due: float | None = None) -> Answer:
    at = time.monotonic()
    status, text = 0, ""
    try:
        async with asyncio.timeout(_PATIENCE):
            status, said = await connections.post(question.path, question.body)
            text = "" if status == _TAKEN else said
    except OSError as error:
        text = f"{type(error).__name__}: {error}"
    late = at - (at if due is None else due)
    return Answer(question.kind, at, late, time.monotonic() - at, status, text)


async def asked_steadily(
    connections: Connections,
    ask: Ask,
    rate: float,
    *,
    seconds: float = float("inf"),
    told: Callable[[Answer], None],
    ends: Callable[[], bool] = lambda: False,
) -> None:
    """So many a second, for so long or until it `ends`; returns when the last one is answered."""
    begins = time.monotonic()

    async def one(number: int, due: float) -> None:
        told(await asked(connections, ask(number), due))

    async with asyncio.TaskGroup() as tasks:
        for number in itertools.count():
            due = begins + number / rate
            if due - begins >= seconds or ends():
                return
            await asyncio.sleep(due - time.monotonic())
            tasks.create_task(one(number, due))


@dataclass
class Load:
    """One that goes on in a thread of its own while somebody does something to the cluster."""

    answers: list[Answer] = field(default_factory=list)
    _came: threading.Condition = field(default_factory=threading.Condition)

    def take(self, answer: Answer) -> None:
        with self._came:
            self.answers.append(answer)
            self._came.notify_all()

    def goes_on(self, answers: int, seconds: float = 60) -> None:
        """Until there are so many more."""
        wanted = len(self.answers) + answers
        with self._came:
            if not self._came.wait_for(lambda: len(self.answers) >= wanted, seconds):
                raise AssertionError(f"no {answers} answers within {seconds:g} s")

    def since(self, moment: float) -> list[Answer]:
        """What was asked then or later."""
        return [answer for answer in self.answers if answer.at >= moment]

    @property
    def failed(self) -> list[Answer]:
        return [answer for answer in self.answers if not answer.taken]


@contextmanager
def going_on(server: Server, ask: Ask, rate: float) -> Iterator[Load]:
    """A steady load until the end of the block; by then each request is answered."""
    load, stop = Load(), threading.Event()

    async def story() -> None:
        async with server.connections() as connections:
            await asked_steadily(connections, ask, rate, told=load.take, ends=stop.is_set)

    thread = threading.Thread(target=lambda: asyncio.run(story()), name="load")
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

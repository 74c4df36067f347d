"""A certificate is served from the moment it is there, and never replaced by one that does not work."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netattach_kube.resource import SECRETS
from netattach_webhooks import tls
from netattach_webhooks.metrics import Metrics
from netattach_webhooks.tls import Certificate
from support import api_server
from support.api_server import ApiServer

Pair = Callable[..., dict[str, str]]
NAMESPACE, NAME = "netattach-system", "netattach-webhooks-tls"


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


def put(server: ApiServer, data: dict[str, str], name: str = NAME) -> None:
    server.put(SECRETS, {"metadata": {"name": name, "namespace": NAMESPACE}, "data": data})


class Scene:
    """A server with one Secret, and the certificate that follows it."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.metrics = Metrics()
        self.clock = time.time()
        self.certificate = Certificate(server.api, NAMESPACE, NAME, self.metrics, lambda: self.clock)
        self.told = asyncio.Condition()

    def value(self, metric: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(metric, labels)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110  # a certificate that is refused has no event
                await asyncio.sleep(0.01)

    async def refused(self) -> None:
        await self.until(lambda: bool(self.value("netattach_webhook_certificate_refused")))


@asynccontextmanager
async def following(data: dict[str, str] | None) -> AsyncIterator[Scene]:
    async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
        if data is not None:
            put(server, data)
        scene = Scene(server)
        task = tasks.create_task(scene.certificate.run())
        yield scene
        task.cancel()


def test_nothing_is_served_before_there_is_a_certificate(pair: Pair) -> None:
    async def story() -> None:
        async with following(None) as scene:
            await scene.server.asked("WATCH")
            assert "is not there yet" in (scene.certificate.problem() or "")
            put(scene.server, pair())
            await scene.certificate.loaded.wait()

            assert scene.certificate.problem() is None

    run(story)


def test_its_end_is_told(pair: Pair) -> None:
    async def story() -> None:
        async with following(pair(ends=3)) as scene:
            await scene.certificate.loaded.wait()
            ends = scene.value("netattach_certificate_expiry_timestamp_seconds", certificate="served") or 0

            assert abs(ends - time.time() - 3 * 86400) < 60
            scene.clock = ends - 1
            assert scene.certificate.problem() is None
            scene.clock = ends
            assert "has expired" in (scene.certificate.problem() or "")

    run(story)


def _without(data: dict[str, str], key: str) -> dict[str, str]:
    return {name: text for name, text in data.items() if name != key}


BROKEN: dict[str, tuple[Callable[[Pair], dict[str, str]], str]] = {
    "no key": (lambda pair: _without(pair(), "tls.key"), "tls.key is missing"),
    "no certificate": (lambda pair: _without(pair(), "tls.crt"), "tls.crt is missing"),
    "no data": (lambda _: {}, "tls.crt is missing"),
    "no base64": (lambda pair: {**pair(), "tls.key": "%"}, "tls.key is not base64"),
    "no PEM": (lambda pair: {**pair(), "tls.crt": base64.b64encode(b"x").decode()}, "cannot be served"),
    "another's key": (lambda pair: {**pair(), "tls.key": pair()["tls.key"]}, "cannot be served"),
    "a key with a password": (lambda pair: pair(password=b"secret"), "cannot be served"),
    "one that has expired": (lambda pair: pair(begins=-3, ends=-1), "expired"),
    "one that is not in force yet": (lambda pair: pair(begins=1), "not yet valid"),
}


@pytest.mark.parametrize(("broken", "words"), BROKEN.values(), ids=BROKEN)
def test_one_that_does_not_work_is_not_served_and_readiness_says_why(
    pair: Pair, broken: Callable[[Pair], dict[str, str]], words: str
) -> None:
    async def story() -> None:
        async with following(broken(pair)) as scene:
            await scene.refused()

            assert words in (scene.certificate.problem() or "")
            assert NAME in (scene.certificate.problem() or "")
            assert not scene.certificate.loaded.is_set()

    run(story)


@pytest.mark.parametrize(("broken", "_"), BROKEN.values(), ids=BROKEN)
def test_one_that_does_not_work_does_not_replace_one_that_does(
    pair: Pair, broken: Callable[[Pair], dict[str, str]], _: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        async with following(pair()) as scene:
            await scene.certificate.loaded.wait()
            put(scene.server, broken(pair))
            await scene.refused()

            assert scene.certificate.problem() is None
            assert "the one before is served on" in caplog.text
            put(scene.server, pair())
            await scene.until(lambda: scene.value("netattach_webhook_certificate_refused") == 0)

    run(story)


def test_it_is_served_on_when_its_secret_is_deleted(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with following(pair()) as scene:
            await scene.certificate.loaded.wait()
            scene.server.delete(SECRETS, NAME, NAMESPACE)
            await scene.refused()

            assert scene.certificate.problem() is None
            assert "is gone; the one before is served on" in caplog.text

    run(story)


def test_other_secrets_are_not_even_asked_for(pair: Pair) -> None:
    async def story() -> None:
        async with following(None) as scene:
            put(scene.server, pair(), "another")
            await scene.server.asked("WATCH")

            asked = {request.query.get("fieldSelector") for request in scene.server.requests}
            assert {f"metadata.name={NAME}"} == asked
            assert not scene.certificate.loaded.is_set()

    run(story)


def test_the_key_is_on_no_disk_and_no_file_stays_open(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []

    def load(context: Any, path: str) -> None:
        paths.append(Path(path).readlink())
        context.load_cert_chain(path, password="")

    async def story() -> None:
        monkeypatch.setattr(tls, "_load", load)
        async with following(pair()) as scene:
            await scene.certificate.loaded.wait()

    run(story)
    still_open = {str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}

    assert {"/memfd:certificate (deleted)"} == set(map(str, paths))
    assert not [link for link in still_open if "memfd:certificate" in link]

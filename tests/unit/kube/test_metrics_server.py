"""Metrics over TLS, over real connections; only the API server's answers are a twin's."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from netattach_kube import metrics_server
from netattach_kube.metrics_server import MetricsServer
from netattach_kube.program_metrics import ProgramMetrics
from support import certificates
from support.access_reviews import AccessReviews

PATIENCE = 60.0


class Scene:
    def __init__(self, tls: Path | None, address: str = "127.0.0.1:0") -> None:
        self.api = AccessReviews()
        self.server = MetricsServer(address, tls, ProgramMetrics("daemon"), self.api)

    async def get(self, token: str = "", path: str = "/metrics", method: str = "GET") -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"https://127.0.0.1:{self.server.port}{path}"
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, url, headers=headers, ssl=False) as response,
        ):
            return response.status, await response.text()

    async def listens(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while not self.server.port:  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)

    async def subject(self) -> str:
        """Of the certificate that is served."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port, ssl=_trusting())
        served = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        del reader
        return ssl.DER_cert_to_PEM_cert(served)


def _trusting() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[None]:
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(scene.server.run())
        yield
        task.cancel()


def played(act: Callable[[Scene], Awaitable[None]], tls: Path | None) -> None:
    async def story() -> None:
        scene = Scene(tls)
        async with running(scene):
            await scene.listens()
            await act(scene)

    asyncio.run(story())


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    _write(tmp_path)
    return tmp_path


def _write(directory: Path) -> str:
    """A new certificate; returns it."""
    made = certificates.authority(datetime.now(UTC))
    (directory / "tls.key").write_bytes(made["ca.key"])
    (directory / "tls.crt").write_bytes(made["ca.crt"])
    for name in ("tls.key", "tls.crt"):  # the clock of the file system may be coarse
        os.utime(directory / name, ns=(0, int.from_bytes(os.urandom(6))))
    return made["ca.crt"].decode()


def test_only_who_may_read_metrics_gets_them(tls: Path) -> None:
    async def act(scene: Scene) -> None:
        assert [401, 401, 403] == [(await scene.get(token))[0] for token in ("", "invented", "stranger")]
        status, text = await scene.get("good")
        assert 200 == status
        assert "netattach_build_info" in text

    played(act, tls)


def test_a_refusal_tells_nothing_but_its_reason(tls: Path) -> None:
    async def act(scene: Scene) -> None:
        assert (401, "Unauthorized\n") == await scene.get("invented")
        assert (404, "404: Not Found") == await scene.get("good", "/healthz")
        assert 405 == (await scene.get("good", method="POST"))[0]

    played(act, tls)


def test_without_a_certificate_one_is_created() -> None:
    async def act(scene: Scene) -> None:
        assert 200 == (await scene.get("good"))[0]
        assert (await scene.subject()).startswith("-----BEGIN CERTIFICATE-----")

    played(act, None)


def test_a_new_certificate_is_served_without_a_restart(tls: Path) -> None:
    async def act(scene: Scene) -> None:
        before = await scene.subject()
        after = _write(tls)
        assert before != after
        assert after.split() == (await scene.subject()).split()

    played(act, tls)


def test_a_certificate_that_cannot_be_used_replaces_none(tls: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def act(scene: Scene) -> None:
        before = await scene.subject()
        (tls / "tls.crt").write_text("no certificate")
        assert [before] * 2 == [await scene.subject(), await scene.subject()]
        assert 1 == caplog.text.count("cannot be used")
        (tls / "tls.crt").unlink()
        assert before == await scene.subject()

    played(act, tls)


def test_a_port_that_is_taken_is_tried_again(
    tls: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(metrics_server, "_PAUSE", 0.02)

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            scene = Scene(tls, f"127.0.0.1:{other.getsockname()[1]}")
            async with running(scene):
                while "no metrics are served" not in caplog.text:  # noqa: ASYNC110  # the log has no event
                    await asyncio.sleep(0.01)
                other.close()
                await scene.listens()
                assert 200 == (await scene.get("good"))[0]

    asyncio.run(story())


def test_without_an_address_nothing_is_served() -> None:
    async def story() -> None:
        scene = Scene(None, "")
        await scene.server.run()
        assert 0 == scene.server.port

    asyncio.run(story())

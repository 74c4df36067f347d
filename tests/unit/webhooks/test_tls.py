"""A certificate is served as soon as it exists, and never replaced by one that does not work."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netattach_kube import tls_server
from netattach_kube.resource import SECRETS
from netattach_webhooks.metrics import Metrics
from netattach_webhooks.tls import Certificate
from support import api_server
from support.api_server import ApiServer
from unit.webhooks.harness import NewKeyPair, run, until

NAMESPACE, NAME = "netattach-system", "netattach-webhooks-tls"


def put(server: ApiServer, data: dict[str, str], name: str = NAME) -> None:
    server.put(SECRETS, {"metadata": {"name": name, "namespace": NAMESPACE}, "data": data})


class CertificateHarness:
    """An API server, and the certificate that watches a Secret in it."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.metrics = Metrics()
        self.clock = time.time()
        self.certificate = Certificate(server.api, NAMESPACE, NAME, self.metrics, lambda: self.clock)

    def value(self, metric: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(metric, labels)

    async def rejected(self) -> None:
        await until(lambda: bool(self.value("netattach_webhook_certificate_rejected")))


@asynccontextmanager
async def watching(data: dict[str, str] | None) -> AsyncIterator[CertificateHarness]:
    async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
        if data is not None:
            put(server, data)
        harness = CertificateHarness(server)
        task = tasks.create_task(harness.certificate.run())
        yield harness
        task.cancel()


def test_it_is_not_loaded_before_it_exists(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with watching(None) as harness:
            await harness.server.asked("WATCH")
            assert "does not exist yet" in (harness.certificate.problem() or "")
            put(harness.server, new_key_pair())
            await harness.certificate.loaded.wait()

            assert harness.certificate.problem() is None

    run(scenario)


def test_its_expiry_is_a_metric_and_ends_readiness(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with watching(new_key_pair(ends=3)) as harness:
            await harness.certificate.loaded.wait()
            ends = harness.value("netattach_certificate_expiry_timestamp_seconds", certificate="served") or 0

            assert abs(ends - time.time() - 3 * 86400) < 3600
            harness.clock = ends - 1
            assert harness.certificate.problem() is None
            harness.clock = ends
            assert "has expired" in (harness.certificate.problem() or "")

    run(scenario)


def _without(data: dict[str, str], key: str) -> dict[str, str]:
    return {name: text for name, text in data.items() if name != key}


BROKEN: dict[str, tuple[Callable[[NewKeyPair], dict[str, str]], str]] = {
    "no key": (lambda new_key_pair: _without(new_key_pair(), "tls.key"), "tls.key is missing"),
    "no certificate": (lambda new_key_pair: _without(new_key_pair(), "tls.crt"), "tls.crt is missing"),
    "no data": (lambda _: {}, "tls.crt is missing"),
    "not base64": (lambda new_key_pair: {**new_key_pair(), "tls.key": "%"}, "tls.key is not base64"),
    "not PEM": (
        lambda new_key_pair: {**new_key_pair(), "tls.crt": base64.b64encode(b"x").decode()},
        "cannot be served",
    ),
    "another's key": (
        lambda new_key_pair: {**new_key_pair(), "tls.key": new_key_pair()["tls.key"]},
        "cannot be served",
    ),
    "a key with a password": (lambda new_key_pair: new_key_pair(password=b"secret"), "cannot be served"),
    "one that has expired": (lambda new_key_pair: new_key_pair(begins=-3, ends=-1), "expired"),
    "one that is not valid yet": (lambda new_key_pair: new_key_pair(begins=1), "not yet valid"),
}


@pytest.mark.parametrize(("broken", "message"), BROKEN.values(), ids=BROKEN)
def test_one_that_does_not_work_is_not_served_and_readiness_reports_why(
    new_key_pair: NewKeyPair, broken: Callable[[NewKeyPair], dict[str, str]], message: str
) -> None:
    async def scenario() -> None:
        async with watching(broken(new_key_pair)) as harness:
            await harness.rejected()

            assert message in (harness.certificate.problem() or "")
            assert NAME in (harness.certificate.problem() or "")
            assert not harness.certificate.loaded.is_set()

    run(scenario)


@pytest.mark.parametrize(("broken", "_"), BROKEN.values(), ids=BROKEN)
def test_one_that_does_not_work_does_not_replace_one_that_does(
    new_key_pair: NewKeyPair,
    broken: Callable[[NewKeyPair], dict[str, str]],
    _: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> None:
        async with watching(new_key_pair()) as harness:
            await harness.certificate.loaded.wait()
            put(harness.server, broken(new_key_pair))
            await harness.rejected()

            assert harness.certificate.problem() is None
            assert "the previous one is still served" in caplog.text
            put(harness.server, new_key_pair())
            await until(lambda: harness.value("netattach_webhook_certificate_rejected") == 0)

    run(scenario)


def test_it_is_still_served_after_its_secret_is_deleted(
    new_key_pair: NewKeyPair, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with watching(new_key_pair()) as harness:
            await harness.certificate.loaded.wait()
            harness.server.delete(SECRETS, NAME, NAMESPACE)
            await harness.rejected()

            assert harness.certificate.problem() is None
            assert "was deleted; the previous one is still served" in caplog.text

    run(scenario)


def test_other_secrets_are_not_requested(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with watching(None) as harness:
            put(harness.server, new_key_pair(), "another")
            await harness.server.asked("WATCH")

            selectors = {request.query.get("fieldSelector") for request in harness.server.requests}
            assert {f"metadata.name={NAME}"} == selectors
            assert not harness.certificate.loaded.is_set()

    run(scenario)


def test_the_key_is_never_on_disk_and_no_file_stays_open(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = []

    def load(context: Any, path: str) -> None:
        paths.append(Path(path).readlink())
        context.load_cert_chain(path, password="")

    async def scenario() -> None:
        monkeypatch.setattr(tls_server, "load", load)
        async with watching(new_key_pair()) as harness:
            await harness.certificate.loaded.wait()

    run(scenario)
    still_open = {str(each.readlink()) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()}

    assert {"/memfd:certificate (deleted)"} == set(map(str, paths))
    assert not [link for link in still_open if "memfd:certificate" in link]

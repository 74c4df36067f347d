"""Only clients with a certificate of the configured CA are served, whatever happens to its file."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from netattach_kube.resource import NADS
from netattach_webhooks import client_ca
from netattach_webhooks.client_ca import ClientCa
from netattach_webhooks.metrics import Metrics
from support import api_server
from unit.webhooks.authorities import SERVER, Authority, client_context
from unit.webhooks.harness import (
    VALID_CONFIG,
    Connection,
    Harness,
    NewKeyPair,
    pod,
    put_secret,
    review,
    run,
    started,
    status_line,
    until,
)

BODY = review("Pod", pod("sound"))
OK = b"HTTP/1.1 200 OK\r\n"
REFUSED = b""
"""What a client gets whose TLS handshake fails."""


@pytest.fixture(autouse=True)
def _period(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_ca, "_PERIOD", 0.01)


@asynccontextmanager
async def serving(data: dict[str, str], file: Path, names: str = "") -> AsyncIterator[Harness]:
    """The program with one network, and with this CA bundle for clients."""
    async with api_server.serving() as server:
        metadata = {"name": "sound", "namespace": "default"}
        server.put(NADS, {"metadata": metadata, "spec": {"config": VALID_CONFIG}})
        async with started(server, data, client_ca=file, client_names=names) as harness:
            await until(lambda: harness.program.port != 0 and harness.program.health_port != 0)
            yield harness


async def connect(harness: Harness, certificate: Path | None) -> Connection:
    context = client_context(certificate)
    return await asyncio.open_connection("127.0.0.1", harness.program.port, ssl=context)


async def answer(harness: Harness, certificate: Path | None) -> bytes:
    """The first line of the response to a review; REFUSED if the connection does not come about."""
    try:
        connection = await connect(harness, certificate)
    except OSError:
        return REFUSED
    try:
        return await status_line(connection, BODY)
    except OSError:
        return REFUSED
    finally:
        connection[1].transport.abort()


def closed(harness: Harness) -> float:
    labels = {"reason": "client-certificate"}
    name = "netattach_webhook_connections_closed_total"
    return harness.program._metrics.registry.get_sample_value(name, labels) or 0


def test_a_client_with_a_certificate_of_the_ca_is_served(new_key_pair: NewKeyPair, tmp_path: Path) -> None:
    authority = Authority()
    (tmp_path / "ca.crt").write_text(Authority("another").pem + authority.pem)

    async def scenario() -> None:
        async with serving(new_key_pair(), tmp_path / "ca.crt") as harness:
            await harness.until_ready()

            assert OK == await answer(harness, authority.issue(tmp_path))

    run(scenario)


CLIENTS: dict[str, Any] = {
    "no certificate": lambda _, __: None,
    "a certificate of another CA": lambda _, path: Authority("another").issue(path),
    "a certificate of a CA with the same name": lambda _, path: Authority("admission-ca").issue(path),
    "an expired certificate": lambda authority, path: authority.issue(path, ends=-1),
    "a certificate of a server": lambda authority, path: authority.issue(path, usage=SERVER),
}


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_any_other_client_is_refused_in_the_handshake(
    new_key_pair: NewKeyPair, tmp_path: Path, client: Any
) -> None:
    authority = Authority()
    (tmp_path / "ca.crt").write_text(authority.pem)

    async def scenario() -> None:
        async with serving(new_key_pair(), tmp_path / "ca.crt") as harness:
            assert REFUSED == await answer(harness, client(authority, tmp_path))
            await until(lambda: closed(harness) == 1)
            await until(lambda: harness.program._webhooks._server.quota.count == 0)

    run(scenario)


@pytest.mark.parametrize("allowed", ["kube-apiserver", "a, apiserver.example,b"])
def test_a_name_in_the_subject_or_its_alternatives_is_allowed(
    new_key_pair: NewKeyPair, tmp_path: Path, allowed: str
) -> None:
    authority = Authority()
    (tmp_path / "ca.crt").write_text(authority.pem)

    async def scenario() -> None:
        async with serving(new_key_pair(), tmp_path / "ca.crt", allowed) as harness:
            await harness.until_ready()

            assert OK == await answer(harness, authority.issue(tmp_path, names=("apiserver.example",)))

    run(scenario)


def test_another_name_is_refused_with_the_reason_and_names_nobody_else(
    new_key_pair: NewKeyPair, tmp_path: Path
) -> None:
    authority = Authority()
    (tmp_path / "ca.crt").write_text(authority.pem)

    async def scenario() -> None:
        async with serving(new_key_pair(), tmp_path / "ca.crt", "kube-apiserver") as harness:
            certificate = authority.issue(tmp_path, "system:node:node1")
            reader, writer = await connect(harness, certificate)

            assert b"HTTP/1.1 403 Forbidden\r\n" == await status_line((reader, writer), BODY)
            text = (await reader.read()).decode()
            assert text.endswith(
                "netattach-webhooks: the client certificate is for system:node:node1, "
                "which NETATTACH_CLIENT_NAMES does not list\n"
            )
            assert "kube-apiserver" not in text
            assert 1 == closed(harness)
            writer.close()

    run(scenario)


FILES = {
    "no file": (None, "cannot be read (No such file or directory); mount the ConfigMap or Secret"),
    "an empty file": ("", "is not a bundle of CA certificates in PEM"),
    "not PEM": ("secret", "is not a bundle of CA certificates in PEM"),
    "not ASCII": ("ä", "is not a bundle of CA certificates in PEM"),
    "half a certificate": (Authority().pem[:-100], "is not a bundle of CA certificates in PEM"),
    "a good and half a certificate": (
        Authority().pem + Authority().pem[:-100],
        "is not a bundle of CA certificates in PEM",
    ),
    "an expired CA": (Authority(ends=-1).pem, "has only CA certificates that have expired"),
    "a large file": ("\n" * (2**20 + 1), "has more than 1048576 bytes"),
}


@pytest.mark.parametrize(("text", "problem"), FILES.values(), ids=FILES)
def test_with_a_broken_file_nobody_is_served_and_readiness_has_the_reason(
    new_key_pair: NewKeyPair, tmp_path: Path, text: str | None, problem: str
) -> None:
    authority, file = Authority(), tmp_path / "ca.crt"
    if text is not None:
        file.write_text(text)

    async def scenario() -> None:
        async with serving(new_key_pair(), file) as harness:
            status, shown = await harness.get("readyz")

            assert (503, True) == (status, f"NETATTACH_CLIENT_CA: {file} {problem}" in shown)
            assert shown.count("until then no client is served") == 1
            assert REFUSED == await answer(harness, None)
            assert REFUSED == await answer(harness, authority.issue(tmp_path))
            file.write_text(authority.pem)
            await harness.until_ready()
            assert OK == await answer(harness, authority.issue(tmp_path))

    run(scenario)


def test_a_certificate_that_is_not_of_a_ca_is_no_bundle(tmp_path: Path) -> None:
    file = Authority().issue(tmp_path)

    assert "has no certificate of a CA" in str(ClientCa(file, frozenset(), Metrics()).problem())


def test_a_file_that_breaks_later_closes_open_connections_and_lets_nobody_in(
    new_key_pair: NewKeyPair, tmp_path: Path
) -> None:
    authority, file = Authority(), tmp_path / "ca.crt"
    file.write_text(authority.pem)
    certificate = authority.issue(tmp_path)

    async def scenario() -> None:
        async with serving(new_key_pair(), file) as harness:
            await harness.until_ready()
            connection = await connect(harness, certificate)
            assert OK == await status_line(connection, BODY)
            file.unlink()
            with contextlib.suppress(OSError):
                await connection[0].read()

            assert REFUSED == await answer(harness, certificate)
            assert 503 == (await harness.get("readyz"))[0]
            metric = "netattach_webhook_client_ca_rejected"
            assert 1 == harness.program._metrics.registry.get_sample_value(metric)
            connection[1].close()

    run(scenario)


def test_a_ca_that_is_removed_from_the_file_is_not_trusted_any_more(
    new_key_pair: NewKeyPair, tmp_path: Path
) -> None:
    former, current, file = Authority("former"), Authority("current"), tmp_path / "ca.crt"
    file.write_text(former.pem + current.pem)
    of_former, of_current = former.issue(tmp_path), current.issue(tmp_path)

    async def scenario() -> None:
        async with serving(new_key_pair(), file) as harness:
            await harness.until_ready()
            assert OK == await answer(harness, of_former)
            file.write_text(current.pem)
            await until(lambda: harness.program._client_ca.bundle == current.pem)  # type: ignore[union-attr]

            assert REFUSED == await answer(harness, of_former)
            assert OK == await answer(harness, of_current)

    run(scenario)


def test_a_bundle_that_expires_is_not_in_force_any_more(tmp_path: Path) -> None:
    file = tmp_path / "ca.crt"
    file.write_text(Authority(ends=1).pem)
    clock = [0.0]
    checked = ClientCa(file, frozenset(), Metrics(), lambda: clock[0])

    assert checked.problem() is None
    clock[0] = 2.0**33
    checked.read()
    assert "have expired" in str(checked.problem())
    assert "" == checked.bundle


def test_a_new_serving_certificate_does_not_open_the_door(new_key_pair: NewKeyPair, tmp_path: Path) -> None:
    authority, file = Authority(), tmp_path / "ca.crt"
    file.write_text(authority.pem)

    async def scenario() -> None:
        async with serving(new_key_pair(), file) as harness:
            await harness.until_ready()
            before = harness.program._certificate.context
            put_secret(harness.server, new_key_pair())
            await until(lambda: harness.program._certificate.context is not before)

            assert REFUSED == await answer(harness, None)
            assert OK == await answer(harness, authority.issue(tmp_path))

    run(scenario)


def test_without_a_ca_every_client_is_served(new_key_pair: NewKeyPair, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with api_server.serving() as server, started(server, new_key_pair()) as harness:
            await harness.until_ready()

            for certificate in (None, Authority().issue(tmp_path)):
                assert REFUSED != await answer(harness, certificate)

    run(scenario)

"""The life of the process: start, readiness, reload of the certificate, shutdown."""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import Any

import pytest

from netattach_kube.http_server import Limits
from netattach_kube.program import FAILED, MISUSED, OK
from netattach_kube.resource import INVENTORIES, NADS
from netattach_webhooks import __main__, app
from netattach_webhooks.cluster_cache import ClusterCache
from support import api_server
from unit.webhooks.harness import (
    VALID_CONFIG,
    NewKeyPair,
    nad,
    pod,
    put_secret,
    review,
    run,
    server_certificate,
    serving,
    started,
    status_line,
    until,
)


def test_before_everything_is_listed_reviews_that_need_it_fail_and_the_program_is_not_ready(
    new_key_pair: NewKeyPair,
) -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            server.absent = {NADS.plural, INVENTORIES.plural}
            async with started(server, new_key_pair()) as harness:
                await until(lambda: harness.program.port != 0)

                status, text = await harness.post(
                    "nads", review("NetworkAttachmentDefinition", nad(VALID_CONFIG))
                )
                assert (503, True) == (status, "node inventories are not listed yet" in text)
                assert 503 == (await harness.post("pods", review("Pod", pod("sound"))))[0]
                assert not (await harness.post_review("pods", review("Pod", pod("["))))["allowed"]
                labelled = {**nad("{,}"), "metadata": {"name": "net", "labels": {"a": "b"}}}
                update = review("NetworkAttachmentDefinition", labelled, nad("{,}"))
                assert (await harness.post_review("nads", update))["allowed"]
                status, text = await harness.get("readyz")
                assert (503, True) == (status, "networks, node inventories" in text)
                assert 200 == (await harness.get("healthz"))[0]
                server.absent = set()
                await harness.until_ready()

    run(scenario)


def test_it_does_not_listen_before_it_has_a_certificate(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with api_server.serving() as server, started(server, None) as harness:
            await server.asked("WATCH /api/v1/namespaces/netattach-system/secrets")
            status, text = await harness.get("readyz")

            assert (503, 0) == (status, harness.program.port)
            assert "does not exist yet" in text
            assert "not listening yet" in text
            put_secret(server, new_key_pair())
            await harness.until_ready()

    run(scenario)


def test_new_connections_get_a_new_certificate_and_old_ones_stay_open(new_key_pair: NewKeyPair) -> None:
    first, second = new_key_pair(), new_key_pair()
    body = review("Pod", pod("sound"))

    async def scenario() -> None:
        async with serving(first) as harness:
            before = await harness.connect()
            put_secret(harness.server, second)
            after = await harness.connect()
            async with asyncio.timeout(30):
                while server_certificate(after) != der(second):
                    after[1].close()
                    after = await harness.connect()

            assert der(first) == server_certificate(before)
            assert b"HTTP/1.1 200 OK\r\n" == await status_line(before, body)
            assert b"HTTP/1.1 200 OK\r\n" == await status_line(after, body)
            for _, writer in (before, after):
                writer.close()

    run(scenario)


def der(data: dict[str, str]) -> bytes:
    return ssl.PEM_cert_to_DER_cert(base64.b64decode(data["tls.crt"]).decode())


def test_a_connection_below_tls_1_2_is_refused(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            assert ssl.TLSVersion.TLSv1_2 == harness.program._certificate.context.minimum_version

    run(scenario)


def test_during_shutdown_it_responds_and_closes_each_connection(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair(), drain=600) as harness:
            harness.stop.set()
            await until(lambda: harness.program._webhooks.draining)
            status, text = await harness.get("readyz")

            assert (503, "shutting down\n") == (status, text)
            url = f"https://localhost:{harness.program.port}/pods?timeout=30s"
            body = review("Pod", pod("sound"))
            async with harness.session.post(url, data=body, ssl=False) as response:
                assert (200, "close") == (response.status, response.headers["Connection"])
            harness.kill()

    run(scenario)


def test_an_idle_connection_is_kept_longer_than_api_servers_do(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    idle_timeout_of_api_servers = 90
    assert idle_timeout_of_api_servers < app._LIMITS.idle
    monkeypatch.setattr(app, "_LIMITS", Limits(idle=0.1))

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            reader, writer = await harness.connect()
            assert b"HTTP/1.1 200 OK\r\n" == await status_line((reader, writer), review("Pod", pod("sound")))
            assert (await reader.read()).endswith(b'"allowed": true}}')  # then the server closes it
            writer.close()

    run(scenario)


@pytest.mark.parametrize("listening", [True, False])
def test_it_stops_with_or_without_a_certificate(new_key_pair: NewKeyPair, listening: bool) -> None:  # noqa: FBT001
    async def scenario() -> None:
        async with api_server.serving() as server:
            async with started(server, new_key_pair() if listening else None) as harness:
                await until(lambda: harness.program.health_port != 0)
                if listening:
                    await harness.until_ready()
            assert OK == harness.status

    run(scenario)


def test_an_internal_error_in_a_watch_ends_the_program(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Any) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(ClusterCache, "run", fail)

    async def scenario() -> None:
        async with api_server.serving() as server:
            async with started(server, new_key_pair()) as harness:
                await until(lambda: harness.status >= 0)
            assert FAILED == harness.status

    run(scenario)
    assert "ZeroDivisionError: odd" in caplog.text


def test_invalid_settings_are_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETATTACH_DRAIN", "soon")

    assert MISUSED == __main__.main()
    assert "ERROR netattach-webhooks \"NETATTACH_DRAIN is 'soon'" in capsys.readouterr().err

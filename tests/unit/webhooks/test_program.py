"""The program begins, goes on and ends as a cluster needs it."""

from __future__ import annotations

import asyncio
import base64
import gc
import ssl
import sys
from typing import Any

import pytest

from netattach_kube.program import FAILED, MISUSED, OK
from netattach_kube.resource import INVENTORIES, NADS
from netattach_webhooks import __main__, app
from netattach_webhooks.lookup import Lookup
from support import api_server
from unit.webhooks.scene import (
    SOUND,
    Pair,
    certificate,
    nad,
    pod,
    put_secret,
    review,
    run,
    serving,
    started,
    status_line,
)


def test_until_everything_is_listed_nothing_that_rests_on_it_is_decided_and_readiness_says_so(
    pair: Pair,
) -> None:
    async def story() -> None:
        async with api_server.serving() as server:
            server.absent = {NADS.plural, INVENTORIES.plural}
            async with started(server, pair()) as scene:
                await scene.until(lambda: scene.program.port != 0)

                status, text = await scene.post("nads", review("NetworkAttachmentDefinition", nad(SOUND)))
                assert (503, True) == (status, "node inventories are not listed yet" in text)
                assert 503 == (await scene.post("pods", review("Pod", pod("sound"))))[0]
                assert not (await scene.ask("pods", review("Pod", pod("["))))["allowed"]
                labelled = {**nad("{,}"), "metadata": {"name": "net", "labels": {"a": "b"}}}
                update = review("NetworkAttachmentDefinition", labelled, nad("{,}"))
                assert (await scene.ask("nads", update))["allowed"]
                status, text = await scene.get("readyz")
                assert (503, True) == (status, "networks, node inventories" in text)
                assert 200 == (await scene.get("healthz"))[0]
                server.absent = set()
                await scene.ready()

    run(story)


def test_nothing_listens_before_there_is_a_certificate(pair: Pair) -> None:
    async def story() -> None:
        async with api_server.serving() as server, started(server, None) as scene:
            await server.asked("WATCH /api/v1/namespaces/netattach-system/secrets")
            status, text = await scene.get("readyz")

            assert (503, 0) == (status, scene.program.port)
            assert "is not there yet" in text
            assert "not listening yet" in text
            put_secret(server, pair())
            await scene.ready()

    run(story)


def test_a_new_certificate_is_shown_to_new_connections_and_old_ones_go_on(pair: Pair) -> None:
    first, second = pair(), pair()
    asked = review("Pod", pod("sound"))

    async def story() -> None:
        async with serving(first) as scene:
            before = await scene.connect()
            put_secret(scene.server, second)
            after = await scene.connect()
            async with asyncio.timeout(10):
                while certificate(after) != der(second):
                    after[1].close()
                    after = await scene.connect()

            assert der(first) == certificate(before)
            assert b"HTTP/1.1 200 OK\r\n" == await status_line(before, asked)
            assert b"HTTP/1.1 200 OK\r\n" == await status_line(after, asked)
            for _, writer in (before, after):
                writer.close()

    run(story)


def der(data: dict[str, str]) -> bytes:
    return ssl.PEM_cert_to_DER_cert(base64.b64decode(data["tls.crt"]).decode())


def test_a_connection_below_tls_1_2_is_refused(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            assert ssl.TLSVersion.TLSv1_2 == scene.program._certificate.context.minimum_version

    run(story)


def test_on_its_way_out_it_answers_and_lets_go_of_each_connection(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair(), drain=0.3) as scene:
            scene.stop.set()
            await scene.until(lambda: scene.program._webhooks.draining)
            status, text = await scene.get("readyz")

            assert (503, "on its way out\n") == (status, text)
            url = f"https://localhost:{scene.program.port}/pods"
            body = review("Pod", pod("sound"))
            async with scene.session.post(url, data=body, ssl=False) as response:
                assert (200, "close") == (response.status, response.headers["Connection"])

    run(story)


def test_an_idle_connection_is_kept_longer_than_api_servers_keep_it(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    longest_of_api_servers = 90
    assert longest_of_api_servers < app._KEPT
    monkeypatch.setattr(app, "_KEPT", 0.1)

    async def story() -> None:
        async with serving(pair()) as scene:
            reader, writer = await scene.connect()
            assert b"HTTP/1.1 200 OK\r\n" == await status_line((reader, writer), review("Pod", pod("sound")))
            assert (await reader.read()).endswith(b'"allowed": true}}')  # and then its end
            writer.close()

    run(story)


def test_no_answer_waits_for_what_was_imported_to_be_looked_through() -> None:
    before = gc.get_freeze_count(), sys.getswitchinterval()
    try:
        __main__._answer_evenly()

        assert 10_000 < gc.get_freeze_count() - before[0]
        assert 0.001 > sys.getswitchinterval()
    finally:
        gc.unfreeze()
        sys.setswitchinterval(before[1])


@pytest.mark.parametrize("listening", [True, False])
def test_it_ends_when_it_is_told(pair: Pair, listening: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        async with api_server.serving() as server:
            async with started(server, pair() if listening else None) as scene:
                await scene.until(lambda: scene.program.health_port != 0)
                if listening:
                    await scene.ready()
            assert OK == scene.status

    run(story)


def test_a_defect_in_a_watch_ends_the_program(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def defect(_: Any) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(Lookup, "run", defect)

    async def story() -> None:
        async with api_server.serving() as server:
            async with started(server, pair()) as scene:
                await scene.until(lambda: scene.status >= 0)
            assert FAILED == scene.status

    run(story)
    assert "ZeroDivisionError: odd" in caplog.text


def test_settings_that_cannot_be_read_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETATTACH_DRAIN", "soon")

    assert MISUSED == __main__.main()
    assert capsys.readouterr().err.startswith("netattach-webhooks: NETATTACH_DRAIN is 'soon'")

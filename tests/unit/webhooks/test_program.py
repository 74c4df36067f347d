"""The whole program, asked over TLS as an API server asks it."""

from __future__ import annotations

import asyncio
import base64
import gzip
import io
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from netattach_core import admission
from netattach_core.annotation import DEFAULT_NETWORK, NETWORKS
from netattach_kube.resource import INVENTORIES, NADS, SECRETS
from netattach_webhooks import __main__, app
from netattach_webhooks.__main__ import DONE, FAILED, MISUSED, Program
from netattach_webhooks.lookup import Lookup
from netattach_webhooks.settings import Settings
from support import api_server
from support.api_server import ApiServer

Pair = Callable[..., dict[str, str]]
SOUND = json.dumps({"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1"})
NODE = {
    "interfaces": [{"name": "eth0", "addresses": ["10.0.0.2/24"]}, {"name": "eth1"}],
    "defaultInterfaces": [{"name": "eth0", "reasons": ["carries the IPv4 default route"]}],
    "plugins": [{"name": "macvlan"}, {"name": "host-local"}],
}


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 30))


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


class Scene:
    """The program, and an API server's connection to it."""

    def __init__(self, server: ApiServer, settings: Settings) -> None:
        self.server = server
        self.program = Program(server.api, settings)
        self.stop = asyncio.Event()
        self.status = -1
        self.session = aiohttp.ClientSession()

    async def run(self) -> None:
        self.status = await self.program.run(self.stop)

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():  # noqa: ASYNC110  # what a program has come to has no event
                await asyncio.sleep(0.01)

    async def post(self, path: str, body: bytes, **more: Any) -> tuple[int, str]:
        url = f"https://localhost:{self.program.port}/{path}"
        async with self.session.post(url, data=io.BytesIO(body), ssl=False, **more) as response:
            return response.status, await response.text()

    async def ask(self, path: str, body: bytes) -> dict[str, Any]:
        status, text = await self.post(path, body)
        assert 200 == status, text
        answer: dict[str, Any] = json.loads(text)["response"]
        assert "u" == answer["uid"]
        return answer

    async def get(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.program.health_port}/{path}"
        async with self.session.get(url) as response:
            return response.status, await response.text()

    async def ready(self) -> None:
        async with asyncio.timeout(10):
            while not self.program.health_port or (await self.get("readyz"))[0] != 200:  # noqa: ASYNC110  # as above
                await asyncio.sleep(0.01)

    async def connect(self) -> Connection:
        context = ssl._create_unverified_context()
        return await asyncio.open_connection("127.0.0.1", self.program.port, ssl=context)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def certificate(connection: Connection) -> bytes:
    """What was shown to it."""
    shown: bytes = connection[1].get_extra_info("ssl_object").getpeercert(binary_form=True)
    return shown


async def status_line(connection: Connection, body: bytes) -> bytes:
    reader, writer = connection
    writer.write(b"POST /pods HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()
    return await reader.readline()


@asynccontextmanager
async def started(
    server: ApiServer, data: dict[str, str] | None, *, drain: float = 0.0
) -> AsyncIterator[Scene]:
    if data is not None:
        put_secret(server, data)
    settings = Settings(listen="127.0.0.1:0", health="127.0.0.1:0", drain=drain)
    async with asyncio.TaskGroup() as tasks:
        scene = Scene(server, settings)
        async with scene.session:
            tasks.create_task(scene.run())
            yield scene
            scene.stop.set()


@asynccontextmanager
async def serving(data: dict[str, str], *, drain: float = 0.0, node: Any = NODE) -> AsyncIterator[Scene]:
    async with api_server.serving() as server:
        server.put(NADS, {"metadata": {"name": "sound", "namespace": "default"}, "spec": {"config": SOUND}})
        if node:
            server.put(INVENTORIES, {"metadata": {"name": "node1"}, "status": node})
        async with started(server, data, drain=drain) as scene:
            await scene.ready()
            yield scene


def test_a_network_is_judged_with_what_the_nodes_have(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            answer = await scene.ask("nads", review("NetworkAttachmentDefinition", nad(SOUND)))
            assert {"uid": "u", "allowed": True} == answer

            broken, column = nad(SOUND.replace("eth1", "eth0")), SOUND.index('"eth1"') + 1
            answer = await scene.ask("nads", review("NetworkAttachmentDefinition", broken))
            assert not answer["allowed"]
            assert answer["status"]["message"].startswith(
                "\nNetworkAttachmentDefinition default/net is refused, 1 finding:\n"
                f"  deny [master-default-interface] master (line 1, column {column}): `master` "
                "eth0 is a default interface of node1: it carries the IPv4 default route."
            )
            assert answer["status"]["message"].endswith("Mend: use eth1")

    run(story)


def test_a_network_without_any_node_is_taken_with_a_warning(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair(), node=None) as scene:
            answer = await scene.ask("nads", review("NetworkAttachmentDefinition", nad(SOUND)))

            assert answer["allowed"]
            assert answer["warnings"][0].startswith("[inventory-missing] config: no node has reported yet")
            assert len(answer["warnings"][0]) <= 256

    run(story)


def test_an_update_is_judged_where_the_text_changes(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            broken, kind = nad("{,}"), "NetworkAttachmentDefinition"

            assert (await scene.ask("nads", review(kind, broken, broken)))["allowed"]
            assert not (await scene.ask("nads", review(kind, broken, nad(SOUND))))["allowed"]

    run(story)


def test_a_pod_is_refused_with_all_that_is_wrong(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            assert {"uid": "u", "allowed": True} == await scene.ask("pods", review("Pod", pod("sound")))

            answer = await scene.ask(
                "pods", review("Pod", pod("sound, sonud, lost", **{DEFAULT_NETWORK: "x"}))
            )
            lines = answer["status"]["message"].split("\n")
            assert "Pod default/p is refused, 3 findings:" == lines[1]
            assert ["default-network]", "did you mean `sound`?", "'lost'"] == [
                word
                for word, line in zip(
                    ("default-network]", "did you mean `sound`?", "'lost'"), lines[2:], strict=True
                )
                if word in line
            ]

    run(story)


def test_a_pod_is_taken_right_after_its_network(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            scene.program._lookup._nads._objects.clear()

            assert (await scene.ask("pods", review("Pod", pod("sound"))))["allowed"]

    run(story)


def test_a_pod_is_taken_with_a_warning_while_the_api_is_away(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            scene.server.away = True
            answer = await scene.ask("pods", review("Pod", pod("unheard-of")))

            assert answer["allowed"]
            assert "[pod-uncertain-network]" in answer["warnings"][0]
            assert "default/unheard-of" in answer["warnings"][0]

    run(story)


SETTINGS = {
    "sound ones": ("statusForPlainPods: never", True, ""),
    "an unknown value": ("statusForPlainPods: sometimes", False, "'sometimes' is not one of"),
    "an unknown key": ("other: 1", False, "'other' was unexpected"),
    "no YAML": ("{", False, "is not YAML"),
    "lists inside each other": ("[" * 600, False, "too many lists"),
    "a book": ("# " * 10_000, False, "are no settings"),
}


@pytest.mark.parametrize(("text", "allowed", "words"), SETTINGS.values(), ids=SETTINGS)
def test_settings_are_read_before_they_are_taken(pair: Pair, text: str, allowed: bool, words: str) -> None:  # noqa: FBT001
    body = {"metadata": {"name": "netattach-config"}, "data": {"config.yaml": text}}

    async def story() -> None:
        async with serving(pair()) as scene:
            answer = await scene.ask("config", review("ConfigMap", body))

            assert allowed == answer["allowed"]
            assert words in answer.get("status", {}).get("message", "")
            assert (await scene.ask("config", review("ConfigMap", body, body)))["allowed"]

    run(story)


def test_what_is_deleted_and_what_is_not_ours_is_no_business(pair: Pair) -> None:
    deletion = json.loads(review("Pod", pod("[")))
    deletion["request"] |= {"operation": "DELETE", "object": None, "oldObject": pod("[")}
    other = {"metadata": {"name": "other"}, "data": {"config.yaml": "{"}}

    async def story() -> None:
        async with serving(pair()) as scene:
            for path in ("nads", "pods", "config"):
                assert (await scene.ask(path, json.dumps(deletion).encode()))["allowed"]
            assert (await scene.ask("config", review("ConfigMap", other)))["allowed"]

    run(story)


def test_bodies_that_are_no_reviews_are_refused(pair: Pair) -> None:
    sound = review("Pod", pod("sound"))

    async def story() -> None:
        async with serving(pair()) as scene:
            for body in (b"", b"\xff", b"NaN", b"[" * 100_000, b"x" * 4 * 2**20, gzip.compress(sound)):
                status, text = await scene.post("pods", body)

                assert 400 == status, text
                assert text.startswith("netattach-webhooks: ")
            compressed = gzip.compress(sound)
            status, _ = await scene.post("pods", compressed, headers={"Content-Encoding": "gzip"})
            assert 400 == status

    run(story)


def test_a_body_of_four_mebibytes_is_judged_and_a_larger_one_refused(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {**pod("sound"), "padding": "x" * 4 * 2**20}

    async def story() -> None:
        async with serving(pair()) as scene:
            assert (await scene.ask("pods", review("Pod", large)))["allowed"]

        monkeypatch.setattr(app, "_LONGEST", 1000)
        async with serving(pair()) as scene:
            status, text = await scene.post("pods", review("Pod", {**pod("sound"), "padding": "x" * 1000}))

            assert (413, "netattach-webhooks: a review may have 1000 bytes\n") == (status, text)

    run(story)


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("3s", 2.8), ("10s", 9.8), ("500ms", 0.3), ("1ms", 0.2), ("", 2.8), ("1h", 2.8), ("999s", 29.8)],
)
def test_the_api_servers_own_limit_is_kept(timeout: str, seconds: float) -> None:
    assert seconds == pytest.approx(app._seconds(timeout))


def test_a_review_that_takes_too_long_is_answered_in_time(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Lookup, "missed", never)

    async def story() -> None:
        async with serving(pair()) as scene:
            status, text = await scene.post("pods?timeout=300ms", review("Pod", pod("sound")))

            assert (504, "netattach-webhooks: not judged within 0.2 s\n") == (status, text)

    run(story)


def test_a_defect_is_told_and_logged_and_ends_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: Any) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(admission, "of_nad", defect)

    async def story() -> None:
        async with serving(pair()) as scene:
            status, text = await scene.post("nads", review("NetworkAttachmentDefinition", nad(SOUND)))

            assert (500, "netattach-webhooks: a defect in netattach: its log says more\n") == (status, text)
            assert "ZeroDivisionError: odd" in caplog.text
            assert (await scene.ask("pods", review("Pod", pod("sound"))))["allowed"]

    run(story)


def test_until_everything_is_listed_nothing_is_decided_and_readiness_says_so(pair: Pair) -> None:
    async def story() -> None:
        async with api_server.serving() as server:
            server.absent = {NADS.plural, INVENTORIES.plural}
            async with started(server, pair()) as scene:
                await scene.until(lambda: scene.program.port != 0)

                status, text = await scene.post("nads", review("NetworkAttachmentDefinition", nad(SOUND)))
                assert (503, True) == (status, "node inventories are not listed yet" in text)
                assert 503 == (await scene.post("pods", review("Pod", pod("sound"))))[0]
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


@pytest.mark.parametrize("listening", [True, False])
def test_it_ends_when_it_is_told(pair: Pair, listening: bool) -> None:  # noqa: FBT001
    async def story() -> None:
        async with api_server.serving() as server:
            async with started(server, pair() if listening else None) as scene:
                await scene.until(lambda: scene.program.health_port != 0)
                if listening:
                    await scene.ready()
            assert DONE == scene.status

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


def test_all_of_it_is_counted(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            await scene.ask("nads", review("NetworkAttachmentDefinition", nad("{,}")))
            await scene.ask("pods", review("Pod", pod("sound")))
            await scene.post("pods", b"")
            _, text = await scene.get("metrics")

            for line in (
                'netattach_webhook_requests_total{kind="nads",verdict="denied"} 1.0',
                'netattach_webhook_requests_total{kind="pods",verdict="allowed"} 1.0',
                'netattach_webhook_requests_total{kind="pods",verdict="malformed"} 1.0',
                'netattach_webhook_findings_total{rule="json-syntax",severity="deny"} 1.0',
                'netattach_webhook_seconds_count{kind="pods"} 2.0',
                'netattach_certificate_expiry_timestamp_seconds{certificate="served"}',
            ):
                assert line in text

    run(story)

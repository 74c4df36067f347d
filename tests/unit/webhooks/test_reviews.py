"""What API servers are answered, from the question over TLS to the words."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from typing import Any

import pytest

from netattach_core import admission
from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from netattach_kube.resource import NADS
from netattach_webhooks import app
from netattach_webhooks import review as webhooks_review
from netattach_webhooks.lookup import Lookup
from netattach_webhooks.review import Review
from unit.webhooks.scene import (
    SOUND,
    Pair,
    nad,
    pod,
    review,
    run,
    serving,
)


def test_a_network_is_validated_with_what_the_nodes_have(pair: Pair) -> None:
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
            assert answer["status"]["message"].split("\n")[2].endswith("Fix: use eth1")
            shown, caret = answer["status"]["message"].split("\n")[3:]
            assert shown == f"      1 | {broken['spec']['config']}"
            assert '"eth0"' == shown[caret.index("^") :][:6]

    run(story)


def test_a_network_without_any_node_is_taken_with_a_warning(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair(), node=None) as scene:
            answer = await scene.ask("nads", review("NetworkAttachmentDefinition", nad(SOUND)))

            assert answer["allowed"]
            assert answer["warnings"][0].startswith(
                "[inventory-missing] config: no node has published an inventory yet"
            )
            assert len(answer["warnings"][0]) <= 256

    run(story)


def test_an_update_is_validated_where_the_text_changes(pair: Pair) -> None:
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
                "pods", review("Pod", pod("sound, sonud, lost", **{DEFAULT_NETWORK: "default/sound@net0"}))
            )
            lines = answer["status"]["message"].split("\n")
            assert "Pod default/p is refused, 3 findings:" == lines[1]
            assert ["default-network[0]", "did you mean `sound`?", "'lost'"] == [
                word
                for word, line in zip(
                    ("default-network[0]", "did you mean `sound`?", "'lost'"), lines[2:], strict=True
                )
                if word in line
            ]

    run(story)


def test_a_network_of_another_namespace_is_named_with_it(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            scene.server.put(
                NADS, {"metadata": {"name": "sound", "namespace": "other"}, "spec": {"config": SOUND}}
            )
            await scene.until(lambda: ("other", "sound") in scene.program._lookup.networks())
            answer = await scene.ask("pods", review("Pod", pod("other/sonud")))

            assert answer["status"]["message"].endswith("Fix: did you mean `other/sound`?")

    run(story)


def test_a_pod_with_the_nodes_network_is_taken_whatever_it_asks_for(pair: Pair) -> None:
    body = {**pod("lost"), "spec": {"hostNetwork": True}}

    async def story() -> None:
        async with serving(pair()) as scene:
            answer = await scene.ask("pods", review("Pod", body))

            assert answer["allowed"]
            (warning,) = answer["warnings"]
            assert warning.startswith("[pod-host-network]")

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
            for body in (b"", b"\xff", b"NaN", b"[" * 100_000, b"x" * 3 * 2**20, gzip.compress(sound)):
                status, text = await scene.post("pods", body)

                assert 400 == status, text
                assert text.startswith("netattach-webhooks: ")
            compressed = gzip.compress(sound)
            status, _ = await scene.post("pods", compressed, headers={"Content-Encoding": "gzip"})
            assert 400 == status

    run(story)


def test_an_update_of_the_largest_objects_is_validated_and_a_larger_body_refused(pair: Pair) -> None:
    largest = {**pod("sound"), "padding": "x" * 15 * 10**5}

    async def story() -> None:
        async with serving(pair()) as scene:
            assert (await scene.ask("pods", review("Pod", largest, largest)))["allowed"]

            status, text = await scene.post("pods", review("Pod", {**largest, "more": "x" * 3 * 10**6}))
            assert (413, "netattach-webhooks: a review may have 4194304 bytes\n") == (status, text)

    run(story)


def test_a_large_body_is_read_where_nobody_waits_for_it(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    read, threads = webhooks_review.decode, list[str]()

    def decode(body: bytes) -> Review:
        threads.append(threading.current_thread().name.partition("_")[0])
        return read(body)

    monkeypatch.setattr(webhooks_review, "decode", decode)

    async def story() -> None:
        async with serving(pair()) as scene:
            for path in ("pods", "nads", "config"):
                body = review("Pod", {**pod("sound"), "padding": [{}] * 2**14})
                assert 2**16 < len(body)
                assert (await scene.ask(path, body))["allowed"]
            assert (await scene.ask("pods", review("Pod", pod("sound"))))["allowed"]

    run(story)
    assert ["pods", "nads", "settings", "MainThread"] == threads


def test_a_large_body_that_is_no_review_is_malformed(pair: Pair) -> None:
    async def story() -> None:
        async with serving(pair()) as scene:
            status, text = await scene.post("pods", b"[" + b"{}," * 2**15 + b"{}]")

            assert (400, "netattach-webhooks: the body is no AdmissionReview\n") == (status, text)

    run(story)


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("3s", 2.8), ("10s", 9.8), ("500ms", 0.3), ("1ms", 0.2), ("", 2.8), ("1h", 2.8), ("999s", 29.8)],
)
def test_the_api_servers_own_limit_is_kept(timeout: str, seconds: float) -> None:
    assert seconds == pytest.approx(app._seconds(f"/pods?timeout={timeout}"))


def test_a_review_that_takes_too_long_is_answered_in_time(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Lookup, "look", never)

    async def story() -> None:
        async with serving(pair()) as scene:
            status, text = await scene.post("pods?timeout=300ms", review("Pod", pod("sound")))

            assert (504, "netattach-webhooks: not validated within 0.2 s\n") == (status, text)

    run(story)


def test_a_defect_is_told_and_logged_and_ends_nothing(
    pair: Pair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(admission, "validate_nad", defect)

    async def story() -> None:
        async with serving(pair()) as scene:
            status, text = await scene.post("nads", review("NetworkAttachmentDefinition", nad(SOUND)))

            assert (500, "netattach-webhooks: a defect in netattach: its log says more\n") == (status, text)
            assert "ZeroDivisionError: odd" in caplog.text
            assert (await scene.ask("pods", review("Pod", pod("sound"))))["allowed"]

    run(story)


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

"""Responses to reviews, over TLS, and the limits on size and time."""

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
from netattach_webhooks.cluster_cache import ClusterCache
from netattach_webhooks.review import AdmissionRequest
from unit.webhooks.harness import (
    VALID_CONFIG,
    NewKeyPair,
    nad,
    pod,
    review,
    run,
    serving,
    until,
)


def test_a_network_is_validated_with_what_the_nodes_have(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            answer = await harness.post_review(
                "nads", review("NetworkAttachmentDefinition", nad(VALID_CONFIG))
            )
            assert {"uid": "u", "allowed": True} == answer

            broken, column = nad(VALID_CONFIG.replace("eth1", "eth0")), VALID_CONFIG.index('"eth1"') + 1
            answer = await harness.post_review("nads", review("NetworkAttachmentDefinition", broken))
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

    run(scenario)


def test_without_nodes_a_network_is_admitted_with_a_warning(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair(), node=None) as harness:
            answer = await harness.post_review(
                "nads", review("NetworkAttachmentDefinition", nad(VALID_CONFIG))
            )

            assert answer["allowed"]
            assert answer["warnings"][0].startswith(
                "[inventory-missing] config: no node has published an inventory yet"
            )
            assert len(answer["warnings"][0]) <= 256

    run(scenario)


def test_an_update_is_validated_only_if_the_config_changes(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            broken, kind = nad("{,}"), "NetworkAttachmentDefinition"

            assert (await harness.post_review("nads", review(kind, broken, broken)))["allowed"]
            assert not (await harness.post_review("nads", review(kind, broken, nad(VALID_CONFIG))))["allowed"]

    run(scenario)


def test_a_denial_of_a_pod_lists_all_findings(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            assert {"uid": "u", "allowed": True} == await harness.post_review(
                "pods", review("Pod", pod("sound"))
            )

            answer = await harness.post_review(
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

    run(scenario)


def test_a_network_of_another_namespace_is_suggested_with_its_namespace(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            harness.server.put(
                NADS, {"metadata": {"name": "sound", "namespace": "other"}, "spec": {"config": VALID_CONFIG}}
            )
            await until(lambda: ("other", "sound") in harness.program._cache.networks())
            answer = await harness.post_review("pods", review("Pod", pod("other/sonud")))

            assert answer["status"]["message"].endswith("Fix: did you mean `other/sound`?")

    run(scenario)


def test_a_pod_with_host_network_is_admitted_with_a_warning(new_key_pair: NewKeyPair) -> None:
    body = {**pod("lost"), "spec": {"hostNetwork": True}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            answer = await harness.post_review("pods", review("Pod", body))

            assert answer["allowed"]
            (warning,) = answer["warnings"]
            assert warning.startswith("[pod-host-network]")

    run(scenario)


def test_a_pod_is_admitted_right_after_its_network(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            harness.program._cache._nads._objects.clear()

            assert (await harness.post_review("pods", review("Pod", pod("sound"))))["allowed"]

    run(scenario)


def test_a_pod_is_admitted_with_a_warning_while_the_api_server_is_down(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            harness.server.away = True
            answer = await harness.post_review("pods", review("Pod", pod("unheard-of")))

            assert answer["allowed"]
            assert "[pod-uncertain-network]" in answer["warnings"][0]
            assert "default/unheard-of" in answer["warnings"][0]

    run(scenario)


SETTINGS = {
    "valid settings": ("statusForPlainPods: never", True, ""),
    "an unknown value": ("statusForPlainPods: sometimes", False, "'sometimes' is not one of"),
    "an unknown key": ("other: 1", False, "'other' was unexpected"),
    "not YAML": ("{", False, "is not YAML"),
    "nested lists": ("[" * 600, False, "too many"),
    "a long text": ("# " * 10_000, False, "longer than 16384 characters"),
}


@pytest.mark.parametrize(("text", "allowed", "part"), SETTINGS.values(), ids=SETTINGS)
def test_settings_are_validated(new_key_pair: NewKeyPair, text: str, allowed: bool, part: str) -> None:  # noqa: FBT001
    body = {"metadata": {"name": "netattach-config"}, "data": {"config.yaml": text}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            answer = await harness.post_review("config", review("ConfigMap", body))

            assert allowed == answer["allowed"]
            assert part in answer.get("status", {}).get("message", "")
            assert (await harness.post_review("config", review("ConfigMap", body, body)))["allowed"]

    run(scenario)


def test_deletions_and_other_config_maps_are_admitted(new_key_pair: NewKeyPair) -> None:
    deletion = json.loads(review("Pod", pod("[")))
    deletion["request"] |= {"operation": "DELETE", "object": None, "oldObject": pod("[")}
    other = {"metadata": {"name": "other"}, "data": {"config.yaml": "{"}}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            for path in ("nads", "pods", "config"):
                assert (await harness.post_review(path, json.dumps(deletion).encode()))["allowed"]
            assert (await harness.post_review("config", review("ConfigMap", other)))["allowed"]

    run(scenario)


def test_bodies_that_are_not_reviews_are_rejected(new_key_pair: NewKeyPair) -> None:
    sound = review("Pod", pod("sound"))

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            for body in (b"", b"\xff", b"NaN", b"[" * 100_000, b"x" * 3 * 2**20, gzip.compress(sound)):
                status, text = await harness.post("pods", body)

                assert 400 == status, text
                assert text.startswith("netattach-webhooks: ")
            compressed = gzip.compress(sound)
            status, _ = await harness.post("pods", compressed, headers={"Content-Encoding": "gzip"})
            assert 400 == status

    run(scenario)


def test_an_update_of_the_largest_object_is_validated_and_a_larger_body_rejected(
    new_key_pair: NewKeyPair,
) -> None:
    largest = {**pod("sound"), "padding": "x" * 15 * 10**5}

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            assert (await harness.post_review("pods", review("Pod", largest, largest)))["allowed"]

            status, text = await harness.post("pods", review("Pod", {**largest, "more": "x" * 3 * 10**6}))
            assert (413, "netattach-webhooks: a review may have at most 4194304 bytes\n") == (status, text)

    run(scenario)


def test_a_large_body_is_decoded_in_a_thread(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, threads = webhooks_review.decode, list[str]()

    def decode(body: bytes) -> AdmissionRequest:
        threads.append(threading.current_thread().name.partition("_")[0])
        return original(body)

    monkeypatch.setattr(webhooks_review, "decode", decode)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            for path in ("pods", "nads", "config"):
                body = review("Pod", {**pod("sound"), "padding": [{}] * 2**14})
                assert 2**16 < len(body)
                assert (await harness.post_review(path, body))["allowed"]
            assert (await harness.post_review("pods", review("Pod", pod("sound"))))["allowed"]

    run(scenario)
    assert ["pods", "nads", "settings", "MainThread"] == threads


def test_a_large_body_that_is_not_a_review_is_malformed(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            status, text = await harness.post("pods", b"[" + b"{}," * 2**15 + b"{}]")

            assert (400, "netattach-webhooks: the body is not an AdmissionReview\n") == (status, text)

    run(scenario)


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [("3s", 2.8), ("10s", 2.8), ("500ms", 0.3), ("1ms", 0.2), ("", 2.8), ("1h", 2.8), ("999s", 2.8)],
)
def test_the_api_servers_timeout_is_met_and_no_longer_one_accepted(
    timeout: str, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_MAX_SECONDS", 3.0)
    assert seconds == pytest.approx(app._timeout(f"/pods?timeout={timeout}"))


def test_a_review_that_takes_too_long_gets_a_response_in_time(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(ClusterCache, "look_up", never)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            status, text = await harness.post("pods?timeout=300ms", review("Pod", pod("sound")))

            assert (504, "netattach-webhooks: not validated within 0.2 s\n") == (status, text)

    run(scenario)


def test_an_internal_error_is_reported_and_logged(
    new_key_pair: NewKeyPair, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("odd")

    monkeypatch.setattr(admission, "validate_nad", fail)

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            status, text = await harness.post(
                "nads", review("NetworkAttachmentDefinition", nad(VALID_CONFIG))
            )

            assert (500, "netattach-webhooks: internal error; see the log of netattach-webhooks\n") == (
                status,
                text,
            )
            assert "ZeroDivisionError: odd" in caplog.text
            assert (await harness.post_review("pods", review("Pod", pod("sound"))))["allowed"]

    run(scenario)


def test_metrics_count_reviews_and_findings(new_key_pair: NewKeyPair) -> None:
    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await harness.post_review("nads", review("NetworkAttachmentDefinition", nad("{,}")))
            await harness.post_review("pods", review("Pod", pod("sound")))
            await harness.post("pods", b"")
            _, text = await harness.get("metrics")

            for line in (
                'netattach_webhook_requests_total{kind="nads",outcome="denied"} 1.0',
                'netattach_webhook_requests_total{kind="pods",outcome="allowed"} 1.0',
                'netattach_webhook_requests_total{kind="pods",outcome="malformed"} 1.0',
                'netattach_webhook_findings_total{rule="json-syntax",severity="deny"} 1.0',
                'netattach_webhook_review_duration_seconds_count{kind="pods"} 2.0',
                'netattach_certificate_expiry_timestamp_seconds{certificate="served"}',
            ):
                assert line in text

    run(scenario)

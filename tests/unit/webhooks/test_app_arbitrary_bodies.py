"""Hostile bodies: each gets a verdict or a clear error, in little time and with little memory."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_webhooks import review as webhooks_review
from unit.webhooks.harness import VALID_CONFIG, Harness, NewKeyPair, nad, pod, review, run, serving

MAX_BODY = 4 * 2**20
SECONDS, MEBIBYTES = 10.0, 150
"""CPU time, including that of the client, and peak memory. The slowest body takes 0.7 s, and more on a busy machine."""

DEEP = 100_000

NAD, POD = "NetworkAttachmentDefinition", "Pod"


def with_raw(text: str) -> bytes:
    """A review of a pod that contains this JSON unchanged."""
    return review(POD, {**pod("sound"), "padding": "@"}).replace(b'"@"', text.encode())


def filled_with(element: str) -> bytes:
    """A review of a pod with a list of as many elements as a body has room for."""
    room = MAX_BODY - len(with_raw("[]")) - len(element)
    return with_raw(f"[{f'{element},' * (room // (len(element) + 1))}{element}]")


def keys(count: int) -> str:
    return "{" + ",".join(f'"k{number}":0' for number in range(count)) + "}"


def of_bytes(length: int) -> bytes:
    return with_raw('"' + "x" * (length - len(with_raw('""'))) + '"')


def settings(text: str) -> bytes:
    body = {"metadata": {"name": "netattach-config"}, "data": {"config.yaml": text}}
    return review("ConfigMap", body)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


Make = Callable[[], bytes]
MALFORMED: dict[str, tuple[Make, str]] = {
    "lists a hundred thousand deep": (lambda: with_raw(nested(DEEP)), "nested"),
    "objects a hundred thousand deep": (
        lambda: with_raw('{"a":' * DEEP + "0" + "}" * DEEP),
        "nested",
    ),
    "lists that are never closed": (lambda: b"[" * MAX_BODY, "nested"),
    "lists that can just be read": (lambda: with_raw(nested(900)), "nested"),
    "a lone surrogate": (lambda: with_raw('"@@"').replace(b"@@", b"\xed\xa0\x80"), "not UTF-8"),
    "Latin-1": (lambda: with_raw('"@@"').replace(b"@@", b"\xe9"), "not UTF-8"),
    "UTF-16": (lambda: with_raw("0").decode().encode("utf-16"), "not UTF-8"),
    "NaN": (lambda: with_raw("NaN"), "NaN is not a JSON number"),
    "Infinity": (lambda: with_raw("-Infinity"), "-Infinity is not a JSON number"),
    "a key twice": (lambda: with_raw('{"a":1,"a":2}'), "the key 'a' appears twice"),
    "a long key twice": (lambda: with_raw(f'{{"{"k" * 2**20}":1,"{"k" * 2**20}":2}}'), "appears twice"),
    "one of many keys twice": (
        lambda: with_raw(keys(200_000)[:-1] + ',"k7":0}'),
        "the key 'k7' appears twice",
    ),
    "a number of a million digits": (lambda: with_raw("1" * 10**6), "not JSON"),
    "an apiVersion of a megabyte": (
        lambda: json.dumps({"kind": "AdmissionReview", "apiVersion": "\x1b[2J" * 2**18}).encode(),
        "only admission.k8s.io/v1 is supported",
    ),
    "YAML": (lambda: b"kind: AdmissionReview\n" * 10_000, "not JSON"),
}
ADMITTED: dict[str, tuple[str, Make]] = {
    "as many bytes as there may be": ("pods", lambda: of_bytes(MAX_BODY)),
    "as many objects as there may be": ("pods", lambda: filled_with("{}")),
    "as many numbers as there may be": ("pods", lambda: filled_with("1")),
    "three hundred thousand keys": ("pods", lambda: with_raw(keys(300_000))),
    "as many networks as an annotation has room for": (
        "pods",
        lambda: review(
            POD, {**pod(",".join(f"n{number}" for number in range(9_000))), "spec": {"hostNetwork": True}}
        ),
    ),
}
REFUSED: dict[str, tuple[str, Make, str]] = {
    "a configuration a hundred thousand deep": (
        "nads",
        lambda: review(NAD, nad(nested(DEEP))),
        "[config-too-long]",
    ),
    "a configuration as deep as its length allows": (
        "nads",
        lambda: review(NAD, nad('{"a":' * 6_000)),
        "nested more than 100 levels",
    ),
    "a configuration of a megabyte": ("nads", lambda: review(NAD, nad("x" * 2**20)), "[config-too-long]"),
    "a configuration of many small keys": (
        "nads",
        lambda: review(NAD, nad('{"type":"macvlan","master":"eth0",' + keys(2_500)[1:])),
        "[master-default-interface]",
    ),
    "a configuration with NaN": ("nads", lambda: review(NAD, nad('{"mtu":NaN}')), "is not a JSON number"),
    "a configuration that is YAML, eighty deep": (
        "nads",
        lambda: review(NAD, {"metadata": {"name": "net"}, "spec": {"config": json.loads(nested(80))}}),
        "[config-not-text]",
    ),
    "an annotation a hundred thousand deep": (
        "pods",
        lambda: review(POD, pod(nested(DEEP))),
        "the maximum is 65536",
    ),
    "an annotation as deep as its length allows": (
        "pods",
        lambda: review(POD, pod(nested(30_000))),
        "nested more than 100 levels",
    ),
    "an annotation that is one long name": (
        "pods",
        lambda: review(POD, pod("A" * 2**20)),
        "[pod-annotation]",
    ),
    "an annotation of one long value": (
        "pods",
        lambda: review(POD, pod(json.dumps([{"name": "sound", "ips": ["9" * 60_000]}]))),
        "is not a valid IP address",
    ),
    "an annotation of twenty thousand elements": (
        "pods",
        lambda: review(POD, pod("[" + "{}," * 20_000 + "{}]")),
        "element 0",
    ),
    "an annotation with a number of sixty thousand digits": (
        "pods",
        lambda: review(POD, pod(f'[{{"name":"sound","mac":{"1" * 60_000}}}]')),
        "a number that is not valid in JSON",
    ),
    "a name of a megabyte with control characters": (
        "pods",
        lambda: review(
            POD,
            {"metadata": {"name": "\x1b[2J\n" * 2**17, "annotations": pod("A")["metadata"]["annotations"]}},
        ),
        "is refused, 1 finding",
    ),
    "settings of nested lists": ("config", lambda: settings("- " * 8_000), "too many"),
    "settings of a megabyte": ("config", lambda: settings("#" * 2**20), "longer than 16384 characters"),
}


@pytest.mark.parametrize(("make", "part"), MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_is_not_a_review_is_malformed(new_key_pair: NewKeyPair, make: Make, part: str) -> None:
    status, text = _measured(new_key_pair, "pods", make())

    assert 400 == status, text[:300]
    assert part in text
    assert text.startswith("netattach-webhooks: ")
    assert text.removesuffix("\n").isprintable()
    assert len(text) < 500


@pytest.mark.parametrize(("path", "make"), ADMITTED.values(), ids=ADMITTED)
def test_a_large_valid_review_is_admitted(new_key_pair: NewKeyPair, path: str, make: Make) -> None:
    body = make()
    assert len(body) <= MAX_BODY

    status, text = _measured(new_key_pair, path, body)

    assert 200 == status, text[:300]
    assert json.loads(text)["response"]["allowed"]


@pytest.mark.parametrize(("path", "make", "part"), REFUSED.values(), ids=REFUSED)
def test_a_hostile_object_is_refused_with_a_short_message(
    new_key_pair: NewKeyPair, path: str, make: Make, part: str
) -> None:
    status, text = _measured(new_key_pair, path, make())
    response = json.loads(text)["response"]

    assert (200, "u", False) == (status, response["uid"], response["allowed"])
    message = response["status"]["message"]
    assert part in message
    assert len(message) <= 8_000
    assert all(line.isprintable() for line in message.split("\n"))


def test_a_body_above_the_limit_is_rejected(new_key_pair: NewKeyPair) -> None:
    status, text = _measured(new_key_pair, "pods", of_bytes(MAX_BODY + 1))

    assert (413, f"netattach-webhooks: a review may have at most {MAX_BODY} bytes\n") == (status, text)


@pytest.mark.parametrize(
    "text", ["2001-13-01", "a: " + "9" * 5000, "a: !!float x", "a: !!bool x", "a: !!timestamp x"]
)
def test_settings_with_a_value_that_the_yaml_parser_rejects_are_refused(
    new_key_pair: NewKeyPair, text: str
) -> None:
    status, answer = _measured(new_key_pair, "config", settings(text))

    assert 200 == status, answer
    assert not json.loads(answer)["response"]["allowed"]


def test_settings_with_exponentially_nested_aliases_are_refused(new_key_pair: NewKeyPair) -> None:
    """Each line repeats the previous one eleven times: a few more lines would fill the memory of any machine."""
    lines = ["a0: &a0 [" + ",".join("x" * 11) + "]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 11)}]" for n in range(1, 7)]

    status, answer = _measured(
        new_key_pair, "config", settings("\n".join([*lines, "statusForPlainPods: *a6"]))
    )

    assert 200 == status, answer
    assert not json.loads(answer)["response"]["allowed"]


def test_the_subject_is_kind_namespace_and_name() -> None:
    request = webhooks_review.decode(review(POD, {"metadata": {"name": "x" * 100}}))

    assert f"Pod default/{'x' * 100}" == request.subject


def _measured(new_key_pair: NewKeyPair, path: str, body: bytes) -> tuple[int, str]:
    """Posts the body and returns the response; before and after it, valid reviews are admitted."""
    responses = list[tuple[int, str]]()

    async def scenario() -> None:
        async with serving(new_key_pair()) as harness:
            await _post_valid_reviews(harness)
            before, started = _peak_mebibytes(reset=True), time.process_time()
            responses.append(await harness.post(f"{path}?timeout=30s", body))
            assert time.process_time() - started < SECONDS
            assert _peak_mebibytes() - before < MEBIBYTES
            await _post_valid_reviews(harness)

    run(scenario)
    return responses[0]


async def _post_valid_reviews(harness: Harness) -> None:
    for path, kind, body in (("nads", NAD, nad(VALID_CONFIG)), ("pods", POD, pod("sound"))):
        answer: dict[str, Any] = await harness.post_review(path, review(kind, body))
        assert answer["allowed"], answer


def _peak_mebibytes(*, reset: bool = False) -> float:
    """Peak memory of this process; with `reset`, a new measurement begins, if the kernel allows it."""
    if reset:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

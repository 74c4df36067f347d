"""Bodies that nobody sends by mistake: each gets a verdict or a clear error, in little time and little memory."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_webhooks import review as webhooks_review
from unit.webhooks.scene import SOUND, Pair, Scene, nad, pod, review, run, serving

LONGEST = 4 * 2**20
SECONDS, MEBIBYTES = 3.0, 150
"""Of the processor's time, in which the asking is contained, and of memory at the highest."""

DEEP = 100_000

NAD, POD = "NetworkAttachmentDefinition", "Pod"


def with_raw(text: str) -> bytes:
    """A review of a pod in which this JSON stands as it is."""
    return review(POD, {**pod("sound"), "padding": "@"}).replace(b'"@"', text.encode())


def filled(unit: str) -> bytes:
    """A review of a pod with as many elements of a list as a body has room for."""
    room = LONGEST - len(with_raw("[]")) - len(unit)
    return with_raw(f"[{f'{unit},' * (room // (len(unit) + 1))}{unit}]")


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
    "lists a hundred thousand deep": (lambda: with_raw(nested(DEEP)), "inside each other"),
    "objects a hundred thousand deep": (
        lambda: with_raw('{"a":' * DEEP + "0" + "}" * DEEP),
        "inside each other",
    ),
    "lists that are never closed": (lambda: b"[" * LONGEST, "inside each other"),
    "lists that can just be read": (lambda: with_raw(nested(900)), "inside each other"),
    "half a character": (lambda: with_raw('"@@"').replace(b"@@", b"\xed\xa0\x80"), "not UTF-8"),
    "Latin-1": (lambda: with_raw('"@@"').replace(b"@@", b"\xe9"), "not UTF-8"),
    "UTF-16": (lambda: with_raw("0").decode().encode("utf-16"), "not UTF-8"),
    "NaN": (lambda: with_raw("NaN"), "NaN is no number"),
    "Infinity": (lambda: with_raw("-Infinity"), "-Infinity is no number"),
    "a key twice": (lambda: with_raw('{"a":1,"a":2}'), "the key 'a' stands twice"),
    "a long key twice": (lambda: with_raw(f'{{"{"k" * 2**20}":1,"{"k" * 2**20}":2}}'), "stands twice"),
    "one of many keys twice": (
        lambda: with_raw(keys(200_000)[:-1] + ',"k7":0}'),
        "the key 'k7' stands twice",
    ),
    "a number of a million digits": (lambda: with_raw("1" * 10**6), "not JSON"),
    "an apiVersion of a megabyte": (
        lambda: json.dumps({"kind": "AdmissionReview", "apiVersion": "\x1b[2J" * 2**18}).encode(),
        "only admission.k8s.io/v1 is spoken",
    ),
    "YAML": (lambda: b"kind: AdmissionReview\n" * 10_000, "not JSON"),
}
TAKEN: dict[str, tuple[str, Make]] = {
    "as many bytes as there may be": ("pods", lambda: of_bytes(LONGEST)),
    "as many objects as there may be": ("pods", lambda: filled("{}")),
    "as many numbers as there may be": ("pods", lambda: filled("1")),
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
        "more than 100 objects and lists",
    ),
    "a configuration of a megabyte": ("nads", lambda: review(NAD, nad("x" * 2**20)), "[config-too-long]"),
    "a configuration of many small keys": (
        "nads",
        lambda: review(NAD, nad('{"type":"macvlan","master":"eth0",' + keys(2_500)[1:])),
        "[master-default-interface]",
    ),
    "a configuration with NaN": ("nads", lambda: review(NAD, nad('{"mtu":NaN}')), "no JSON number"),
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
        "more than 100 objects and lists",
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
        "a number that JSON does not know",
    ),
    "a name of a megabyte that a terminal obeys": (
        "pods",
        lambda: review(
            POD,
            {"metadata": {"name": "\x1b[2J\n" * 2**17, "annotations": pod("A")["metadata"]["annotations"]}},
        ),
        "is refused, 1 finding",
    ),
    "settings of lists inside each other": ("config", lambda: settings("- " * 8_000), "too many lists"),
    "settings of a megabyte": ("config", lambda: settings("#" * 2**20), "are no settings"),
}


@pytest.mark.parametrize(("make", "words"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_no_review_is_malformed(pair: Pair, make: Make, words: str) -> None:
    status, text = _measured(pair, "pods", make())

    assert 400 == status, text[:300]
    assert words in text
    assert text.startswith("netattach-webhooks: ")
    assert text.removesuffix("\n").isprintable()
    assert len(text) < 500


@pytest.mark.parametrize(("path", "make"), TAKEN.values(), ids=TAKEN)
def test_what_is_large_and_sound_is_taken(pair: Pair, path: str, make: Make) -> None:
    body = make()
    assert len(body) <= LONGEST

    status, text = _measured(pair, path, body)

    assert 200 == status, text[:300]
    assert json.loads(text)["response"]["allowed"]


@pytest.mark.parametrize(("path", "make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_a_review_of_nonsense_is_refused_with_few_words(
    pair: Pair, path: str, make: Make, words: str
) -> None:
    status, text = _measured(pair, path, make())
    response = json.loads(text)["response"]

    assert (200, "u", False) == (status, response["uid"], response["allowed"])
    message = response["status"]["message"]
    assert words in message
    assert len(message) <= 8_000
    assert all(line.isprintable() for line in message.split("\n"))


def test_a_byte_too_many_is_too_many(pair: Pair) -> None:
    status, text = _measured(pair, "pods", of_bytes(LONGEST + 1))

    assert (413, f"netattach-webhooks: a review may have {LONGEST} bytes\n") == (status, text)


@pytest.mark.parametrize(
    "text", ["2001-13-01", "a: " + "9" * 5000, "a: !!float x", "a: !!bool x", "a: !!timestamp x"]
)
def test_settings_with_a_value_that_yaml_cannot_make_are_refused(pair: Pair, text: str) -> None:
    status, answer = _measured(pair, "config", settings(text))

    assert 200 == status, answer
    assert not json.loads(answer)["response"]["allowed"]


def test_settings_whose_aliases_would_fill_the_memory_are_refused(pair: Pair) -> None:
    """Each line is the one before eleven times: a few lines more, and no machine has the memory."""
    lines = ["a0: &a0 [" + ",".join("x" * 11) + "]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 11)}]" for n in range(1, 7)]

    status, answer = _measured(pair, "config", settings("\n".join([*lines, "statusForPlainPods: *a6"])))

    assert 200 == status, answer
    assert not json.loads(answer)["response"]["allowed"]


def test_what_an_object_is_called_is_quoted_in_few_words() -> None:
    asked = webhooks_review.decode(review(POD, {"metadata": {"name": "x" * 100}}))

    assert f"Pod default/{'x' * 100}" == asked.about


def _measured(pair: Pair, path: str, body: bytes) -> tuple[int, str]:
    """Sends it to the program; the answer. Whatever it was, the next question is answered, too."""
    answers = list[tuple[int, str]]()

    async def story() -> None:
        async with serving(pair()) as scene:
            await _sound(scene)
            before, started = _peak(anew=True), time.process_time()
            answers.append(await scene.post(f"{path}?timeout=30s", body))
            assert time.process_time() - started < SECONDS
            assert _peak() - before < MEBIBYTES
            await _sound(scene)

    run(story)
    return answers[0]


async def _sound(scene: Scene) -> None:
    for path, kind, body in (("nads", NAD, nad(SOUND)), ("pods", POD, pod("sound"))):
        answer: dict[str, Any] = await scene.ask(path, review(kind, body))
        assert answer["allowed"], answer


def _peak(*, anew: bool = False) -> float:
    """MiB that this process has had at most, from now on where `anew`, if the kernel lets us forget what was before."""
    if anew:
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

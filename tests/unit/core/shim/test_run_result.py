"""How a plugin's end is taken."""

from __future__ import annotations

import json

import pytest

from netattach_core.errors import DelegateError
from netattach_core.shim import run_result
from netattach_core.shim.protocol import Outcome, Ran


def _ran(outcome: Outcome = Outcome.EXITED, number: int = 0, stdout: bytes = b"", stderr: bytes = b"") -> Ran:
    return Ran(1, outcome, number, stdout, stderr)


def test_a_result_of_the_right_version_keeps_its_bytes() -> None:
    """Keys that we do not know included."""
    text = '{ "cniVersion": "1.0.0", "somebodys": 1.50 }'

    assert text == run_result.result(_ran(stdout=text.encode() + b"\n"), "p", "1.0.0")


def test_a_result_of_another_version_is_converted() -> None:
    """The next plugin of the chain could not read it otherwise."""
    result = run_result.result(
        _ran(stdout=b'{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.1/24"}]}'), "p", "0.3.1"
    )

    assert {
        "cniVersion": "0.3.1",
        "ips": [{"version": "4", "address": "10.0.0.1/24"}],
        "dns": {},
    } == json.loads(result)


def test_null_is_an_empty_result() -> None:
    assert "null" == run_result.result(_ran(stdout=b"null"), "p", "1.0.0")


def test_on_delete_nobody_reads_what_a_plugin_prints() -> None:
    """libcni does not either; and a plugin that chats must not keep a pod from being deleted."""
    run_result.succeeded(_ran(stdout=b"cleaned up"), "p")

    with pytest.raises(DelegateError):
        run_result.succeeded(_ran(number=1), "p")


FAILURES = {
    "the plugin's own error": (
        _ran(number=1, stdout=b'{"code":11,"msg":"later","details":"d"}'),
        "plugin p failed: later",
        11,
    ),
    "an error without a message": (_ran(number=1, stdout=b"{}"), "plugin p failed: without a message", 0),
    "a panic": (
        _ran(number=2, stderr=b"panic: nil map"),
        "plugin p failed with exit status 2 and printed: panic: nil map",
        0,
    ),
    "garbage": (_ran(number=1, stdout=b"oops"), "plugin p failed with exit status 1 and printed: oops", 0),
    "silence": (_ran(number=1), "plugin p failed with exit status 1 and printed: nothing", 0),
    "a signal": (_ran(Outcome.KILLED, 11), "plugin p was killed by signal 11", 0),
    "a hang": (_ran(Outcome.TIMEOUT, 500), "plugin p did not end within 500 ms and was stopped", 0),
    "success with nothing done": (_ran(), "plugin p returned no result", 0),
    "success with garbage": (_ran(stdout=b"oops"), "plugin p returned an invalid CNI result: not JSON", 0),
    "success with an unknown version": (
        _ran(stdout=b'{"cniVersion":"7"}'),
        "plugin p returned an invalid CNI result",
        0,
    ),
    "no binary": (_ran(Outcome.NOT_FOUND), "plugin p is not installed", 0),
    "a binary that cannot be run": (
        _ran(Outcome.FAILED, 13),
        "plugin p could not be run: it is not executable",
        0,
    ),
    "a refusal": (_ran(Outcome.REFUSED), "plugin p was refused by the shim", 0),
}


@pytest.mark.parametrize(("ran", "message", "code"), FAILURES.values(), ids=FAILURES)
def test_a_failure_says_what_happened(ran: Ran, message: str, code: int) -> None:
    """In words that a reader of the pod's events can act on; never a success."""
    with pytest.raises(DelegateError) as failure:
        run_result.result(ran, "p", "1.0.0")

    assert failure.value.message.startswith(message)
    assert code == failure.value.delegate_code

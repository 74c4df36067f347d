"""The shim and the daemon describe a plugin's failure alike: plugin_error.c is compared with run_result.py and outcome.py.

Not compared: the reason why a result is invalid, which the daemon alone has; invalid UTF-8; JSON that one of the two refuses.
"""

from __future__ import annotations

import errno
import json
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from netattach_core.attach import outcome
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.plan import Step, Verb
from netattach_core.errors import DelegateError
from netattach_core.shim import protocol, run_result
from netattach_core.shim.protocol import Frame, Kind, Outcome, Ran
from support import build

INVALID = "plugin p returned an invalid CNI result"
ATTACHMENT = Attachment("n", "net1", '{"cniVersion":"1.0.0","name":"n","type":"p"}', "n", default=False)
STEP = Step("1", "net1", "p", "", "", "1.0.0")


def _ran(outcome: Outcome = Outcome.EXITED, number: int = 0, stdout: str = "", stderr: str = "") -> Ran:
    return Ran(1, outcome, number, stdout.encode(), stderr.encode())


def _error(**members: object) -> str:
    return json.dumps(members)


def _of_the_shim(runs: Sequence[Ran]) -> dict[str, object]:
    frames = (
        Frame(
            Kind.RAN,
            (b"%d" % ran.id, ran.outcome.encode(), b"%d" % ran.number, ran.stdout, ran.stderr),
        )
        for ran in runs
    )
    done = subprocess.run(
        [build.plugin_error_driver()],
        input=b"".join(map(protocol.encode, frames)),
        capture_output=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def _failure(ran: Ran) -> DelegateError:
    with pytest.raises(DelegateError) as failure:
        run_result.result(ran, "p", "1.0.0")
    if failure.value.message.startswith(f"{INVALID}: "):
        failure.value.message = INVALID
    return failure.value


def _of_the_daemon(runs: Sequence[Ran]) -> dict[str, object]:
    error = outcome.failure(Verb.ADD, [ATTACHMENT], [(STEP, _failure(ran)) for ran in runs])
    return {"code": error.code, "msg": error.message, "details": error.details}


RUNS = {
    "its own error": _ran(number=1, stdout=_error(code=11, msg="later", details="d"), stderr="log"),
    "without details": _ran(number=1, stdout=_error(code=7, msg="bad"), stderr="log\n"),
    "empty details": _ran(number=1, stdout=_error(code=7, msg="bad", details="")),
    "details that are no text": _ran(number=1, stdout=_error(code=7, msg="bad", details=["x"]), stderr="log"),
    "without a message": _ran(number=1, stdout="{}"),
    "a message that is no text": _ran(number=1, stdout=_error(code=1, msg=5)),
    "a negative code": _ran(number=1, stdout=_error(code=-5, msg="m")),
    "code true": _ran(number=1, stdout=_error(code=True, msg="m")),
    "a fraction as code": _ran(number=1, stdout=_error(code=1.5, msg="m")),
    "a text as code": _ran(number=1, stdout=_error(code="7", msg="m")),
    "the largest code": _ran(number=1, stdout=_error(code=10**18 - 1, msg="m")),
    "too large a code": _ran(number=1, stdout=_error(code=10**18, msg="m")),
    "escapes": _ran(number=1, stdout=r'{"msg":"a\n\t\"\\\/\u00e9\ud83d\udd0c\u0000","code":7}'),
    "blanks around": _ran(number=1, stdout=' \n{ "code" : 7 , "msg" : " m " }\r\n'),
    "a panic": _ran(number=2, stderr="panic: nil map\n\ngoroutine 1\n"),
    "text on both": _ran(number=1, stdout=" \n out \n", stderr="err"),
    "only blanks on standard output": _ran(number=1, stdout=" \n\t\r", stderr="\n err\n"),
    "other blanks": _ran(number=1, stdout="\x0b\xa0out\x0b\xa0"),
    "NUL at the end": _ran(number=1, stdout="out\0"),
    "null": _ran(number=1, stdout="null"),
    "silence": _ran(number=1),
    "much": _ran(number=255, stderr="x" * 5000),
    "half a character at the border": _ran(number=1, stderr="x" * 399 + "é" * 10),
    "a whole character at the border": _ran(number=1, stderr="x" * 397 + "网络"),
    "a signal": _ran(Outcome.KILLED, 11, stdout=_error(code=7, msg="m"), stderr="log"),
    "a hang": _ran(Outcome.TIMEOUT, 500, stderr="waiting for a lock\n"),
    "no binary": _ran(Outcome.NOT_FOUND),
    "a refusal": _ran(Outcome.REFUSED),
    "no result": _ran(stderr="log\n"),
    "a blank result": _ran(stdout=" \n"),
    "a result that is no JSON": _ran(stdout="oops\n", stderr="log"),
    "a result that is no object": _ran(stdout="[]"),
} | {f"errno {number}": _ran(Outcome.FAILED, number) for number in sorted(errno.errorcode)}


@pytest.mark.parametrize("ran", RUNS.values(), ids=RUNS)
def test_a_failure_has_the_same_code_message_and_details(ran: Ran) -> None:
    assert _of_the_daemon([ran]) == _of_the_shim([ran])


def test_several_failures_are_joined_alike() -> None:
    runs = list(RUNS.values())

    assert _of_the_daemon(runs) == _of_the_shim(runs)


NUMBERS = st.integers(1, 255)
VALUES = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.integers(0, 9), max_size=2)
ERRORS = st.builds(
    lambda members, escaped: json.dumps(members, ensure_ascii=escaped),
    st.fixed_dictionaries(
        {}, optional={"code": st.integers() | VALUES, "msg": VALUES, "details": VALUES, "cniVersion": VALUES}
    ),
    st.booleans(),
)
PRINTED = st.text() | ERRORS
FAILED_RUNS = (
    st.builds(_ran, st.just(Outcome.EXITED), NUMBERS, PRINTED, PRINTED)
    | st.builds(
        _ran, st.sampled_from([Outcome.KILLED, Outcome.TIMEOUT, Outcome.FAILED]), NUMBERS, PRINTED, PRINTED
    )
    | st.builds(_ran, stderr=PRINTED)
)


@given(st.lists(FAILED_RUNS, min_size=1, max_size=4))
@example([_ran(number=1, stdout="{")])
def test_any_failures_have_the_same_code_message_and_details(runs: list[Ran]) -> None:
    assert _of_the_daemon(runs) == _of_the_shim(runs)


def test_the_comparison_is_no_empty_one() -> None:
    """Two runs with different messages differ on both sides."""
    one, other = [_ran(Outcome.KILLED, 9)], [_ran(Outcome.KILLED, 11)]

    assert "was killed by signal 9" in str(_of_the_shim(one)["msg"])
    assert _of_the_daemon(one) != _of_the_shim(other)

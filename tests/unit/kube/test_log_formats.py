"""The lines of the log: one format, whatever text of others is in them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.errors import DecodeError
from netattach_kube import log_context, log_formats

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJl-_x"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
TEXT = r'"(?:[^"\\]|\\.)*"'
LINE = re.compile(rf"{TIME} WARNING [\w.]+ {TEXT} pod=(?:[^\s\"=]+|{TEXT})")
FORGED = '\n2026-11-30T13:47:03.123Z INFO netattach_plugin.calls.server "ADD took 1 ms" pod=kube-system/dns'


def record(message: str, *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    exc_info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("netattach_plugin.x", logging.WARNING, "x.py", 1, message, arguments, exc_info)
    made.created, made.msecs = 1_796_046_423.045, 45.0
    return made


def raised(text: str) -> DecodeError:
    """With a traceback."""
    with pytest.raises(DecodeError) as caught:
        raise DecodeError(text)
    return caught.value


def line(log_format: str, made: logging.LogRecord) -> str:
    return log_formats.formatter(log_format).format(made)


def test_a_line_of_text_has_all_parts_in_order() -> None:
    with log_context.replaced(command="ADD", pod="default/web"):
        assert (
            '2026-11-30T13:47:03.045Z WARNING netattach_plugin.x "it took 3 ms" command=ADD pod=default/web'
            == line("text", record("it took %d ms", 3))
        )


def test_a_line_of_json_has_the_same_parts() -> None:
    with log_context.replaced(command="ADD", pod="default/web"):
        assert {
            "time": "2026-11-30T13:47:03.045Z",
            "level": "WARNING",
            "logger": "netattach_plugin.x",
            "message": "it took 3 ms",
            "command": "ADD",
            "pod": "default/web",
        } == json.loads(line("json", record("it took %d ms", 3)))


@pytest.mark.parametrize("log_format", ["text", "json"])
@given(text=st.text(), value=st.text(min_size=1))
def test_no_text_of_others_forges_a_line_or_a_value(log_format: str, text: str, value: str) -> None:
    with log_context.replaced(pod=value):
        for forged in (text, text + FORGED, text + '" pod=kube-system/dns'):
            written = line(log_format, record("network %s", forged))
            assert written.isprintable()
            assert written.encode()
            if log_format == "json":
                read = json.loads(written)
                assert ("network " + forged, value) == (read["message"], read["pod"])
            else:
                assert LINE.fullmatch(written)


@pytest.mark.parametrize("hostile", ["\r", "\x1b[2J", "\u2028", "\u202e", "\x85", "\x00", "\ud800"])
def test_a_character_that_a_terminal_obeys_is_escaped(hostile: str) -> None:
    written = line("text", record("network %s", f"a{hostile}b"))

    assert hostile not in written
    assert '"network a\\' in written


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_forges_no_line_either(log_format: str) -> None:
    first, *rest = line(log_format, record("internal error", error=raised("odd" + FORGED))).splitlines()

    assert "internal error" in first
    assert [] == [each for each in rest if not each.startswith("    ")]
    assert ("json" == log_format) == (not rest)
    assert "DecodeError: odd" in first + "".join(rest)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_token_is_written(log_format: str) -> None:
    """As in the answer of a proxy that repeats the headers of a request."""
    error = raised(f"refused: Bearer {TOKEN}")
    written = line(log_format, record("refused: %s", f"Bearer {TOKEN}", error=error))

    assert TOKEN.rpartition(".")[2] not in written
    assert 2 == written.count("Bearer [token]")


def test_a_long_text_like_many_tokens_costs_no_time() -> None:
    """The search looks at each character a bounded number of times: this would take minutes otherwise."""
    text = "-eyJ" * 250_000 + "." * 1000

    assert text[: log_formats.LONGEST] in line("text", record("%s", text))


def test_the_context_follows_tasks_and_threads() -> None:
    """Two calls at once: each has its own."""
    found: list[tuple[str, str | None]] = []

    def note(where: str) -> None:
        found.append((where, log_context.current().get("pod")))

    async def call(pod: str, threads: ThreadPoolExecutor) -> None:
        log_context.add(pod=pod)
        await asyncio.sleep(0)
        await asyncio.to_thread(note, f"{pod} in a thread")
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(threads, log_context.carried(lambda: note(f"{pod} in an executor")))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.to_thread(note, f"{pod} in a task"))

    async def story() -> None:
        with ThreadPoolExecutor(1) as threads:
            async with asyncio.TaskGroup() as tasks:
                for pod in ("a/1", "b/2"):
                    tasks.create_task(call(pod, threads))
        note("outside")

    asyncio.run(story())

    assert ("outside", None) == found.pop()
    assert 6 == len(found)
    assert [] == [(where, pod) for where, pod in found if where.split()[0] != pod]


def test_work_for_another_pod_has_a_context_of_its_own() -> None:
    with log_context.replaced(container="c1", pod="a/1"):
        with log_context.replaced(container="c2"):
            log_context.add(pod="b/2")
            assert {"container": "c2", "pod": "b/2"} == log_context.current()
        assert {"container": "c1", "pod": "a/1"} == log_context.current()


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_line_has_a_limit(log_format: str) -> None:
    """A plugin may print 1 MiB of control characters, each time that the runtime tries again."""
    long = "\u202e" * 1_000_000
    written = line(log_format, record("plugin x failed: %s", long, error=raised(long)))

    assert len(written) < 150_000
    assert "(990017 more characters)" in written


def test_a_token_at_the_limit_is_removed_as_a_whole() -> None:
    text = "x" * (log_formats.LONGEST - 10) + " "

    assert "eyJ" not in line("text", record("%s%s", text, TOKEN))

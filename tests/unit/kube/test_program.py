"""What all programs share: they end on a signal, and report settings that they cannot use."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from collections.abc import Callable

import pytest

from netattach_core.errors import ConfigError
from netattach_kube import program
from netattach_kube.program import FAILED, MISUSED, OK


async def serve_nothing(loaded: str, stop: asyncio.Event) -> int:
    raise AssertionError("not reached")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event(number: signal.Signals) -> None:
    async def serve(loaded: str, stop: asyncio.Event) -> int:
        os.kill(os.getpid(), number)
        await asyncio.wait_for(stop.wait(), 60)
        return OK

    assert OK == program.main("netattach-test", lambda: "settings", serve)


@pytest.mark.parametrize("status", [OK, FAILED, 3])
def test_the_status_is_that_of_serve(status: int) -> None:
    async def serve(loaded: str, stop: asyncio.Event) -> int:
        assert "settings" == loaded
        assert not stop.is_set()
        return status

    assert status == program.main("netattach-test", lambda: "settings", serve)


def _raising(error: Exception) -> Callable[[], str]:
    def load() -> str:
        raise error

    return load


@pytest.mark.parametrize("error", [ValueError("NETATTACH_X is 'y'"), ConfigError("there is no CRD in /x")])
def test_settings_that_cannot_be_loaded_are_reported(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert MISUSED == program.main("netattach-test", _raising(error), serve_nothing)
    out, err = capsys.readouterr()
    assert "" == out
    assert err.endswith(f' ERROR netattach-test "{error}"\n')
    assert 1 == err.count("\n")


def test_a_missing_cluster_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    async def serve(loaded: str, stop: asyncio.Event) -> int:
        raise ConfigError("no API server")

    assert MISUSED == program.main("netattach-test", lambda: "settings", serve)
    assert capsys.readouterr().err.endswith(' ERROR netattach-test "no API server"\n')


def test_an_internal_error_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """It ends the process with a traceback and the status FAILED."""

    async def serve(loaded: str, stop: asyncio.Event) -> int:
        raise ZeroDivisionError

    assert FAILED == program.main("netattach-test", lambda: "settings", serve)
    first, *traceback = capsys.readouterr().err.splitlines()
    assert first.endswith(' CRITICAL netattach-test "internal error; exiting"')
    assert "    ZeroDivisionError" == traceback[-1]

    assert FAILED == program.main("netattach-test", _raising(KeyError("x")), serve_nothing)


def test_logs_are_json_where_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETATTACH_LOG_FORMAT", "json")

    program.main("netattach-test", _raising(ConfigError("broken")), serve_nothing)

    line = json.loads(capsys.readouterr().err)
    assert ("ERROR", "netattach-test", "broken") == (line["level"], line["logger"], line["message"])


def test_an_unknown_format_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NETATTACH_LOG_FORMAT", "yaml")

    assert MISUSED == program.main("netattach-test", lambda: "settings", serve_nothing)
    assert "NETATTACH_LOG_FORMAT is 'yaml'; it has to be one of text, json" in capsys.readouterr().err


def test_imported_modules_are_exempt_from_garbage_collection() -> None:
    before = gc.get_freeze_count(), gc.get_threshold(), sys.getswitchinterval()
    try:
        program.reduce_pauses((1000, 10, 100))

        assert 10_000 < gc.get_freeze_count() - before[0]
        assert (1000, 10, 100) == gc.get_threshold()
        assert 0.001 > sys.getswitchinterval()
    finally:
        gc.unfreeze()
        gc.set_threshold(*before[1])
        sys.setswitchinterval(before[2])

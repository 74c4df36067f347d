"""Builds the programs that tests run: each at most once per process, one build at a time, and only where sources are newer."""

from __future__ import annotations

import fcntl
import functools
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from support import require

_SHIM = require.REPOSITORY / "plugin/shim"
_FUZZER = require.REPOSITORY / "tests/fuzz/shim"


@functools.cache
def shim_binary() -> Path:
    """The released shim, or the program NETATTACH_TEST_SHIM: one of another architecture, in an emulator."""
    given = os.environ.get("NETATTACH_TEST_SHIM")
    return Path(given) if given else _make("build/netattach")


@functools.cache
def shim_with_symbols() -> Path:
    """The released shim, not stripped."""
    return _make("build/netattach-symbols")


@functools.cache
def shim_of_another_release() -> Path:
    """A shim with another version of compiled chains."""
    return _make("build/netattach-other-chains")


@functools.cache
def shim_of_protocol(version: int) -> Path:
    """A shim of an earlier release: 1 passes no sockets, 2 writes no sysctls."""
    return _make(f"build/netattach-protocol-{version}")


@functools.cache
def shim_of_another_protocol() -> Path:
    """A shim with another version of the protocol."""
    return _make("build/netattach-other-protocol")


def probe_program() -> Path:
    """What has the shim attach a namespace of its own."""
    return _make("build/netattach-probe")


def shim_under_test() -> Path:
    """The released shim; with NETATTACH_SANITIZE the one that aborts at the first memory error."""
    sanitized = shim_sanitized() if os.environ.get("NETATTACH_SANITIZE") else None
    return sanitized or shim_binary()


@functools.cache
def shim_sanitized() -> Path | None:
    """The shim with address and undefined-behaviour sanitizers; None if the compiler has none."""
    try:
        return _make("build/netattach-sanitize")
    except subprocess.CalledProcessError as error:
        if "san" in error.stderr:  # libasan or libubsan is not installed
            return None
        raise


@functools.cache
def plugin_error_driver() -> Path:
    """A program that reports the RAN frames on its standard input as the shim does."""
    sources = [_SHIM / f"{name}.c" for name in ("plugin_error", "cni_error", "json_scan", "frame")]
    driver = Path(__file__).with_name("plugin_error_driver.c")
    return _compile("plugin-error-driver", ["-std=c11", "-Wall", "-Werror", "-I", _SHIM], [driver, *sources])


@functools.cache
def shim_fuzzer(*, planted: bool = False) -> Path:
    """The fuzzer of the shim's parsers (tests/fuzz/shim/engine.c), with sanitizers; `planted`: with bugs."""
    parsers = (
        "frame",
        "clock",
        "json_scan",
        "cni_call",
        "cni_error",
        "plugin_error",
        "chain_step",
        "run_request",
        "sysctl",
    )
    sources = [_FUZZER / "engine.c", _FUZZER / "targets.c", *(_SHIM / f"{name}.c" for name in parsers)]
    name = f"fuzzer{'-planted' if planted else ''}"
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fsanitize-coverage=trace-pc")
    options = ("-std=gnu11", "-g", "-O1", "-Wall", "-Wextra", "-Werror", *sanitizers)
    try:
        return _compile(
            name, [*options, *(["-DPLANTED"] if planted else []), "-I", _SHIM, "-I", _FUZZER], sources
        )
    except subprocess.CalledProcessError as error:
        if "san" in error.stderr:  # libasan or libubsan is not installed
            require.left_out("needs gcc's sanitizers: libasan and libubsan")
        raise


def _compile(name: str, options: Sequence[str | Path], sources: Sequence[Path]) -> Path:
    built, new = _SHIM / "build" / name, _SHIM / f"build/.{name}-{os.getpid()}"
    built.parent.mkdir(exist_ok=True)
    command = [require.command("gcc"), *options, "-o", new, *sources]
    subprocess.run(command, check=True, capture_output=True, text=True)
    new.rename(built)  # another process of pytest-xdist may be running the old one
    return built


def _make(target: str) -> Path:
    (_SHIM / "build").mkdir(exist_ok=True)
    with (_SHIM / "build/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes of pytest-xdist share the directory
        subprocess.run(["make", "-C", str(_SHIM), target], check=True, capture_output=True, text=True)
    return _SHIM / target

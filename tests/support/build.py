"""Builds the programs that tests run: each at most once per process, one build at a time, and only where sources are newer."""

from __future__ import annotations

import fcntl
import functools
import os
import subprocess
from pathlib import Path

from support import require

_SHIM = Path(__file__).parents[2] / "plugin" / "shim"


@functools.cache
def shim_binary() -> Path:
    """The released shim."""
    return _make("build/netattach")


@functools.cache
def shim_with_symbols() -> Path:
    """The released shim, not stripped."""
    return _make("build/netattach-symbols")


@functools.cache
def shim_of_another_release() -> Path:
    """A shim with another version of compiled chains."""
    return _make("build/netattach-other-chains")


@functools.cache
def shim_of_another_protocol() -> Path:
    """A shim with another version of the protocol."""
    return _make("build/netattach-other-protocol")


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
    built, new = _SHIM / "build/plugin-error-driver", _SHIM / f"build/.driver-{os.getpid()}"
    built.parent.mkdir(exist_ok=True)
    command: list[str | Path] = [
        require.command("gcc"),
        "-std=c11",
        "-Wall",
        "-Werror",
        "-I",
        _SHIM,
        "-o",
        new,
        driver,
        *sources,
    ]
    subprocess.run(command, check=True)
    new.rename(built)  # another process of pytest-xdist may be running the old one
    return built


def _make(target: str) -> Path:
    (_SHIM / "build").mkdir(exist_ok=True)
    with (_SHIM / "build/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes of pytest-xdist share the directory
        subprocess.run(["make", "-C", str(_SHIM), target], check=True, capture_output=True, text=True)
    return _SHIM / target

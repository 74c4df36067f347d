"""The API server through `kubectl proxy`, at a socket that only its user can open.

kubectl decides on everything that concerns the connection: kubeconfig and context, TLS, credential plugins, HTTP proxies. It is
started once; a `kubectl get` for each kind of objects would take that time again and again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from netattach_cli.cluster.errors import ClusterError
from netattach_cli.terminal import printable

_SCRIPT = """
stdin=$1 directory=$2; shift 2
exec 3<&0
{ read -r _ <&3; kill "$$"; rm -rf "$directory"; } >/dev/null 2>&1 &
exec "$@" <"$stdin" 3<&-
"""
"""Runs kubectl, next to it a process that ends it once our end of its standard input is closed, even if we are killed.

A proxy that outlives its user would leave the cluster open to whoever can open the socket.
"""

_READY = b"Starting to serve"
_LOG = (b"E", b"W", b"I", b"F")
"""How a line of kubectl's own log begins, as in `E1130 12:00:00.000000`. What else it prints is from a credential plugin."""

_LOG_PREFIX = 5

_LONGEST_PATH = 70
"""Bytes; the path of a socket has at most 104, with the names that come after it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which cluster, and as whom: options of kubectl, empty for its own defaults."""

    kubeconfig: str = ""
    context: str = ""
    user: str = ""
    request_timeout: float = 10.0

    def flags(self) -> list[str]:
        options = {"--kubeconfig": self.kubeconfig, "--context": self.context, "--as": self.user}
        return [f"{option}={value}" for option, value in options.items() if value]


@contextmanager
def serving(target: Target) -> Iterator[str]:
    """Yields the path of the socket. Raises ClusterError where kubectl does not start."""
    _check_installed()
    directory = Path(_temporary(), f"netattach-{os.urandom(8).hex()}")
    socket = directory / "api"
    kubectl = ["kubectl", *target.flags(), "proxy", f"--unix-socket={socket}"]
    words = [*kubectl, "--reject-methods=POST,PUT,PATCH,DELETE"]
    try:
        directory.mkdir(0o700)
        process = _started(["sh", "-c", _SCRIPT, "sh", _stdin(), str(directory), *words])
    except OSError as error:
        _remove(directory)
        raise ClusterError(f"kubectl cannot be started: {error.strerror}") from error
    try:
        _wait(process)
        yield str(socket)
    finally:
        _end(process)
        _remove(directory)


def default_namespace(target: Target) -> subprocess.Popen[str]:
    """kubectl, which prints the namespace of the context; `namespace_of` reads it."""
    _check_installed()
    words = ["kubectl", *target.flags(), "config", "view", "--minify", "--output=jsonpath={..namespace}"]
    return subprocess.Popen(
        words, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


def namespace_of(process: subprocess.Popen[str]) -> str:
    """The namespace that `default_namespace` finds; "default" where the context has none."""
    out, _ = process.communicate()
    return out.strip() or "default"


def _stdin() -> str:
    """A credential plugin may ask for a password."""
    return "/dev/tty" if sys.stdin is not None and sys.stdin.isatty() else "/dev/null"


def _check_installed() -> None:
    if not any(os.access(f"{folder}/kubectl", os.X_OK) for folder in os.get_exec_path()):
        raise ClusterError(
            "kubectl is not installed; netattach reads the cluster with it, and with your rights"
        )


def _started(words: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    )


def _temporary() -> str:
    """Where the directory of the socket is: some systems have a path that is too long for one."""
    chosen = os.environ.get("TMPDIR") or "/tmp"  # noqa: S108  # a new directory in it, for this user alone
    return chosen if len(os.fsencode(chosen)) <= _LONGEST_PATH else "/tmp"  # noqa: S108  # as above


def _remove(directory: Path) -> None:
    """The process next to kubectl does the same, and may be faster."""
    with suppress(OSError):
        (directory / "api").unlink(missing_ok=True)
        directory.rmdir()


def _wait(process: subprocess.Popen[bytes]) -> None:
    """Until it serves; from then on its errors are passed on."""
    if not process.stdout or not process.stderr:
        raise TypeError(process)
    if not process.stdout.readline().startswith(_READY):
        raise ClusterError(f"kubectl: {_last_line(process.stderr.read())}")
    threading.Thread(target=_pass_on, args=(process.stderr,), daemon=True).start()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Through its standard input, so that there is one way to end it; then the pipes are closed, which ends the thread."""
    if process.stdin:
        process.stdin.close()
    process.wait()
    with process:
        pass


def _pass_on(stderr: IO[bytes]) -> None:
    """What a credential plugin prints, such as the address for a login; kubectl's log says what our own errors say."""
    with suppress(OSError, ValueError):
        while text := stderr.read(4096):
            if not (text.startswith(_LOG) and text[1:_LOG_PREFIX].isdigit()):
                sys.stderr.write(text.decode(errors="replace"))
                sys.stderr.flush()


def _last_line(text: bytes) -> str:
    lines = [line.strip() for line in text.decode(errors="replace").splitlines() if line.strip()]
    return printable(lines[-1].removeprefix("error: ")) if lines else "it ended without a message"

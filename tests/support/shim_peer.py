"""The daemon's end of the shim protocol for tests: synchronous, scripted line by line, with the real binary at the other end."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from netattach_core.shim import protocol as shim_protocol
from netattach_core.shim.protocol import Call, Decoder, Frame, Kind, Ran, Run, Sysctl
from support import require

PATIENCE = 10.0
"""Seconds after which a test that waits for the shim fails instead of hanging."""


class Peer:
    """Listens at `path`; one shim at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: socket.socket | None = None
        self._decoder = Decoder()
        self._frames: list[Frame] = []
        self.descriptors: list[int] = []
        self.version = max(shim_protocol.VERSIONS)
        self._listener = self._listen()

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.path))
        listener.listen()
        listener.settimeout(PATIENCE)
        return listener

    def reopen(self) -> None:
        """A new daemon at the same path, as after a restart."""
        self.close()
        self.path.unlink()
        self._listener = self._listen()

    def close(self) -> None:
        """Ends the daemon."""
        self.hang_up()
        self._listener.close()
        while self.descriptors:
            os.close(self.descriptors.pop())

    def accept(self) -> None:
        """Accepts the next shim's connection."""
        self.hang_up()
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(PATIENCE)
        self._decoder, self._frames = Decoder(), []

    def hang_up(self) -> None:
        """Closes the connection, as the kernel does if the daemon dies."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def shut_down(self, how: int) -> None:
        """Closes one direction or both, and keeps the connection."""
        assert self._connection is not None, "no shim is connected"
        self._connection.shutdown(how)

    def send_bytes(self, data: bytes) -> None:
        assert self._connection is not None, "no shim is connected"
        self._connection.sendall(data)

    def send(self, frame: Frame) -> None:
        self.send_bytes(shim_protocol.encode(frame))

    def frame(self) -> Frame:
        """The next frame. Raises EOFError if the shim has closed the connection."""
        assert self._connection is not None, "no shim is connected"
        while not self._frames:
            data, descriptors, _, _ = socket.recv_fds(self._connection, 65536, 4, socket.MSG_CMSG_CLOEXEC)
            self.descriptors += descriptors
            if not data:
                raise EOFError("the shim has closed the connection")
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    def is_silent(self, seconds: float) -> bool:
        """Whether the shim sends nothing in this time."""
        assert self._connection is not None, "no shim is connected"
        return not self._frames and not select.select([self._connection], [], [], seconds)[0]

    def greet(self) -> Frame:
        """Accepts and welcomes; returns the HELLO."""
        self.accept()
        hello = self.frame()
        assert self.version in shim_protocol.hello_versions(hello)
        self.send(Frame(Kind.WELCOME, (b"%d" % self.version,)))
        return hello

    def call(self) -> Call:
        """Accepts, welcomes and reads the CALL."""
        self.greet()
        return shim_protocol.call(self.frame())

    def start(
        self,
        plugin: str,
        stdin: bytes = b"",
        environment: Mapping[str, str] | None = None,
        *,
        id: int = 1,  # noqa: A002 - the protocol's name
        deadline_ms: int = 0,
    ) -> None:
        """Sends a RUN."""
        self.send(shim_protocol.run_frame(Run(id, plugin, deadline_ms, stdin, dict(environment or {}))))

    def ran(self) -> Ran:
        """The next RAN."""
        return shim_protocol.ran(self.frame())

    def rans(self, count: int) -> dict[int, Ran]:
        """The next RANs by their ids."""
        return {ran.id: ran for ran in (self.ran() for _ in range(count))}

    def run(
        self, plugin: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None, **more: int
    ) -> Ran:
        """Sends a RUN and waits for its RAN."""
        self.start(plugin, stdin, environment, **more)
        return self.ran()

    def write(self, *sysctls: Sysctl) -> tuple[int, ...]:
        """Sends SYSCTLS and waits for their errnos."""
        self.send(shim_protocol.sysctls_frame(1, sysctls))
        return shim_protocol.errnos(self.frame()).errnos

    def answer(self, status: int = 0, stdout: bytes = b"") -> None:
        self.send(shim_protocol.answer_frame(status, stdout))


class Shim:
    """A running shim, as the runtime sees it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def feed(self, stdin: bytes) -> None:
        """Writes its standard input, and closes it."""
        assert self.process.stdin is not None
        try:
            with self.process.stdin:
                self.process.stdin.write(stdin)
        except BrokenPipeError:
            pass  # it exited without reading, which a runtime ignores as well
        self.process.stdin = None  # communicate() would flush it again

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Cancels the call, as a runtime does after a timeout."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE)

    def end(self) -> tuple[int, bytes]:
        """Exit status and standard output, once everybody has closed that."""
        stdout, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, stdout

    def error(self) -> dict[str, object]:
        """The CNI error that it printed."""
        status, stdout = self.end()
        assert status == 1, (status, stdout)
        error = json.loads(stdout)
        assert set(error) == {"code", "msg", "details"}, error
        return dict(error)

    def close(self) -> None:
        """Kills the shim if a failed test left it running."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Host:
    """A machine with plugins, a daemon that is the test, and a runtime that starts shims."""

    def __init__(self, binary: Path, directory: Path) -> None:
        self._binary = binary
        self._directory = directory
        self.plugins = directory / "plugins"
        self.plugins.mkdir()
        self.daemon = Peer(directory / "cni.sock")
        self.variables = {
            "PATH": os.environ.get("PATH", os.defpath),
            "CNI_CONTAINERID": "sandbox",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(self.plugins),
            "NETATTACH_SOCKET": str(self.daemon.path),
        }
        self._shims: list[Shim] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.daemon.close()
        for shim in self._shims:
            shim.close()

    def start(self, command: str | None = "ADD", stdin: bytes = b"{}", **variables: str) -> Shim:
        """Starts a shim and writes its standard input."""
        shim = self.start_open(command, **variables)
        shim.feed(stdin)
        return shim

    def start_open(
        self, command: str | None = "ADD", *, through: Sequence[str] = (), **variables: str
    ) -> Shim:
        """Starts a shim with an open standard input; `through` is a program that starts it."""
        called = {} if command is None else {"CNI_COMMAND": command}
        process = subprocess.Popen(
            [*through, self._binary],
            env=self.variables | called | variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        shim = Shim(process)
        self._shims.append(shim)
        return shim

    def calling(self, command: str = "ADD", stdin: bytes = b"{}", **variables: str) -> Shim:
        """A shim after its CALL."""
        shim = self.start(command, stdin, **variables)
        self.daemon.call()
        return shim

    def plugin(self, name: str, script: str) -> Path:
        """Writes a plugin in sh; its working directory for files is $DIRECTORY."""
        path = self.plugins / name
        path.write_text(f"#!/bin/sh\nDIRECTORY={self._directory}\n{script}")
        path.chmod(0o755)
        return path

    def numbers(self, name: str) -> list[int]:
        """The numbers that a plugin writes into $DIRECTORY/name; waits for a whole line."""
        path, end = self._directory / name, time.monotonic() + PATIENCE
        while not (path.exists() and path.read_text().endswith("\n")):
            assert time.monotonic() < end, f"no plugin wrote {name}"
            time.sleep(0.002)
        return [int(word) for word in path.read_text().split()]


@contextlib.contextmanager
def sleeping_in_new_namespace(*others: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a new network namespace, as a pod has one; `others`: options of unshare for more."""
    if os.geteuid() != 0:
        require.left_out("needs root, which the runtime starts the shim as, to enter a network namespace")
    words = [require.command("unshare"), "--net", *others, "sh", "-c", "echo; exec sleep 300"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        try:
            yield holder
        finally:
            holder.kill()


def alive(pids: Iterable[int]) -> list[int]:
    """The processes that still run; a zombie does not."""
    return [pid for pid in pids if _runs(pid)]


def children(pid: int) -> list[int]:
    """The child processes of `pid`."""
    return [
        int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _stat(path)[1:2] == [str(pid)]
    ]


def _runs(pid: int) -> bool:
    state = _stat(Path(f"/proc/{pid}/stat"))
    return state != [] and state[0] not in "ZX"


def _stat(path: Path) -> list[str]:
    """State, parent and so on; empty where the process is gone."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []

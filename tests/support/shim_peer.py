"""The daemon's end of the shim protocol for tests: synchronous, scripted line by line, with the real binary at the other end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from netattach_core import shim_protocol
from netattach_core.shim_protocol import Call, Decoder, Frame, Kind, Ran, Run

PATIENCE = 10.0
"""Seconds after which a test that waits for the shim fails instead of hanging."""


class Peer:
    """Listens at `path`; one shim at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._listener.settimeout(PATIENCE)
        self._connection: socket.socket | None = None
        self._decoder = Decoder()
        self._frames: list[Frame] = []
        self.descriptors: list[int] = []

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.hang_up()
        self._listener.close()
        while self.descriptors:
            os.close(self.descriptors.pop())

    def accept(self) -> None:
        """Takes the next shim's connection."""
        self.hang_up()
        self._connection, _ = self._listener.accept()
        self._connection.settimeout(PATIENCE)
        self._decoder, self._frames = Decoder(), []

    def hang_up(self) -> None:
        """Closes the connection, as the kernel does for a daemon that dies."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def send_bytes(self, data: bytes) -> None:
        assert self._connection is not None, "no shim is connected"
        self._connection.sendall(data)

    def send(self, frame: Frame) -> None:
        self.send_bytes(shim_protocol.encode(frame))

    def frame(self) -> Frame:
        """The next frame. Raises EOFError where the shim has closed."""
        assert self._connection is not None, "no shim is connected"
        while not self._frames:
            data, descriptors, _, _ = socket.recv_fds(self._connection, 65536, 4, socket.MSG_CMSG_CLOEXEC)
            self.descriptors += descriptors
            if not data:
                raise EOFError("the shim has closed the connection")
            self._frames += self._decoder.feed(data)
        return self._frames.pop(0)

    def greet(self) -> Frame:
        """Accepts and welcomes; returns the HELLO."""
        self.accept()
        hello = self.frame()
        assert shim_protocol.VERSION in shim_protocol.hello_versions(hello)
        self.send(Frame(Kind.WELCOME, (b"%d" % shim_protocol.VERSION,)))
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
        id: int = 1,  # noqa: A002 - it is the protocol's word
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

    def run(self, plugin: str, stdin: bytes = b"", environment: Mapping[str, str] | None = None, **more: int) -> Ran:
        """Sends a RUN and waits for its RAN."""
        self.start(plugin, stdin, environment, **more)
        return self.ran()

    def answer(self, status: int = 0, stdout: bytes = b"") -> None:
        self.send(shim_protocol.answer_frame(status, stdout))


@dataclass
class Shim:
    """A shim that runs, as its runtime sees it."""

    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """What a runtime does when its patience ends."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> tuple[int, bytes]:
        """Exit status and standard output."""
        stdout, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, stdout

    def error(self) -> dict[str, object]:
        """The CNI error with which it failed."""
        status, stdout = self.end()
        assert status == 1, (status, stdout)
        error = json.loads(stdout)
        assert set(error) == {"code", "msg", "details"}
        return dict(error)


@dataclass
class Runtime:
    """Starts shims as a container runtime would, with plugins in `plugins` and the daemon at `socket`."""

    binary: Path
    plugins: Path
    socket: Path
    environment: dict[str, str] = field(default_factory=dict)
    started: list[Shim] = field(default_factory=list)

    def start(self, command: str | None = "ADD", stdin: bytes = b"{}", **environment: str) -> Shim:
        """Starts a shim and hands it its standard input."""
        shim = self.start_open(command, **environment)
        _feed(shim.process, stdin)
        return shim

    def start_open(self, command: str | None = "ADD", **environment: str) -> Shim:
        """Starts a shim whose standard input stays open."""
        variables = self.variables(command) | environment
        process = subprocess.Popen(
            [self.binary], env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        shim = Shim(process)
        self.started.append(shim)
        return shim

    def variables(self, command: str | None = "ADD") -> dict[str, str]:
        """What the shim's environment is unless a test says otherwise."""
        base = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "CNI_CONTAINERID": "sandbox",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(self.plugins),
            "NETATTACH_SOCKET": str(self.socket),
        }
        return base | self.environment | ({} if command is None else {"CNI_COMMAND": command})

    def plugin(self, name: str, script: str) -> Path:
        """Writes a plugin in sh."""
        path = self.plugins / name
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        return path

    def close(self) -> None:
        """Ends what a failed test left."""
        for shim in self.started:
            if shim.process.poll() is None:
                shim.process.kill()
            for stream in (shim.process.stdin, shim.process.stdout, shim.process.stderr):
                if stream is not None:
                    stream.close()
            shim.process.wait()


def alive(pids: Iterable[int]) -> list[int]:
    """Those of the processes that still run; what is dead and only not yet waited for does not."""
    return [pid for pid in pids if _runs(pid)]


def _runs(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def _feed(process: subprocess.Popen[bytes], stdin: bytes) -> None:
    assert process.stdin is not None
    try:
        with process.stdin:
            process.stdin.write(stdin)
    except BrokenPipeError:
        pass  # it ended without reading, which a runtime ignores as well
    process.stdin = None  # communicate() would flush it again

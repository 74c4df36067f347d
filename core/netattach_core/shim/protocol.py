"""The protocol between shim and daemon, as frames (frames.py).

The shim connects:

    shim                                                    daemon
    HELLO   "netattach", lowest, highest version, build  →
                                                         ←  WELCOME version          or  REFUSE text
    CALL    standard input, "CNI_COMMAND=ADD", …         →     (with descriptors, see below)
                                                         ←  RUN     id, plugin, milliseconds, standard input, "CNI_…=…", …
    RAN     id, outcome, number, stdout, stderr          →     (any number of both, several RUNs at once)
                                                         ←  SYSCTLS id, "pod" or "node", path, value, "pod" or "node", …
    ERRNOS  id, errno, …                                 →     (0 = written; in the order of the SYSCTLS, also while plugins run)
    CANCEL                                               →     (the runtime killed the shim; all plugins have ended)
                                                         ←  ANSWER  exit status, standard output

A RUN has the name of a plugin and never a path, and sets only variables that start with CNI_ and are not CNI_PATH: a compromised
daemon can start nothing that the runtime could not.

A CALL comes with the descriptor of the pod's network namespace, if that can be opened. Since version 2, that of an ADD is
followed by two route sockets (NETLINK_ROUTE, unbound) in the namespace, one for links and one for routes, if it can be entered.

A CALL also has the field "NODE_PLACES=…" (node_places.py), which an earlier daemon ignores.

SYSCTLS is of version 3. A path is relative to /proc/sys and starts with "net/"; the shim writes nothing else, and reports EINVAL
for it.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from netattach_core.errors import DecodeError
from netattach_core.shim import frames
from netattach_core.shim.frames import number as _number
from netattach_core.shim.frames import text as _text

MAGIC = b"netattach"
VERSIONS = range(1, 4)
"""All that this release speaks; the highest that both sides speak is used."""

SYSCTLS_VERSION = 3
"""The first that has SYSCTLS."""

DESCRIPTORS = 3
"""The most that come with a CALL."""


class Kind(enum.IntEnum):
    """The kind of a frame; the numbers are letters, so that a dump can be read."""

    HELLO = ord("H")
    WELCOME = ord("W")
    REFUSE = ord("X")
    CALL = ord("C")
    RUN = ord("R")
    RAN = ord("D")
    SYSCTLS = ord("S")
    ERRNOS = ord("E")
    CANCEL = ord("K")
    ANSWER = ord("A")


class Outcome(enum.StrEnum):
    """How a plugin's run ended; the meaning of the number is given in brackets."""

    EXITED = "exited"
    """it exited (exit status)"""
    KILLED = "killed"
    """a signal killed it (signal)"""
    TIMEOUT = "timeout"
    """its deadline passed, and it was killed with all its descendants (milliseconds)"""
    NOT_FOUND = "not-found"
    """no regular file of this name in CNI_PATH (0)"""
    FAILED = "failed"
    """it could not be started (errno)"""
    REFUSED = "refused"
    """the RUN is not allowed to any daemon (0)"""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `fields` are raw bytes, in the order of the table above."""

    kind: Kind
    fields: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """The runtime's call: its CNI_* variables and its standard input."""

    environment: dict[str, str]
    stdin: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """One plugin to run; `deadline_ms` starts when the shim receives it."""

    id: int
    plugin: str
    deadline_ms: int
    stdin: bytes
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ran:
    """How the run with this id ended, and its output."""

    id: int
    outcome: Outcome
    number: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True, slots=True)
class Sysctl:
    """A value for one sysctl. `path` is relative to /proc/sys: "net/ipv6/conf/net1/ndisc_notify"; both have 255 bytes at most.

    It is that of the pod's network namespace, or of the node's.
    """

    path: str
    value: str
    in_pod: bool = True


@dataclass(frozen=True, slots=True)
class Errnos:
    """How the writes of the SYSCTLS with this id ended: an errno each, 0 where the value was written."""

    id: int
    errnos: tuple[int, ...]


def encode(frame: Frame) -> bytes:
    """A frame as it goes over the socket."""
    return frames.pack(frame.kind, frame.fields)


class Decoder:
    """Turns received bytes into complete frames. Raises DecodeError for bytes that can never become one."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        complete = []
        while (frame := self._next()) is not None:
            complete.append(frame)
        return complete

    def _next(self) -> Frame | None:
        taken = frames.take(self._buffer)
        return taken and Frame(_kind(taken[0]), taken[1])


def hello_versions(frame: Frame) -> range:
    """The versions that the connecting shim supports. Raises DecodeError for anything but netattach's shim."""
    if frame.kind is not Kind.HELLO or len(frame.fields) < 3 or frame.fields[0] != MAGIC:
        raise DecodeError("the peer is not the netattach shim")
    return range(_number(frame.fields[1]), _number(frame.fields[2]) + 1)


def call(frame: Frame) -> Call:
    """Reads a CALL. Raises DecodeError."""
    _expect(frame, Kind.CALL, 1)
    pairs = (_text(field).partition("=") for field in frame.fields[1:])
    return Call({key: value for key, _, value in pairs}, frame.fields[0])


def ran(frame: Frame) -> Ran:
    """Reads a RAN. Raises DecodeError."""
    _expect(frame, Kind.RAN, 5)
    id_, outcome, number, stdout, stderr = frame.fields[:5]
    try:
        return Ran(_number(id_), Outcome(_text(outcome)), _number(number), stdout, stderr)
    except ValueError as error:
        raise DecodeError(f"an outcome unknown to this version: {outcome!r}") from error


def run_frame(run: Run) -> Frame:
    """A RUN as a frame."""
    variables = (f"{key}={value}".encode() for key, value in run.environment.items())
    head = (b"%d" % run.id, run.plugin.encode(), b"%d" % run.deadline_ms, run.stdin)
    return Frame(Kind.RUN, (*head, *variables))


def sysctls_frame(id_: int, sysctls: Iterable[Sysctl]) -> Frame:
    """A SYSCTLS as a frame."""
    return Frame(Kind.SYSCTLS, (b"%d" % id_, *chain.from_iterable(map(_sysctl_fields, sysctls))))


def errnos(frame: Frame) -> Errnos:
    """Reads an ERRNOS. Raises DecodeError."""
    _expect(frame, Kind.ERRNOS, 1)
    id_, *each = map(_number, frame.fields)
    return Errnos(id_, tuple(each))


def answer_frame(status: int, stdout: bytes) -> Frame:
    """An ANSWER as a frame: the exit status and standard output of the shim."""
    return Frame(Kind.ANSWER, (b"%d" % status, stdout))


def _sysctl_fields(sysctl: Sysctl) -> tuple[bytes, bytes, bytes]:
    return b"pod" if sysctl.in_pod else b"node", sysctl.path.encode(), sysctl.value.encode()


def _kind(number: int) -> Kind:
    try:
        return Kind(number)
    except ValueError as error:
        raise DecodeError(f"a kind of frame unknown to this version: {number}") from error


def _expect(frame: Frame, kind: Kind, fields: int) -> None:
    if frame.kind is not kind or len(frame.fields) < fields:
        raise DecodeError(
            f"{kind.name} with {fields} fields expected, got {frame.kind.name} with {len(frame.fields)}"
        )

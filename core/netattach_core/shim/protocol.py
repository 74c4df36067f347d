"""The words between shim and daemon, as frames (frames.py).

The conversation, which the shim opens:

    shim                                                    daemon
    HELLO   "netattach", lowest, highest version, build  →
                                                         ←  WELCOME version          or  REFUSE text
    CALL    standard input, "CNI_COMMAND=ADD", …         →     (with the network namespace's descriptor, where there is one)
                                                         ←  RUN     id, plugin, milliseconds, standard input, "CNI_…=…", …
    RAN     id, outcome, number, stdout, stderr          →     (any number of both, several RUNs at once)
    CANCEL                                               →     (the runtime killed the shim; all plugins have ended)
                                                         ←  ANSWER  exit status, standard output

A RUN names a plugin and never a path, and sets only variables that start with CNI_ and are not CNI_PATH: a daemon in
foreign hands can start nothing that the runtime could not.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from netattach_core.errors import DecodeError
from netattach_core.shim import frames
from netattach_core.shim.frames import number as _number
from netattach_core.shim.frames import text as _text

MAGIC = b"netattach"
VERSION = 1


class Kind(enum.IntEnum):
    """What a frame is; the numbers are letters, so that a dump can be read."""

    HELLO = ord("H")
    WELCOME = ord("W")
    REFUSE = ord("X")
    CALL = ord("C")
    RUN = ord("R")
    RAN = ord("D")
    CANCEL = ord("K")
    ANSWER = ord("A")


class Outcome(enum.StrEnum):
    """How a plugin's run ended; the number beside it is given in brackets."""

    EXITED = "exited"
    """it ended by itself (exit status)"""
    KILLED = "killed"
    """a signal ended it (signal)"""
    TIMEOUT = "timeout"
    """its time was over, and it was killed with all that it had started (milliseconds)"""
    NOT_FOUND = "not-found"
    """no regular file of this name in CNI_PATH (0)"""
    FAILED = "failed"
    """it could not be started (errno)"""
    REFUSED = "refused"
    """the RUN asked for what no daemon may ask for (0)"""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; `fields` are raw bytes, in the order of the table above."""

    kind: Kind
    fields: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """What the runtime asked of us: its CNI_* variables and its standard input."""

    environment: dict[str, str]
    stdin: bytes


@dataclass(frozen=True, slots=True)
class Run:
    """One plugin to run: `deadline_ms` counts from the shim's receipt."""

    id: int
    plugin: str
    deadline_ms: int
    stdin: bytes
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ran:
    """How the run of that id ended, and what it wrote."""

    id: int
    outcome: Outcome
    number: int
    stdout: bytes
    stderr: bytes


def encode(frame: Frame) -> bytes:
    """A frame as it goes over the socket."""
    return frames.pack(frame.kind, frame.fields)


class Decoder:
    """Bytes in as they come, whole frames out. Raises DecodeError on what can never become one."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Frame]:
        self._buffer += data
        whole = []
        while (frame := self._next()) is not None:
            whole.append(frame)
        return whole

    def _next(self) -> Frame | None:
        taken = frames.take(self._buffer)
        return taken and Frame(_kind(taken[0]), taken[1])


def hello_versions(frame: Frame) -> range:
    """The versions that the greeting shim speaks. Raises DecodeError where it is no shim of ours."""
    if frame.kind is not Kind.HELLO or len(frame.fields) < 3 or frame.fields[0] != MAGIC:
        raise DecodeError("the peer is no netattach shim")
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
        raise DecodeError(f"an outcome that this version does not know: {outcome!r}") from error


def run_frame(run: Run) -> Frame:
    """A RUN as a frame."""
    variables = (f"{key}={value}".encode() for key, value in run.environment.items())
    head = (b"%d" % run.id, run.plugin.encode(), b"%d" % run.deadline_ms, run.stdin)
    return Frame(Kind.RUN, (*head, *variables))


def answer_frame(status: int, stdout: bytes) -> Frame:
    """An ANSWER as a frame: the exit status and the text that the runtime gets."""
    return Frame(Kind.ANSWER, (b"%d" % status, stdout))


def _kind(number: int) -> Kind:
    try:
        return Kind(number)
    except ValueError as error:
        raise DecodeError(f"a frame of a kind that this version does not know: {number}") from error


def _expect(frame: Frame, kind: Kind, fields: int) -> None:
    if frame.kind is not kind or len(frame.fields) < fields:
        raise DecodeError(
            f"{kind.name} with {fields} fields expected, got {frame.kind.name} with {len(frame.fields)}"
        )

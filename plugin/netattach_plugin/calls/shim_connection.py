"""One connection of a shim: the greeting, the call, the plugins that the shim runs, the sysctls that it writes, the answer."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import Mapping, Sequence

from netattach_core.errors import DecodeError, TryAgainError
from netattach_core.shim import protocol as shim_protocol
from netattach_core.shim.protocol import Call, Decoder, Errnos, Frame, Kind, Outcome, Ran, Run, Sysctl

_CHUNK = 65536
_PEER = struct.Struct("3i")  # pid, uid, gid of SO_PEERCRED


class ShimConnection:
    """Owns the socket and every descriptor that is received on it, until `close`."""

    def __init__(self, connection: socket.socket, deadline: float = float("inf")) -> None:
        """`deadline`: seconds from now that the runtime is expected to wait."""
        connection.setblocking(False)
        self._socket = connection
        self._decoder = Decoder()
        self._received: list[Frame] = []
        self._descriptors: list[int] = []
        self._sending = asyncio.Lock()
        self._waiting: dict[int, asyncio.Future[Ran]] = {}
        self._runs = 0
        self._writing: dict[int, asyncio.Future[Sequence[int] | None]] = {}
        self._writes = 0
        self._version = 0
        self._lost = False
        self._until = time.monotonic() + deadline
        self.cancellation = asyncio.Event()

    @property
    def cancelled(self) -> bool:
        return self.cancellation.is_set()

    def seconds_left(self) -> float:
        return self._until - time.monotonic()

    @property
    def netns(self) -> int | None:
        return self._descriptors[0] if self._descriptors else None

    @property
    def route_sockets(self) -> Sequence[int]:
        return self._descriptors[1:] if len(self._descriptors) == shim_protocol.DESCRIPTORS else ()

    def peer_uid(self) -> int:
        credentials = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size)
        return int(_PEER.unpack(credentials)[1])

    async def greet(self) -> None:
        """Agrees on a version, or refuses the shim. Raises DecodeError."""
        offered = shim_protocol.hello_versions(await self._frame())
        common = [version for version in shim_protocol.VERSIONS if version in offered]
        if not common:
            refusal = (
                f"this daemon speaks versions {_text(shim_protocol.VERSIONS)} of the shim protocol, the shim {_text(offered)}: "
                "shim and daemon are of different releases; let the daemon install its own shim"
            )
            await self._send(Frame(Kind.REFUSE, (refusal.encode(),)))
            raise DecodeError(refusal)
        self._version = max(common)
        await self._send(Frame(Kind.WELCOME, (b"%d" % self._version,)))

    async def call(self) -> Call:
        """The call of the runtime. Raises DecodeError."""
        return shim_protocol.call(await self._frame())

    async def run(self, plugin: str, stdin: bytes, environment: Mapping[str, str], deadline: float) -> Ran:
        """Has the shim run a plugin, and waits for its end; several may run at once."""
        self._require_shim()
        self._runs += 1
        run = Run(self._runs, plugin, int(deadline * 1000), stdin, dict(environment))
        self._waiting[run.id] = asyncio.get_running_loop().create_future()
        try:
            await self._send(shim_protocol.run_frame(run))
            return await self._waiting[run.id]
        finally:
            del self._waiting[run.id]

    @property
    def writes_sysctls(self) -> bool:
        return self._version >= shim_protocol.SYSCTLS_VERSION and bool(self.route_sockets)

    async def write_sysctls(self, sysctls: Sequence[Sysctl]) -> Sequence[int]:
        """Has the shim write sysctls, in order; several may be asked for at once. Raises TryAgainError."""
        self._require_shim()
        if self._version < shim_protocol.SYSCTLS_VERSION:
            raise TryAgainError(
                "the shim of this call is that of an earlier release and writes no sysctls; the runtime will try again, with the "
                "shim that is installed now"
            )
        self._writes += 1
        answered: asyncio.Future[Sequence[int] | None] = asyncio.get_running_loop().create_future()
        self._writing[self._writes] = answered
        try:
            await self._send(shim_protocol.sysctls_frame(self._writes, sysctls))
            errnos = await answered
        finally:
            answered.cancel()  # nobody waits for a late one
        if errnos is None or len(errnos) != len(sysctls):
            raise TryAgainError("the shim is gone; it may have written the sysctls or not")
        return errnos

    async def answer(self, status: int, stdout: bytes) -> None:
        """Ends the call; nothing is sent afterwards."""
        await self._send(shim_protocol.answer_frame(status, stdout))

    async def listen(self) -> None:
        """Handles the frames of the shim until it is gone; runs concurrently with the call."""
        try:
            while True:
                self._handle(await self._frame())
        except (DecodeError, OSError) as error:
            self._lose(error)

    def close(self) -> None:
        self._socket.close()
        while self._descriptors:
            os.close(self._descriptors.pop())

    def _handle(self, frame: Frame) -> None:
        if frame.kind is Kind.CANCEL:
            self.cancellation.set()
        elif frame.kind is Kind.ERRNOS:
            self._handle_errnos(shim_protocol.errnos(frame))
        else:
            self._handle_ran(shim_protocol.ran(frame))

    def _handle_ran(self, ran: Ran) -> None:
        waiting = self._waiting.get(ran.id)
        if waiting is None or waiting.done():
            raise DecodeError(f"the shim reports run {ran.id}, which was not asked for")
        waiting.set_result(ran)

    def _handle_errnos(self, written: Errnos) -> None:
        answered = self._writing.pop(written.id, None)
        if answered is None:
            raise DecodeError(f"the shim reports sysctls {written.id}, which were not asked for")
        if not answered.done():
            answered.set_result(written.errnos)

    def _require_shim(self) -> None:
        if self._lost:
            raise TryAgainError("the shim is gone; the runtime has cancelled the call")

    def _lose(self, error: Exception) -> None:
        """The plugins cannot be observed any more: each wait ends as if its plugin had been killed."""
        self._lost = True
        self.cancellation.set()
        for run_id, waiting in self._waiting.items():
            if not waiting.done():
                waiting.set_result(Ran(run_id, Outcome.KILLED, 9, b"", str(error).encode()))
        for answered in self._writing.values():
            if not answered.done():
                answered.set_result(None)

    async def _frame(self) -> Frame:
        while not self._received:
            data = await self._receive()
            if not data:
                raise DecodeError("the shim has closed the connection")
            self._received += self._decoder.feed(data)
        return self._received.pop(0)

    async def _receive(self) -> bytes:
        """Bytes, and with the CALL descriptors, which asyncio's own methods would drop. Surplus ones are closed."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(
                    self._socket, _CHUNK, shim_protocol.DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                await self._readable()
            else:
                self._descriptors += descriptors
                while len(self._descriptors) > shim_protocol.DESCRIPTORS:
                    os.close(self._descriptors.pop())
                return data

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        descriptor = (
            self._socket.fileno()
        )  # a selector that looks for a socket formats it, with two system calls
        loop.add_reader(descriptor, _set_once, ready)
        try:
            await ready
        finally:
            loop.remove_reader(descriptor)

    async def _send(self, frame: Frame) -> None:
        async with self._sending:
            try:
                await asyncio.get_running_loop().sock_sendall(self._socket, shim_protocol.encode(frame))
            except OSError as error:
                raise TryAgainError(f"the shim is gone: {error}") from error


def _text(versions: range) -> str:
    return f"{versions.start} to {versions.stop - 1}"


def _set_once(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)

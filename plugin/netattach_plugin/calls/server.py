"""The socket: accepts shims, gives each call its turn, and turns whatever happens into one answer.

What stands around the work is here (locks, log, the error object), so that the engine can be read without it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from netattach_core.cni import error as cni_error
from netattach_core.cni import request as cni_request
from netattach_core.cni import versions
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DecodeError, NetattachError
from netattach_core.shim.protocol import Call
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import RUNTIMES_TURN, PendingDeletes
from netattach_plugin.calls.shim_connection import ShimCall
from netattach_plugin.engine.engine import Engine

_log = logging.getLogger(__name__)

_GREETING_SECONDS = 10.0
_BACKLOG = 256
_PAUSE_SECONDS = 0.1
_LOOK_SECONDS = 1.0


class Server:
    """Serves shims on a unix socket of mode 0600 in a directory of mode 0700."""

    def __init__(
        self,
        path: Path,
        engine: Engine,
        turns: CallQueue,
        debts: PendingDeletes,
        *,
        call_deadline: float = 200.0,
        observe: Callable[[str, bool, float], None] = lambda *_: None,
    ) -> None:
        """`observe` hears of each call's end: its verb, whether it succeeded, its seconds."""
        self._path = path
        self._engine = engine
        self._turns = turns
        self._debts = debts
        self._call_deadline = call_deadline
        self._observe = observe
        self.listening = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._inode = 0

    def problem(self) -> str | None:
        """Why no shim can reach us; also where somebody has cleared the directory under our feet."""
        try:
            ours = self._path.stat().st_ino == self._inode
        except OSError:
            ours = False
        return None if ours else f"no shim can reach us: {self._path} is not our socket"

    async def serve(self, stop: asyncio.Event, drain: float) -> None:
        """Accepts until `stop` is set, then lets the calls under way end, for `drain` seconds at most."""
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(self._listen_always(self._listen(), tasks), name="listen")
            self.listening.set()
            await stop.wait()
            listening.cancel()
            self._remove_own_socket()
            if self._calls:
                await asyncio.wait(self._calls, timeout=drain)
            for call in self._calls:
                call.cancel()

    async def _listen_always(self, listener: socket.socket, tasks: asyncio.TaskGroup) -> None:
        """Where somebody clears the socket away, shims that wait find a new one; one of a successor's is left alone."""
        while True:
            with listener:
                accepting = tasks.create_task(self._accept(listener, tasks), name="accept")
                try:
                    await self._until_cleared_away()
                finally:
                    accepting.cancel()
            _log.warning("%s was cleared away; listening anew", self._path)
            listener = await self._listen_again()

    async def _until_cleared_away(self) -> None:
        while self._path.exists():  # noqa: ASYNC110  # nothing tells of it, short of a watch for this one file
            await asyncio.sleep(_LOOK_SECONDS)

    async def _listen_again(self) -> socket.socket:
        while True:
            try:
                return self._listen()
            except OSError as error:
                _log.warning("no socket can be made at %s: %s", self._path, error)
                await asyncio.sleep(_LOOK_SECONDS)

    def _listen(self) -> socket.socket:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if {entry.name for entry in self._path.parent.iterdir()} <= {self._path.name, "locks"}:
            self._path.parent.chmod(0o700)  # whoever mounted it for us has made it like any other
        self._path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.setblocking(False)
        old_mask = os.umask(0o177)
        try:
            listener.bind(str(self._path))
        finally:
            os.umask(old_mask)
        listener.listen(_BACKLOG)
        self._inode = self._path.stat().st_ino
        return listener

    def _remove_own_socket(self) -> None:
        """A successor that serves already has put its own in this place."""
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    async def _accept(self, listener: socket.socket, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            except OSError as error:  # no descriptors are left: the calls under way give theirs back
                _log.warning("no call can be accepted: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            call = tasks.create_task(self._serve_shim(ShimCall(connection, self._call_deadline)))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _serve_shim(self, shim: ShimCall) -> None:
        """One conversation. Whatever happens in it ends here: the daemon serves the node's other pods."""
        try:
            await self._converse(shim)
        except* (NetattachError, OSError, TimeoutError) as errors:
            _log.warning("a shim was not served: %s", "; ".join(map(str, errors.exceptions)))
        except* Exception:  # noqa: BLE001  # one call's defect must not end the daemon
            _log.exception("a defect in netattach")
        finally:
            shim.close()

    async def _converse(self, shim: ShimCall) -> None:
        if shim.peer_uid() not in {0, os.geteuid()}:
            raise DecodeError("the peer is neither root nor ourselves")
        async with asyncio.timeout(_GREETING_SECONDS):
            await shim.greet()
            call = await shim.call()
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(shim.listen(), name="listen")
            await shim.answer(*await self._answer(call, shim))
            listening.cancel()

    async def _answer(self, raw: Call, shim: ShimCall) -> tuple[int, bytes]:
        """The exit status and standard output of the call; never raises, so that a runtime always hears the reason."""
        started = time.monotonic()
        status, output = await self._outcome(raw, shim)
        seconds = time.monotonic() - started
        self._observe(raw.environment.get("CNI_COMMAND", ""), status == 0, seconds)
        _log.info("%s of sandbox %s took %.1f ms", raw.environment.get("CNI_COMMAND"),
                  raw.environment.get("CNI_CONTAINERID"), seconds * 1000)  # fmt: skip  # one thought, two lines
        return status, output

    async def _outcome(self, raw: Call, shim: ShimCall) -> tuple[int, bytes]:
        version = versions.NEWEST
        try:
            call = cni_request.parse(raw.environment, raw.stdin)
            version = call.cni_version
            result = await self._in_turn(call, shim)
        except NetattachError as error:
            return 1, self._failed(raw, error, version)
        except Exception as error:  # noqa: BLE001  # a defect must reach the runtime as a failure, never as silence
            _log.exception("a defect in netattach")
            return 1, self._failed(raw, NetattachError(f"a defect in netattach: {error!r}"), version)
        return 0, result.encode()

    async def _in_turn(self, call: CniRequest, shim: ShimCall) -> str:
        """One call at a time for a sandbox (S104); a runtime that timed out may have two under way."""
        if call.command == "STATUS":  # behind a crowd of pods the node would not be ready
            await self._debts.pay(shim)
            await self._engine.node.status(call, shim)
            return ""
        async with self._turns.taken(call.container_id, shim):
            await self._debts.pay(shim)
            if call.command in {"ADD", "DEL"}:
                return await self._add_or_delete(call, shim)
            await (self._engine.check if call.command == "CHECK" else self._engine.node.collect)(call, shim)
            return ""

    async def _add_or_delete(self, call: CniRequest, shim: ShimCall) -> str:
        """What may be left by one that failed is owed, in case that the runtime does not come again."""
        self._debts.forget(call.container_id)
        try:
            if call.command == "ADD":
                return await self._engine.add(call, shim)
            await self._engine.delete(call, shim)
        except Exception:  # a defect leaves as much behind as a failure, and is told by whoever called us
            self._debts.owe(call.container_id, after=RUNTIMES_TURN)
            raise
        return ""

    def _failed(self, raw: Call, error: NetattachError, version: str) -> bytes:
        command = raw.environment.get("CNI_COMMAND", "")
        if command == "DEL":
            error.message, error.details = (
                cni_error.for_delete(error.message),
                cni_error.for_delete(error.details),
            )
        _log.warning(
            "%s of sandbox %s failed: %s", command, raw.environment.get("CNI_CONTAINERID"), error.message
        )
        return cni_error.to_json(error, version)

"""The socket: accepts shims, queues their calls, and answers each one.

Everything around the engine's work is here: queue, retries, log, metrics, the CNI error object.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from netattach_core.attach import probe_network
from netattach_core.cni import error as cni_error
from netattach_core.cni import request as cni_request
from netattach_core.cni import versions
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DecodeError, NetattachError, NotReadyError
from netattach_core.shim.protocol import Call
from netattach_kube import log_context
from netattach_plugin.call_ports import Shim
from netattach_plugin.calls.call_queue import CallQueue
from netattach_plugin.calls.pending_deletes import RUNTIME_RETRY_SECONDS, PendingDeletes
from netattach_plugin.calls.shim_connection import ShimConnection
from netattach_plugin.engine.engine import Engine
from netattach_plugin.engine.timings import NO_TIMINGS, Phase
from netattach_plugin.ports import Timings

_log = logging.getLogger(__name__)

_GREETING_SECONDS = 10.0
_BACKLOG = 256
_PAUSE_SECONDS = 0.1
_CHECK_INTERVAL = 1.0


class Server:
    """Serves shims on a unix socket of mode 0600 in a directory of mode 0700."""

    def __init__(  # noqa: PLR0913  # one collaborator each
        self,
        path: Path,
        engine: Engine,
        queue: CallQueue,
        pending: PendingDeletes,
        *,
        call_deadline: float = 200.0,
        observe: Callable[[str, bool, float], None] = lambda *_: None,
        called: Callable[[Mapping[str, str]], None] = lambda _: None,
        probe: Callable[[CniRequest, Shim], Awaitable[str]] | None = None,
        timings: Timings = NO_TIMINGS,
    ) -> None:
        """`called` gets the environment of each call; `observe` its verb, whether it succeeded, and its seconds, afterwards.

        `probe` executes the calls of the probe, which are no runtime's: neither of the two gets them.
        """
        self._path = path
        self._engine = engine
        self._queue = queue
        self._pending = pending
        self._call_deadline = call_deadline
        self._observe = observe
        self._called = called
        self._probe = probe
        self._timings = timings
        self.listening = asyncio.Event()
        self._calls: set[asyncio.Task[None]] = set()
        self._inode = 0

    def problem(self) -> str | None:
        """Why no shim can connect: also where another program has removed the socket."""
        try:
            ours = self._path.stat().st_ino == self._inode
        except OSError:
            ours = False
        return None if ours else f"no shim can connect: {self._path} is not the daemon's socket"

    async def serve(self, stop: asyncio.Event, drain: float) -> None:
        """Accepts until `stop` is set, then waits for the running calls, `drain` seconds at most."""
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
        """Creates a new socket where another program has removed it; a successor's socket is left alone."""
        while True:
            with listener:
                accepting = tasks.create_task(self._accept(listener, tasks), name="accept")
                try:
                    await self._until_removed()
                finally:
                    accepting.cancel()
            _log.warning("%s was removed; listening again", self._path)
            listener = await self._listen_again()

    async def _until_removed(self) -> None:
        while self._path.exists():  # noqa: ASYNC110  # cheaper than a watch of one file
            await asyncio.sleep(_CHECK_INTERVAL)

    async def _listen_again(self) -> socket.socket:
        while True:
            try:
                return self._listen()
            except OSError as error:
                _log.warning("no socket can be created at %s: %s", self._path, error)
                await asyncio.sleep(_CHECK_INTERVAL)

    def _listen(self) -> socket.socket:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if {entry.name for entry in self._path.parent.iterdir()} <= {self._path.name, "locks"}:
            self._path.parent.chmod(0o700)  # the kubelet creates it for the mount with mode 0755
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
        """Not that of a successor that serves already."""
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    async def _accept(self, listener: socket.socket, tasks: asyncio.TaskGroup) -> None:
        while True:
            try:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
            except OSError as error:  # out of descriptors: the running calls give theirs back
                _log.warning("no call can be accepted: %s", error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            call = tasks.create_task(self._serve_shim(ShimConnection(connection, self._call_deadline)))
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _serve_shim(self, shim: ShimConnection) -> None:
        """One connection, from greeting to answer. No failure leaves it: the daemon serves the node's other pods."""
        try:
            await self._converse(shim)
        except* (NetattachError, OSError, TimeoutError) as errors:
            _log.warning("a shim was not served: %s", "; ".join(map(str, errors.exceptions)))
        except* Exception:  # noqa: BLE001  # an internal error in one call must not end the daemon
            _log.exception("internal error")
        finally:
            shim.close()

    async def _converse(self, shim: ShimConnection) -> None:
        if shim.peer_uid() not in {0, os.geteuid()}:
            raise DecodeError("the peer is neither root nor the daemon's own user")
        async with asyncio.timeout(_GREETING_SECONDS):
            await shim.greet()
            call = await shim.call()
        _name_in_log(call)
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(shim.listen(), name="listen")
            await shim.answer(*await self._answer(call, shim))
            listening.cancel()

    async def _answer(self, raw: Call, shim: ShimConnection) -> tuple[int, bytes]:
        """Exit status and standard output of the call; never raises, so that the runtime always gets the reason."""
        started = time.monotonic()
        status, output = await self._outcome(raw, shim)
        seconds = time.monotonic() - started
        if not _is_of_probe(raw):
            self._observe(raw.environment.get("CNI_COMMAND", ""), status == 0, seconds)
        _log.info("%s took %.1f ms", raw.environment.get("CNI_COMMAND"), seconds * 1000)
        return status, output

    async def _outcome(self, raw: Call, shim: ShimConnection) -> tuple[int, bytes]:
        version = versions.NEWEST
        try:
            call = cni_request.parse(raw.environment, raw.stdin)
            if call.pod:
                log_context.add(pod=str(call.pod))
            version = call.cni_version
            if _is_of_probe(raw):
                result = await self._probed(call, shim)
            else:
                self._called(raw.environment)
                result = await self._queued(call, shim)
        except NetattachError as error:
            return 1, self._failed(raw, error, version)
        except Exception as error:  # noqa: BLE001  # the runtime needs an answer to each call
            _log.exception("internal error")
            return 1, self._failed(raw, NetattachError(f"internal error: {error!r}"), version)
        return 0, result.encode()

    async def _probed(self, call: CniRequest, shim: ShimConnection) -> str:
        """Its shim is in a container: no pending DEL is retried over it, and it leaves none."""
        if self._probe is None or call.command not in {"ADD", "DEL"}:
            raise NotReadyError("this daemon probes nothing")
        async with self._queue.slot(call.container_id, shim):
            return await self._probe(call, shim)

    async def _queued(self, call: CniRequest, shim: ShimConnection) -> str:
        """STATUS is not queued: a node that attaches many pods is ready all the same."""
        if call.command == "STATUS":
            await self._pending.retry_due(shim)
            return await self._engine.call(call, shim)
        queued = time.monotonic()
        async with self._queue.slot(call.container_id, shim):
            self._timings.phase(call.command, Phase.QUEUE, time.monotonic() - queued)
            await self._pending.retry_due(shim)
            return await self._run(call, shim)

    async def _run(self, call: CniRequest, shim: ShimConnection) -> str:
        """An ADD or DEL that fails leaves a pending DEL, in case that the runtime does not retry."""
        if call.command not in {"ADD", "DEL"}:
            return await self._engine.call(call, shim)
        self._pending.discard(call.container_id)
        try:
            return await self._engine.call(call, shim)
        except Exception:  # an internal error may leave as much attached as any failure
            self._pending.add(call.container_id, after=RUNTIME_RETRY_SECONDS)
            raise

    def _failed(self, raw: Call, error: NetattachError, version: str) -> bytes:
        command = raw.environment.get("CNI_COMMAND", "")
        if command == "DEL":
            error.message = cni_error.for_delete(error.message)
            error.details = cni_error.for_delete(error.details)
        _log.warning("%s failed: %s", command, error.message)
        return cni_error.to_json(error, version)


def _is_of_probe(call: Call) -> bool:
    return call.environment.get("CNI_CONTAINERID") == probe_network.CONTAINER_ID


def _name_in_log(call: Call) -> None:
    """STATUS and GC have no container."""
    container = call.environment.get("CNI_CONTAINERID")
    log_context.add(
        command=call.environment.get("CNI_COMMAND", ""), **({"container": container} if container else {})
    )

"""The daemon of the reference plugin dhcp, under our supervision: one on a node, ours only where nobody else runs one.

It is the node's own binary, a child of ours. Its leases are in its memory; after a restart, of it or of us, each lease in the
ledger is asked for again, so that it goes on being renewed and its DEL gives it back.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from netattach_core.api.inventory import Dhcp
from netattach_core.attach import dhcp_leases
from netattach_core.attach.dhcp_leases import Lease
from netattach_core.errors import NetattachError
from netattach_plugin.ports import Ledger

_log = logging.getLogger(__name__)

_LOOK_EVERY = 5.0
_START_SECONDS, _STOP_SECONDS, _LEASE_SECONDS = 5.0, 5.0, 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_AT_ONCE = 8

_DIES_WITH_US = (
    "import ctypes, os, signal, sys; ctypes.CDLL(None).prctl(1, signal.SIGTERM); "
    "os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])"
)
"""PR_SET_PDEATHSIG, which stays over the exec: else it would outlive us where we are not the first process of a container."""


class DhcpDaemon:
    """`changed` is called when it starts or stops running."""

    def __init__(self, socket: Path, bin_dir: Path, ledger: Ledger, changed: Callable[[], None]) -> None:
        self._socket = socket
        self._bin_dir = bin_dir
        self._ledger = ledger
        self._changed = changed
        self._running: bool | None = None
        self._settled = asyncio.Event()
        self._resumed = (0, 0)

    async def inventory(self) -> Dhcp:
        """Waits until it is known, which is soon after the start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * _START_SECONDS):
                await self._settled.wait()
        return Dhcp(running=bool(self._running), socket=str(self._socket))

    async def run(self) -> None:
        """Never returns; a child of ours ends with it."""
        pause = _FIRST_PAUSE
        while True:
            if await self._listens():
                self._note(running=True)
                await self._resume()
                await asyncio.sleep(_LOOK_EVERY)
            elif os.access(self._program, os.X_OK):
                pause = _FIRST_PAUSE if await self._serve() else min(2 * pause, _LONGEST_PAUSE)
                await asyncio.sleep(pause)
            else:
                self._note(running=False)
                await asyncio.sleep(_LOOK_EVERY)

    @property
    def _program(self) -> Path:
        return self._bin_dir / dhcp_leases.TYPE

    @property
    def _flags(self) -> list[str]:
        """Old releases have none, and need none."""
        return [] if str(self._socket) == dhcp_leases.SOCKET else ["-socketpath", str(self._socket)]

    async def _listens(self) -> bool:
        """A file alone says nothing: one that was killed leaves its socket behind."""
        try:
            _, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        writer.close()
        return True

    async def _serve(self) -> bool:
        """From the start of a child to its end; whether it ever listened."""
        try:
            self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._socket.unlink(missing_ok=True)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _DIES_WITH_US, str(os.getpid())),
                *(str(self._program), "daemon", *self._flags),
                stdin=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            _log.warning("the dhcp daemon cannot be started: %s", error)
            self._note(running=False)
            return False
        try:
            started = await self._started(process)
            self._note(running=started)
            if started:
                await self._resume()
                _log.warning("the dhcp daemon ended with status %s", await process.wait())
        finally:
            await _stop(process)
        self._note(running=False)
        return started

    async def _started(self, process: asyncio.subprocess.Process) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while process.returncode is None:
                    if await self._listens():
                        return True
                    await asyncio.sleep(0.02)  # it tells nobody
        _log.warning("the dhcp daemon does not start")
        return False

    def _note(self, *, running: bool) -> None:
        if running != self._running:
            self._running = running
            self._changed()
        self._settled.set()

    async def _resume(self) -> None:
        """Once for each daemon, which is known by its socket; the number alone is given again to the next file."""
        try:
            known = self._socket.stat()
        except OSError:
            return
        if (known.st_ino, known.st_ctime_ns) == self._resumed:
            return
        self._resumed = (known.st_ino, known.st_ctime_ns)
        places = asyncio.Semaphore(_AT_ONCE)
        async with asyncio.TaskGroup() as tasks:
            async for lease in _leases(self._ledger):
                tasks.create_task(self._ask_again(lease, places))

    async def _ask_again(self, lease: Lease, places: asyncio.Semaphore) -> None:
        pod = lease.environment["CNI_ARGS"]
        async with places:
            problem = await self._asked(lease)
        if problem:
            _log.warning(
                "the lease of network %s (%s) is not renewed any more: %s", lease.network, pod, problem
            )

    async def _asked(self, lease: Lease) -> str | None:
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**lease.environment, "CNI_PATH": str(self._bin_dir)},
            )
        except OSError as error:
            return str(error)
        try:
            async with asyncio.timeout(_LEASE_SECONDS):
                answer, _ = await process.communicate(lease.stdin.encode())
        except TimeoutError:
            return f"no server has answered within {_LEASE_SECONDS:.0f} s"
        finally:
            await _stop(process)
        return dhcp_leases.problem(lease, answer.decode(errors="replace"))


async def _leases(ledger: Ledger) -> AsyncIterator[Lease]:
    """An entry that cannot be read is reported by its own DEL."""
    async for sandbox in ledger.sandboxes(lambda *_: None):
        try:
            found = list(dhcp_leases.held(sandbox))
        except NetattachError:
            continue
        for lease in found:
            yield lease


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

"""Supervises the daemon of the reference plugin dhcp, unless somebody else runs one on this node.

It is a child process, from the node's own binary. It keeps its leases in memory; after a restart, of either daemon, each lease in
the ledger is requested again, so that it is renewed in time and its DEL releases it.
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
from netattach_core.cni import plugin_aliases
from netattach_core.errors import NetattachError
from netattach_kube.backoff import Backoff
from netattach_plugin.ports import Ledger

_log = logging.getLogger(__name__)

_CHECK_INTERVAL = 5.0
_START_SECONDS, _STOP_SECONDS, _LEASE_SECONDS = 5.0, 5.0, 60.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
_CONCURRENT_REQUESTS = 8

_DIE_WITH_PARENT = (
    "import ctypes, os, signal, sys; ctypes.CDLL(None).prctl(1, signal.SIGTERM); "
    "os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])"
)
"""Sets PR_SET_PDEATHSIG, which survives the exec: outside of a container nothing else would end the child with its parent."""


class DhcpDaemon:
    """`changed` is called when the dhcp daemon starts or stops running."""

    def __init__(self, socket: Path, bin_dir: Path, ledger: Ledger, changed: Callable[[], None]) -> None:
        self._socket = socket
        self._bin_dir = bin_dir
        self._ledger = ledger
        self._changed = changed
        self._running: bool | None = None
        self._checked = asyncio.Event()
        self._resumed = (0, 0)

    async def inventory(self) -> Dhcp:
        """Waits for the first check, soon after the start."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2 * _START_SECONDS):
                await self._checked.wait()
        return Dhcp(running=bool(self._running), socket=str(self._socket))

    async def run(self) -> None:
        """Never returns; when cancelled it stops the child."""
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            if await self._listens():
                self._set(running=True)
                await self._resume()
                await asyncio.sleep(_CHECK_INTERVAL)
            elif os.access(self._program, os.X_OK):
                if await self._serve():
                    backoff.reset()
                await asyncio.sleep(backoff.next())
            else:
                self._set(running=False)
                await asyncio.sleep(_CHECK_INTERVAL)

    @property
    def _program(self) -> Path:
        return self._bin_dir / plugin_aliases.DHCP_TYPE

    @property
    def _flags(self) -> list[str]:
        """None for the default socket: old releases have no flags."""
        is_default = str(self._socket) == plugin_aliases.DHCP_SOCKET
        return [] if is_default else ["-socketpath", str(self._socket)]

    async def _listens(self) -> bool:
        """Connects, since a killed daemon leaves its socket's file."""
        try:
            _, writer = await asyncio.open_unix_connection(self._socket)
        except OSError:
            return False
        writer.close()
        return True

    async def _serve(self) -> bool:
        """Runs a child until it ends. Returns whether it ever listened."""
        try:
            self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._socket.unlink(missing_ok=True)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid())),
                *(str(self._program), "daemon", *self._flags),
                stdin=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            _log.warning("the dhcp daemon cannot be started: %s", error)
            self._set(running=False)
            return False
        try:
            started = await self._wait_until_listening(process)
            self._set(running=started)
            if started:
                await self._resume()
                _log.warning("the dhcp daemon ended with status %s", await process.wait())
        finally:
            await _stop(process)
        self._set(running=False)
        return started

    async def _wait_until_listening(self, process: asyncio.subprocess.Process) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while process.returncode is None:
                    if await self._listens():
                        return True
                    await asyncio.sleep(0.02)  # it sends no notification
        _log.warning("the dhcp daemon does not start")
        return False

    def _set(self, *, running: bool) -> None:
        if running != self._running:
            self._running = running
            self._changed()
        self._checked.set()

    async def _resume(self) -> None:
        """Requests all leases, once per daemon. Its socket identifies it: inode and time, since inodes are reused."""
        try:
            known = self._socket.stat()
        except OSError:
            return
        if (known.st_ino, known.st_ctime_ns) == self._resumed:
            return
        self._resumed = (known.st_ino, known.st_ctime_ns)
        slots = asyncio.Semaphore(_CONCURRENT_REQUESTS)
        async with asyncio.TaskGroup() as tasks:
            async for lease in _leases(self._ledger):
                tasks.create_task(self._request(lease, slots))

    async def _request(self, lease: Lease, slots: asyncio.Semaphore) -> None:
        pod = lease.environment["CNI_ARGS"]
        async with slots:
            problem = await self._run_plugin(lease)
        if problem:
            _log.warning("the lease of network %s (%s) is no longer renewed: %s", lease.network, pod, problem)

    async def _run_plugin(self, lease: Lease) -> str | None:
        """ADD of the dhcp plugin alone. Returns what went wrong."""
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
            return f"no server answered within {_LEASE_SECONDS:.0f} s"
        finally:
            await _stop(process)
        return dhcp_leases.problem(lease, answer.decode(errors="replace"))


async def _leases(ledger: Ledger) -> AsyncIterator[Lease]:
    """Skips unreadable entries, which their DEL reports."""
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

"""Watches the node's dhcp daemon, and requests the leases in the ledger again after its restart.

The daemon of the reference plugin keeps its leases in memory. Requested again, a lease is renewed in time, and its DEL releases
it. The requests need only the socket, so they are made here, next to the ledger, whoever runs the dhcp daemon.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from netattach_core.api.inventory import Dhcp
from netattach_core.attach import dhcp_leases
from netattach_core.attach.dhcp_leases import Lease
from netattach_core.cni import plugin_aliases
from netattach_core.errors import NetattachError
from netattach_plugin.node import dhcp_supervisor
from netattach_plugin.node.plugin_directories import PluginDirectories
from netattach_plugin.ports import Ledger

_log = logging.getLogger(__name__)

_CHECK_INTERVAL = 1.0
"""Seconds: while no daemon runs, pods with such networks fail, and a lease that is not renewed may expire."""

_START_SECONDS = 5.0
"""How long a dhcp daemon that starts at the same time is waited for, before the inventory reports that none runs."""

_LEASE_SECONDS = 60.0
_CONCURRENT_REQUESTS = 8


class DhcpLeases:
    """`changed` is called when the dhcp daemon starts or stops running."""

    def __init__(
        self, socket: Path, directories: PluginDirectories, ledger: Ledger, changed: Callable[[], None]
    ) -> None:
        self._socket = socket
        self._directories = directories
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
        """Never returns."""
        await self._wait_for_start()
        while True:
            running = await dhcp_supervisor.listens(self._socket)
            self._set(running=running)
            if running:
                await self._resume()
            await asyncio.sleep(_CHECK_INTERVAL)

    async def _wait_for_start(self) -> None:
        """Where the plugin is installed, its daemon is about to start: then the first inventory is right already."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while self._directories.find(plugin_aliases.DHCP_TYPE):
                    if await dhcp_supervisor.listens(self._socket):
                        return
                    await asyncio.sleep(0.02)  # it sends no notification

    def _set(self, *, running: bool) -> None:
        if running != self._running:
            if self._running:
                _log.warning(
                    "the dhcp daemon on %s does not run; its leases are not renewed meanwhile", self._socket
                )
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
        program = self._directories.find(plugin_aliases.DHCP_TYPE)
        if program is None:
            return f"the plugin {plugin_aliases.DHCP_TYPE} is not installed in {self._directories.cni_path}"
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**lease.environment, "CNI_PATH": self._directories.cni_path},
            )
        except OSError as error:
            return str(error)
        try:
            async with asyncio.timeout(_LEASE_SECONDS):
                answer, _ = await process.communicate(lease.stdin.encode())
        except TimeoutError:
            return f"no server answered within {_LEASE_SECONDS:.0f} s"
        finally:
            await dhcp_supervisor.stop(process)
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

"""Runs the daemon of the reference plugin dhcp, unless somebody else runs one on this node.

It is a child process, from the node's own binary. In a cluster this is a container of its own: the client parses packets of
strangers, so it runs without a token and without the node's files. It keeps its leases in memory; `dhcp_leases` renews them after
a restart.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from pathlib import Path

from netattach_core.cni import plugin_aliases
from netattach_kube.backoff import Backoff
from netattach_plugin.node.plugin_directories import PluginDirectories

_log = logging.getLogger(__name__)

_CHECK_INTERVAL = 5.0
_START_SECONDS, _STOP_SECONDS = 5.0, 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0

_DIE_WITH_PARENT = (
    "import ctypes, os, signal, sys; ctypes.CDLL(None).prctl(1, signal.SIGTERM); "
    "os.getppid() == int(sys.argv[1]) and os.execv(sys.argv[2], sys.argv[2:])"
)
"""Sets PR_SET_PDEATHSIG, which survives the exec: outside of a container nothing else would end the child with its parent."""


class DhcpSupervisor:
    """Of one socket, with the node's binary."""

    def __init__(self, socket: Path, directories: PluginDirectories) -> None:
        self._socket = socket
        self._directories = directories

    async def run(self) -> None:
        """Never returns; when cancelled it stops the child."""
        backoff = Backoff(_FIRST_PAUSE, _LONGEST_PAUSE)
        while True:
            program = self._directories.find(plugin_aliases.DHCP_TYPE)
            if program is None or await listens(self._socket):
                await asyncio.sleep(_CHECK_INTERVAL)
                continue
            if await self._serve(program):
                backoff.reset()
            await asyncio.sleep(backoff.next())

    @property
    def _flags(self) -> list[str]:
        """None for the default socket: old releases have no flags."""
        is_default = str(self._socket) == plugin_aliases.DHCP_SOCKET
        return [] if is_default else ["-socketpath", str(self._socket)]

    async def _serve(self, program: Path) -> bool:
        """Runs a child until it ends. Returns whether it ever listened."""
        try:
            self._socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._socket.unlink(missing_ok=True)
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(os.getpid())),
                *(str(program), "daemon", *self._flags),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        except OSError as error:
            _log.warning("the dhcp daemon cannot be started: %s", error)
            return False
        async with asyncio.TaskGroup() as tasks:
            output = tasks.create_task(_log_output(process), name="output")
            try:
                started = await self._wait_until_listening(process)
                if started:
                    _log.warning("the dhcp daemon ended with status %s", await process.wait())
            finally:
                await stop(process)
                await asyncio.wait((output,), timeout=_STOP_SECONDS)
                output.cancel()
        return started

    async def _wait_until_listening(self, process: asyncio.subprocess.Process) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                while process.returncode is None:
                    if await listens(self._socket):
                        return True
                    await asyncio.sleep(0.02)  # it sends no notification
        _log.warning("the dhcp daemon does not start")
        return False


async def _log_output(process: asyncio.subprocess.Process) -> None:
    """Its lines as messages of ours: they may quote packets of strangers."""
    while process.stdout:
        try:
            line = await process.stdout.readline()
        except ValueError:  # longer than the buffer, which is dropped
            continue
        if not line:
            return
        _log.info("dhcp daemon: %s", line.decode(errors="replace").rstrip())


async def listens(socket: Path) -> bool:
    """Whether a dhcp daemon accepts connections. It connects, since a killed one leaves its socket's file."""
    try:
        _, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    writer.close()
    return True


async def stop(process: asyncio.subprocess.Process) -> None:
    """Terminates the process, and kills it if it does not end in time."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

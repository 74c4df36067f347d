"""network-status of plain pods, whom the shim attaches without us: its notes are read afterwards, off the pod's path.

The directory is listed again and again. It holds as many names as the node has pods, so that costs less than being told.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path

from netattach_core.attach import network_status
from netattach_core.attach.attachment import Attachment
from netattach_core.cni import result as cni_result
from netattach_core.errors import NetattachError
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Note
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.ports import PlainStatusSink

_log = logging.getLogger(__name__)

_EVERY = 0.5
"""Seconds between looks."""


class PlainPodStatus:
    """Tells each note once: what is told is marked in the note itself, so that a restart tells nothing twice."""

    def __init__(self, ledger: Path, status: PlainStatusSink) -> None:
        self._directory = ShimFiles(ledger).notes
        self._status = status
        self._seen: set[str] = set()

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for path, note in self.look():
                    tasks.create_task(self._tell(path, note), name=f"status of sandbox {path.name}")
                await asyncio.sleep(_EVERY)

    def look(self) -> list[tuple[Path, Note]]:
        """The notes that are whole since the last look, and not told."""
        try:
            there = {path.name: path for path in self._directory.iterdir()}
        except FileNotFoundError:
            return []
        self._seen &= there.keys()
        read = [(there[name], self._read(there[name])) for name in there.keys() - self._seen]
        whole = [(path, note) for path, note in read if note is not None and note.result]
        self._seen |= {path.name for path, _ in whole}
        return [(path, note) for path, note in whole if not note.status_written]

    def _read(self, path: Path) -> Note | None:
        """None where it is still written to, or was cut off: then its DEL is all that is left to be done."""
        try:
            return compiled_chain.parse_note(path.read_bytes())
        except (OSError, NetattachError):
            return None

    async def _tell(self, path: Path, note: Note) -> None:
        try:
            sandbox = compiled_chain.sandbox_of(path.name, note)
            if sandbox.pod is not None:
                await self._status.deliver_plain(sandbox.pod, _status(sandbox.attachments[0]))
        except NetattachError as error:
            _log.warning("network-status of sandbox %s cannot be told: %s", path.name, error)
        await asyncio.to_thread(_mark, path)


def _status(attached: Attachment) -> str:
    result = cni_result.parse(attached.result, attached.conf.cni_version)
    return network_status.text(
        network_status.entries(attached.network, attached.ifname, result, default=True)
    )


def _mark(path: Path) -> None:
    """Never made anew: it may be deleted by now. The shim does not wait for the disk, so that is done here."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(compiled_chain.STATUS_WRITTEN)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        _log.debug("%s is not marked: %s", path, error)

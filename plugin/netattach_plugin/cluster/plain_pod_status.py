"""network-status of pods without secondary networks, which the shim attaches alone: written afterwards, from the shim's records.

The directory is listed periodically. It has as many files as the node has pods, so that this costs less than a watch.

Nobody waits for this status, while pods that start at the same moment wait for the API server and the kubelet, which both work
for each change of a pod. So statuses are written once no pod has started for a while, and one after the other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from netattach_core.attach import network_status
from netattach_core.attach.attachment import Attachment
from netattach_core.cni import result as cni_result
from netattach_core.errors import NetattachError
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Record
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.ports import StatusSink

_log = logging.getLogger(__name__)

_EVERY = 0.5
"""Seconds between two listings."""

_QUIET = 5.0
"""Seconds without a start of such a pod, after which the statuses are written."""

_LATEST = 60.0
"""Seconds after which a status is written, however many pods start."""

_PACE = 0.1
"""Seconds between two writes."""


class PlainPodStatus:
    """Writes the status of each record once, also over restarts: a record is marked when its status is written."""

    def __init__(self, ledger: Path, status: StatusSink, clock: Callable[[], float] = time.monotonic) -> None:
        self._directory = ShimFiles(ledger).records
        self._status = status
        self._clock = clock
        self._seen: set[str] = set()
        self._waiting: dict[str, tuple[Path, Record, float]] = {}
        """By sandbox, with the time of its discovery; the oldest first."""

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for path, record in self.due():
                    tasks.create_task(self._write(path, record), name=f"status of sandbox {path.name}")
                    await asyncio.sleep(_PACE)
                await asyncio.sleep(_EVERY)

    def due(self) -> list[tuple[Path, Record]]:
        """The records whose status is to be written now: all, the oldest, or none. Those of pods that are gone are dropped."""
        now = self._clock()
        self._waiting |= {path.name: (path, record, now) for path, record in self.look()}
        for name in self._waiting.keys() - self._seen:
            del self._waiting[name]
        times = [found for _, _, found in self._waiting.values()]
        is_quiet = bool(times) and now - times[-1] >= _QUIET
        due = [name for name, (_, _, found) in self._waiting.items() if is_quiet or now - found >= _LATEST]
        return [self._waiting.pop(name)[:2] for name in due]

    def look(self) -> list[tuple[Path, Record]]:
        """The records that were completed since the last look, without those that are marked."""
        try:
            present = {path.name: path for path in self._directory.iterdir()}
        except FileNotFoundError:
            return []
        self._seen &= present.keys()
        read = [(present[name], self._read(present[name])) for name in present.keys() - self._seen]
        complete = [(path, record) for path, record in read if record is not None and record.result]
        self._seen |= {path.name for path, _ in complete}
        return [(path, record) for path, record in complete if not record.status_written]

    def _read(self, path: Path) -> Record | None:
        """None for a record that is still written to, or that was cut off and only waits for its DEL."""
        try:
            return compiled_chain.parse_record(path.read_bytes())
        except (OSError, NetattachError):
            return None

    async def _write(self, path: Path, record: Record) -> None:
        try:
            sandbox = compiled_chain.sandbox_of(path.name, record)
            if sandbox.pod is not None:
                await self._status.enqueue(sandbox.pod, _status(sandbox.attachments[0]))
        except NetattachError as error:
            _log.warning("network-status of sandbox %s cannot be written: %s", path.name, error)
        await asyncio.to_thread(_mark, path)


def _status(attached: Attachment) -> str:
    result = cni_result.parse(attached.result, attached.config.cni_version)
    return network_status.text(
        network_status.entries(attached.network, attached.ifname, result, default=True)
    )


def _mark(path: Path) -> None:
    """Creates no file, since the record may be deleted by now. Syncs the record too, for which the shim does not wait."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "wb") as file:
            file.write(compiled_chain.STATUS_WRITTEN)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        _log.debug("%s is not marked: %s", path, error)

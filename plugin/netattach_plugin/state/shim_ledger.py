"""The ledger together with the shim's files: a compiled DEL per entry, and the shim's records of pods without secondary networks.

The compiled DEL, written with each entry, lets the shim delete a sandbox while the daemon is down. The record of a sandbox that
the shim attached without the daemon serves as its entry.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from netattach_core.attach import sandbox as sandboxes
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import NetattachError
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Chain
from netattach_plugin.files import atomic_file
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.state.ledger import FileLedger

_log = logging.getLogger(__name__)


class ShimLedger(FileLedger):
    """A FileLedger; `deadline` is the time limit of each plugin that the shim runs without the daemon, in seconds.

    `skip_idle_plugins`, read at each write: the compiled DEL does without plugins that had nothing to do on ADD.
    """

    def __init__(
        self, directory: Path, deadline: float, skip_idle_plugins: Callable[[], bool] = lambda: False
    ) -> None:
        super().__init__(directory)
        self._skip_idle_plugins = skip_idle_plugins
        self._deadline_ms = int(deadline * 1000)
        self._chains = ShimFiles(directory).chains
        self._deletions = ShimFiles(directory).deletions
        self._records = ShimFiles(directory).records

    async def load(self, container_id: str) -> Sandbox | None:
        """The entry, else the shim's record as an entry; a truncated record started nothing."""
        entry = await super().load(container_id)
        if entry is not None:
            return entry
        try:
            return compiled_chain.sandbox_of(
                container_id, compiled_chain.parse_record((self._records / container_id).read_bytes())
            )
        except FileNotFoundError:
            return None
        except NetattachError as error:
            _log.warning("the shim's record of sandbox %s is ignored: %s", container_id, error)
            return None

    async def container_ids(self) -> Sequence[str]:
        """Those of entries and of records with a result: an ADD that the shim still carries out must not be undone."""
        attached = await asyncio.to_thread(self._attached_by_shim)
        return sorted(attached.union(await super().container_ids()))

    async def save(self, sandbox: Sandbox) -> None:
        await asyncio.to_thread(self._save, sandbox)
        (self._records / sandbox.container_id).unlink(missing_ok=True)

    async def save_without_sync(self, sandbox: Sandbox) -> None:
        """The compiled DEL of an entry exists already, but without results; that of a record does not."""
        if not self._path(sandbox.container_id).exists():
            await self.save(sandbox)
            return
        if sandbox.phase is Phase.ADDED:
            self._write_deletion(sandbox)
        await super().save_without_sync(sandbox)

    async def remove(self, container_id: str) -> None:
        (self._records / container_id).unlink(missing_ok=True)
        (self._deletions / container_id).unlink(missing_ok=True)
        await super().remove(container_id)

    def _leftovers(self) -> Iterable[Path]:
        """A compiled DEL without an entry belongs to an ADD that started nothing; temporary files have no entry either."""
        orphans = [path for path in self._deletions.glob("*") if not self._path(path.name).exists()]
        return [*super()._leftovers(), *self._chains.glob("*.tmp"), *orphans]

    def count(self) -> int:
        """The number of sandboxes, including those of the shim's records."""
        return super().count() + sum(1 for _ in self._records.glob("*"))

    def _attached_by_shim(self) -> set[str]:
        return {path.name for path in self._records.glob("*") if _is_complete(path)}

    def _save(self, sandbox: Sandbox) -> None:
        """The compiled DEL first: without it the shim cannot delete the sandbox; without an entry it does no harm."""
        entry = self._path(sandbox.container_id)
        self._write_deletion(sandbox)
        try:
            self._write(entry, sandboxes.dump(sandbox))
        except OSError:
            if not entry.exists():  # nothing was started
                (self._deletions / sandbox.container_id).unlink(missing_ok=True)
            raise

    def _write_deletion(self, sandbox: Sandbox) -> None:
        """No sync, no rename: a DEL without the file waits for the daemon, and the shim ignores a truncated one."""
        path = self._deletions / sandbox.container_id
        path.unlink(missing_ok=True)
        try:
            data = compiled_chain.encode(self._deletion(sandbox))
        except NetattachError as error:
            _log.warning("the DEL of sandbox %s will need the daemon: %s", sandbox.container_id, error)
            return
        self._deletions.mkdir(mode=0o700, parents=True, exist_ok=True)
        atomic_file.create(path, data, 0o600)

    def _deletion(self, sandbox: Sandbox) -> Chain:
        """An entry in DELETING may have been made from a cache, without what the ADD had to do."""
        skip_idle = sandbox.phase is not Phase.DELETING and self._skip_idle_plugins()
        return compiled_chain.deletion(sandbox.attachments, self._deadline_ms, skip_idle=skip_idle)


def _is_complete(record: Path) -> bool:
    try:
        return bool(compiled_chain.parse_record(record.read_bytes()).result)
    except (OSError, NetattachError):
        return False

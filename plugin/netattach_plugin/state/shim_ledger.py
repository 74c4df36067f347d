"""The ledger, with what the shim needs for a DEL while we are away, and with what it did for plain pods by itself.

Beside each entry stands its compiled DEL, written in the same act. A sandbox that only the shim knows has an entry all the same:
its note says as much.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from netattach_core.attach import sandbox as sandboxes
from netattach_core.attach.sandbox import Sandbox
from netattach_core.errors import NetattachError
from netattach_core.shim import compiled_chain
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.state.ledger import FileLedger

_log = logging.getLogger(__name__)


class ShimLedger(FileLedger):
    """A FileLedger; `deadline` is each plugin's, in seconds, where the shim runs it alone."""

    def __init__(self, directory: Path, deadline: float, leases: Path | None = None) -> None:
        super().__init__(directory, leases)
        self._deadline_ms = int(deadline * 1000)
        self._deletions = ShimFiles(directory).deletions
        self._notes = ShimFiles(directory).notes

    async def load(self, container_id: str) -> Sandbox | None:
        """The entry or, where there is none, the shim's note as one; a note that was cut off began nothing."""
        entry = await super().load(container_id)
        if entry is not None:
            return entry
        try:
            return compiled_chain.sandbox_of(
                container_id, compiled_chain.parse_note((self._notes / container_id).read_bytes())
            )
        except FileNotFoundError:
            return None
        except NetattachError as error:
            _log.warning("the shim's note of sandbox %s is not used: %s", container_id, error)
            return None

    async def container_ids(self) -> Sequence[str]:
        """Of both, but for notes without a result: what the shim may have under way is nobody's to be undone."""
        noted = await asyncio.to_thread(self._noted)
        return sorted(noted.union(await super().container_ids()))

    async def save(self, sandbox: Sandbox) -> None:
        await asyncio.to_thread(self._save, sandbox)
        (self._notes / sandbox.container_id).unlink(missing_ok=True)

    async def note(self, sandbox: Sandbox) -> None:
        """Its deletion is there already; of one that only the shim knows nothing is."""
        if self._path(sandbox.container_id).exists():
            await super().note(sandbox)
        else:
            await self.save(sandbox)

    async def remove(self, container_id: str) -> None:
        (self._notes / container_id).unlink(missing_ok=True)
        (self._deletions / container_id).unlink(missing_ok=True)
        await super().remove(container_id)

    def _half_written(self) -> Iterable[Path]:
        """A deletion that has no entry yet belongs to an ADD that had begun nothing."""
        alone = [path for path in self._deletions.glob("*") if not self._path(path.name).exists()]
        return {*super()._half_written(), *alone, *self._deletions.glob(".*.new")}

    def count(self) -> int:
        """How many sandboxes are known here, those of the shim's notes too."""
        return super().count() + sum(1 for _ in self._notes.glob("*"))

    def _noted(self) -> set[str]:
        return {path.name for path in self._notes.glob("*") if _is_whole(path)}

    def _save(self, sandbox: Sandbox) -> None:
        """The deletion first: an entry without it has to wait for us, one that has lost its entry is carried out in vain."""
        entry = self._path(sandbox.container_id)
        self._write_deletion(sandbox)
        try:
            self._write(entry, sandboxes.dump(sandbox))
        except OSError:
            if not entry.exists():  # nothing was begun
                (self._deletions / sandbox.container_id).unlink(missing_ok=True)
            raise

    def _write_deletion(self, sandbox: Sandbox) -> None:
        """Not synced: after a loss of power a DEL without it waits for the daemon, and one that was cut off is not used."""
        self._deletions.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._deletions / sandbox.container_id
        temporary = path.with_name(f".{sandbox.container_id}.new")
        try:
            temporary.write_bytes(
                compiled_chain.encode(compiled_chain.deletion(sandbox.attachments, self._deadline_ms))
            )
            temporary.chmod(0o600)
            temporary.rename(path)
        except NetattachError as error:
            path.unlink(missing_ok=True)
            _log.warning("the DEL of sandbox %s will need the daemon: %s", sandbox.container_id, error)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def _is_whole(note: Path) -> bool:
    try:
        return bool(compiled_chain.parse_note(note.read_bytes()).result)
    except (OSError, NetattachError):
        return False

"""Writing and removing an entry of the ledger; a failure of the disk is a NetattachError."""

from __future__ import annotations

from netattach_core.attach.sandbox import Sandbox
from netattach_core.errors import NetattachError
from netattach_plugin.ports import Ledger


async def save(ledger: Ledger, sandbox: Sandbox) -> None:
    """The entry is on disk when this returns. Raises NetattachError."""
    try:
        await ledger.save(sandbox)
    except OSError as error:
        raise _unwritable(error) from error


async def save_without_sync(ledger: Ledger, sandbox: Sandbox) -> None:
    """The entry survives the daemon when this returns; a loss of power may bring the one before back. Raises NetattachError."""
    try:
        await ledger.save_without_sync(sandbox)
    except OSError as error:
        raise _unwritable(error) from error


async def remove(ledger: Ledger, container_id: str) -> None:
    """Raises NetattachError: a sandbox that is detached but stays in the ledger would never leave it after a success."""
    try:
        await ledger.remove(container_id)
    except OSError as error:
        raise NetattachError(
            f"all is detached, but the ledger's entry cannot be removed: {error}; fix the disk"
        ) from error


def _unwritable(error: OSError) -> NetattachError:
    return NetattachError(f"the ledger cannot be written: {error}; make room or fix the disk")

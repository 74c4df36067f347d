"""Hands the running pods' sandboxes over to Multus' and the runtime's caches at an uninstall, and takes them back afterwards."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Protocol

from netattach_core.attach.sandbox import Sandbox
from netattach_core.errors import NetattachError
from netattach_plugin.ports import AttachmentCaches, Ledger

_log = logging.getLogger(__name__)


class Caches(AttachmentCaches, Protocol):
    """The caches of Multus and of the runtime, which netattach also writes to."""

    def export(self, sandbox: Sandbox) -> None:
        """Writes the sandbox as Multus and the runtime would have cached it. Raises OSError."""


async def has_secondary_networks(ledger: Ledger) -> bool:
    """Whether any sandbox has more than the default network, which a runtime can release without netattach."""
    return any([len(each.attachments) > 1 async for each in _sandboxes(ledger)])


async def export(ledger: Ledger, caches: Caches) -> None:
    """Writes each sandbox to the caches from which Multus or the runtime will release it.

    A failure is logged and does not affect the other sandboxes. The ledger is kept for a later installation.
    """
    async for sandbox in _sandboxes(ledger):
        try:
            await asyncio.to_thread(caches.export, sandbox)
        except (NetattachError, OSError) as error:
            _log.error(
                "sandbox %s is not in the caches of Multus and of the runtime, so its DEL will be incomplete: %s",
                sandbox.container_id,
                error,
            )


async def reclaim(ledger: Ledger, caches: AttachmentCaches) -> None:
    """Removes the ledger's sandboxes from these caches, so that only netattach releases them."""
    async for sandbox in _sandboxes(ledger):
        await caches.forget(sandbox)


def _sandboxes(ledger: Ledger) -> AsyncIterator[Sandbox]:
    """Skips unreadable entries, which their DEL reports."""
    return ledger.sandboxes(
        lambda container_id, error: _log.error("sandbox %s is skipped: %s", container_id, error)
    )

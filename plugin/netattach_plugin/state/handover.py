"""What is left to others while we are not installed: the sandboxes that we attached and that go on running."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from netattach_core.attach.sandbox import Sandbox
from netattach_core.errors import NetattachError
from netattach_plugin.state.cni_caches import CniCaches
from netattach_plugin.state.ledger import FileLedger

_log = logging.getLogger(__name__)


async def holds_more(ledger: FileLedger) -> bool:
    """Whether any sandbox has networks besides the default one, which alone a runtime frees by itself."""
    return any([len(each.attachments) > 1 async for each in _known(ledger)])


async def hand_over(ledger: FileLedger, foreign: CniCaches) -> None:
    """Each sandbox of the ledger, written as those keep it who free it from now on.

    One that cannot be written keeps no other from it. The ledger itself stays, for the day when we are back.
    """
    async for sandbox in _known(ledger):
        try:
            await asyncio.to_thread(foreign.hand_over, sandbox)
        except (NetattachError, OSError) as error:
            _log.error(
                "sandbox %s is not handed over, its DEL will leave something: %s", sandbox.container_id, error
            )


async def take_back(ledger: FileLedger, foreign: CniCaches) -> None:
    """We are back: what was handed over is ours again, and nobody else is to free it."""
    async for sandbox in _known(ledger):
        await foreign.forget(sandbox)


def _known(ledger: FileLedger) -> AsyncIterator[Sandbox]:
    """An entry that cannot be read is reported by its own DEL."""
    return ledger.sandboxes(lambda container_id, error: _log.error("sandbox %s is skipped: %s", container_id, error))

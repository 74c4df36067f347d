"""network-status on its way to the API: at once where it can be reached, else again and again, never lost while we run."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from netattach_core.errors import NetattachError, NotFoundError
from netattach_core.pod import PodRef
from netattach_plugin.ports import Store

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class _Delivery:
    ref: PodRef
    text: str
    written: asyncio.Future[None]


class StatusQueue:
    """Writes one status after the other; `run` is its only worker."""

    def __init__(self, store: Store, wait: float) -> None:
        self._store = store
        self._wait = wait
        self._queue: asyncio.Queue[_Delivery] = asyncio.Queue()

    async def deliver(self, ref: PodRef, text: str) -> None:
        written = self._enqueue(ref, text)
        await asyncio.wait([written], timeout=self._wait)

    def deliver_later(self, ref: PodRef, text: str) -> None:
        self._enqueue(ref, text)

    async def run(self) -> None:
        while True:
            delivery = await self._queue.get()
            await self._write(delivery)

    def _enqueue(self, ref: PodRef, text: str) -> asyncio.Future[None]:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Delivery(ref, text, written))
        return written

    async def _write(self, delivery: _Delivery) -> None:
        pause = _FIRST_PAUSE
        while not delivery.written.done():
            try:
                await self._store.write_status(delivery.ref, delivery.text)
                delivery.written.set_result(None)
            except NotFoundError:
                delivery.written.set_result(None)  # the pod is gone, and so is the need
            except (NetattachError, OSError) as error:
                _log.warning("network-status of pod %s is not written yet: %s", delivery.ref, error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

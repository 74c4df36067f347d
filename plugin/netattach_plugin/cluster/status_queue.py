"""network-status on its way to the API: at once where it can be reached, else again and again, never lost while we run."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netattach_core.api.pod import PodRef
from netattach_core.errors import NetattachError, NotFoundError, TryAgainError
from netattach_plugin.ports import Store

_log = logging.getLogger(__name__)

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 30.0
_AT_ONCE = 8
_ABSENT_TRIES = 20
"""For a static pod that the API does not know: about six minutes, in which the kubelet makes its picture."""


@dataclass(frozen=True, slots=True)
class _Delivery:
    ref: PodRef
    text: str
    done: asyncio.Future[None]
    absent: Iterator[int]


class StatusQueue:
    """Writes the statuses of several pods at once; of one pod only the newest. `run` owns all that is under way."""

    def __init__(
        self, store: Store, wait: float, *, for_plain_pods: Callable[[], bool] = lambda: True
    ) -> None:
        self._store = store
        self._wait = wait
        self._for_plain_pods = for_plain_pods
        self._queue: asyncio.Queue[_Delivery] = asyncio.Queue()
        self._newest: dict[str, _Delivery] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def deliver(self, ref: PodRef, text: str) -> None:
        await asyncio.wait([self._enqueue(ref, text)], timeout=self._wait)

    def deliver_later(self, ref: PodRef, text: str) -> None:
        if self._for_plain_pods():
            self._enqueue(ref, text)

    async def deliver_plain(self, ref: PodRef, text: str) -> None:
        if self._for_plain_pods():
            await self._enqueue(ref, text)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            while True:
                delivery = await self._queue.get()
                tasks.create_task(self._write(delivery), name=f"status of {delivery.ref}")

    async def flush(self) -> None:
        """Waits, for a bounded time, for all that is under way: the daemon is about to end."""
        under_way = [delivery.done for delivery in self._newest.values()]
        if under_way:
            await asyncio.wait(under_way, timeout=self._wait)

    @property
    def waiting(self) -> int:
        """How many are not written yet."""
        return len(self._newest)

    def _enqueue(self, ref: PodRef, text: str) -> asyncio.Future[None]:
        tries = iter(range(_ABSENT_TRIES if ref.is_static else 0))
        delivery = _Delivery(ref, text, asyncio.get_running_loop().create_future(), tries)
        self._newest[str(ref)] = delivery
        self._queue.put_nowait(delivery)
        return delivery.done

    async def _write(self, delivery: _Delivery) -> None:
        """Until it is written, is not wanted any more, or cannot be."""
        pause = _FIRST_PAUSE
        while self._newest.get(str(delivery.ref)) is delivery and not await self._is_written(delivery):
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        if self._newest.get(str(delivery.ref)) is delivery:
            del self._newest[str(delivery.ref)]
        delivery.done.set_result(None)

    async def _is_written(self, delivery: _Delivery) -> bool:
        """False where another try is worth it. A pod that is gone needs no status; what is refused is refused again.

        A static pod may not be there yet.
        """
        try:
            async with self._places:
                await self._store.write_status(delivery.ref, delivery.text)
        except NotFoundError:
            return next(delivery.absent, None) is None
        except (TryAgainError, OSError) as error:
            _log.warning("network-status of pod %s is not written yet: %s", delivery.ref, error)
            return False
        except NetattachError as error:
            _log.error("network-status of pod %s cannot be written: %s", delivery.ref, error)  # no defect
        except Exception:  # noqa: BLE001  # one status must not end the daemon
            _log.exception("a defect in netattach: network-status of pod %s", delivery.ref)
        return True

"""Writes network-status to pods: at once where the API can be reached, else with retries until it is written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from netattach_core.api.pod import PodRef
from netattach_core.errors import NetattachError, NotFoundError, TryAgainError
from netattach_kube.backoff import Backoff
from netattach_plugin.ports import StatusWriter

_log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_CONCURRENT_WRITES = 8
_ABSENT_TRIES = 20
"""For a static pod that the API does not have: about six minutes, in which the kubelet creates its mirror pod."""


@dataclass(frozen=True, slots=True)
class _Update:
    ref: PodRef
    text: str
    done: asyncio.Future[None]
    absent: Iterator[int]


class NetworkStatusQueue:
    """The port StatusSink. Of one pod only the newest status is written; `run` does all the writing."""

    def __init__(
        self, store: StatusWriter, wait: float, *, for_plain_pods: Callable[[], bool] = lambda: True
    ) -> None:
        """`wait`: the seconds that `write` and `flush` wait at most; `for_plain_pods`: whether `enqueue` does anything."""
        self._store = store
        self._wait = wait
        self._for_plain_pods = for_plain_pods
        self._queue: asyncio.Queue[_Update] = asyncio.Queue()
        self._newest: dict[str, _Update] = {}
        self._slots = asyncio.Semaphore(_CONCURRENT_WRITES)

    async def write(self, ref: PodRef, text: str) -> None:
        await asyncio.wait([self._put(ref, text)], timeout=self._wait)

    def enqueue(self, ref: PodRef, text: str) -> asyncio.Future[None]:
        if self._for_plain_pods():
            return self._put(ref, text)
        nothing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        nothing.set_result(None)
        return nothing

    async def run(self) -> None:
        """Never returns."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                update = await self._queue.get()
                tasks.create_task(self._write(update), name=f"status of {update.ref}")

    async def flush(self) -> None:
        """Before the daemon ends: returns when all is written, or after a bounded time."""
        pending = [update.done for update in self._newest.values()]
        if pending:
            await asyncio.wait(pending, timeout=self._wait)

    @property
    def waiting(self) -> int:
        """Statuses that are not written yet."""
        return len(self._newest)

    def _put(self, ref: PodRef, text: str) -> asyncio.Future[None]:
        tries = iter(range(_ABSENT_TRIES if ref.is_static else 0))
        update = _Update(ref, text, asyncio.get_running_loop().create_future(), tries)
        self._newest[str(ref)] = update
        self._queue.put_nowait(update)
        return update.done

    async def _write(self, update: _Update) -> None:
        """Until it is written, is superseded, or cannot be written."""
        for pause in Backoff(_FIRST_PAUSE, _LONGEST_PAUSE):
            if self._newest.get(str(update.ref)) is not update or await self._is_done(update):
                break
            await asyncio.sleep(pause)
        if self._newest.get(str(update.ref)) is update:
            del self._newest[str(update.ref)]
        if not update.done.done():  # its waiter may have been cancelled
            update.done.set_result(None)

    async def _is_done(self, update: _Update) -> bool:
        """Tries once; False where a retry may succeed. A pod that is gone needs no status, but a static one may appear yet."""
        try:
            async with self._slots:
                await self._store.write_status(update.ref, update.text)
        except NotFoundError:
            return next(update.absent, None) is None
        except (TryAgainError, OSError) as error:
            _log.warning("network-status of pod %s is not written yet: %s", update.ref, error)
            return False
        except NetattachError as error:
            _log.error("network-status of pod %s cannot be written: %s", update.ref, error)
        except Exception:  # noqa: BLE001  # an internal error for one status must not end the daemon
            _log.exception("internal error: network-status of pod %s", update.ref)
        return True

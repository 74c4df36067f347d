"""Leader election: a Lease that its holder renews, and that another candidate acquires once it has expired.

Clocks of different machines are never compared: a Lease has expired where a candidate has seen no renewal for its duration.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from netattach_core.api.objects import Body
from netattach_core.errors import ConflictError, NetattachError, NotFoundError, TryAgainError
from netattach_kube.api import Api
from netattach_kube.resource import LEASES

_log = logging.getLogger(__name__)

DURATION = 12.0
"""Seconds; others acquire the Lease no sooner after its last renewal. With its start, a successor needs less than 15."""

_RENEW_EVERY = 3.0
_RETRY_EVERY = 1.0
_LOOK_EVERY = 1.0
"""Seconds between renewals, after one that failed, and between two looks of a candidate."""

_RENEW_WITHIN = 9.0
"""Seconds without a renewal after which the leader does not try again, and stops leading; after DURATION it always does."""

_TRY_WITHIN = 3.0
"""Seconds for the requests of one try."""

_RELEASE_TRIES = 3


class Lease:
    """A Lease as one candidate sees it. `identity` has to differ between candidates."""

    def __init__(self, api: Api, namespace: str, name: str, identity: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seen: tuple[str, str] | None = None
        self._seen_at = 0.0
        self._expires_at = 0.0
        self._renewed_at = 0.0

    @asynccontextmanager
    async def held(self) -> AsyncIterator[asyncio.Event]:
        """Waits until we lead; yields an event that is set once we do not any more. Releases the Lease on exit."""
        while not await self._try():  # noqa: ASYNC110  # what is waited for is in the API
            await asyncio.sleep(self._seconds_to_look_again())
        _log.info("%s leads", self._identity)
        lost = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            renewing = tasks.create_task(self._renew(lost), name="lease")
            try:
                yield lost
            finally:
                renewing.cancel()
                if not lost.is_set():
                    await self._release()

    async def _renew(self, lost: asyncio.Event) -> None:
        pause = _RENEW_EVERY
        with suppress(TimeoutError):
            while _now() - self._renewed_at < _RENEW_WITHIN:
                async with asyncio.timeout_at(self._renewed_at + DURATION):
                    await asyncio.sleep(pause)
                    renewed = await self._try()
                if not renewed and self._seen and self._seen[0] != self._identity:
                    break
                pause = _RENEW_EVERY if renewed else _RETRY_EVERY
        _log.warning("%s does not lead any more", self._identity)
        lost.set()

    async def _try(self) -> bool:
        """Acquires or renews the Lease; False where another candidate holds it or was faster, or the API is unreachable."""
        started = _now()  # not the end: others may have seen this renewal since
        try:
            async with asyncio.timeout(_TRY_WITHIN):
                acquired = await self._acquire()
        except (ConflictError, TryAgainError, TimeoutError) as error:
            _log.debug("the lease is not acquired: %s", error)
            return False
        if acquired:
            self._renewed_at = started
        return acquired

    async def _acquire(self) -> bool:
        try:
            body = await self._api.get(LEASES, self._name, self._namespace)
        except NotFoundError:
            body = {"metadata": {"name": self._name, "namespace": self._namespace}, "spec": {}}
            await self._api.create(LEASES, self._renewed(body), self._namespace)
            return True
        if not self._is_free(body.get("spec") or {}):
            return False
        await self._api.replace(LEASES, self._renewed(body), self._name, self._namespace)
        self._see(self._identity, "")
        return True

    def _is_free(self, spec: Body) -> bool:
        holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
        if holder in ("", self._identity):
            return True
        if (holder, renewed) != self._seen:
            self._see(holder, renewed)
        self._expires_at = self._seen_at + (spec.get("leaseDurationSeconds") or DURATION)
        return _now() >= self._expires_at

    def _seconds_to_look_again(self) -> float:
        """Less than usual where the Lease expires before."""
        left = self._expires_at - _now()
        return min(left, _LOOK_EVERY) if left > 0 else _LOOK_EVERY

    def _see(self, holder: str, renewed: str) -> None:
        self._seen, self._seen_at = (holder, renewed), _now()

    def _renewed(self, body: Body, holder: str | None = None) -> Body:
        """The Lease with a renewal now; `holder` is us unless given."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        before = body.get("spec") or {}
        acquired = before.get("acquireTime") if before.get("holderIdentity") == self._identity else now
        return {
            **body,
            "spec": {
                "holderIdentity": self._identity if holder is None else holder,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": acquired,
                "renewTime": now,
            },
        }

    async def _release(self) -> None:
        """Spares a successor the wait; where it fails, the Lease expires.

        A renewal that was cancelled may still reach the API server, between the two requests of a release.
        """
        for tries_left in reversed(range(_RELEASE_TRIES)):
            try:
                await self._try_release()
            except ConflictError as error:
                if not tries_left:
                    _log.info("the lease is not released: %s", error)
            except NetattachError as error:
                _log.info("the lease is not released: %s", error)
                return
            else:
                return

    async def _try_release(self) -> None:
        body = await self._api.get(LEASES, self._name, self._namespace)
        if (body.get("spec") or {}).get("holderIdentity") == self._identity:
            await self._api.replace(LEASES, self._renewed(body, ""), self._name, self._namespace)


def _now() -> float:
    """Monotonic seconds."""
    return asyncio.get_running_loop().time()

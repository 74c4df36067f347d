"""One leader among several: a Lease that its holder renews and that others take once it was not renewed for its duration.

The clocks of different machines are never compared: what counts is how long we ourselves have seen no change.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from netattach_core.errors import ConflictError, NetattachError, NotFoundError, TryAgainError
from netattach_kube.api import Api
from netattach_kube.resource import LEASES

_log = logging.getLogger(__name__)

DURATION = 15.0
_RENEW_EVERY = 5.0
_RENEW_WITHIN = 10.0
"""After so long without a renewal the leader stands down; others take over no sooner than after DURATION."""


class Lease:
    """A Lease of the API as one candidate sees it. `identity` has to differ between candidates."""

    def __init__(self, api: Api, namespace: str, name: str, identity: str) -> None:
        self._api = api
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._seen: tuple[str, str] | None = None
        self._seen_at = 0.0

    @asynccontextmanager
    async def held(self) -> AsyncIterator[asyncio.Event]:
        """Waits until we lead. The event is set when we do not any more; on leaving the Lease is given back."""
        while not await self._try():  # noqa: ASYNC110  # what is waited for is in the API
            await asyncio.sleep(_RENEW_EVERY / 2)
        _log.info("%s leads", self._identity)
        lost = asyncio.Event()
        async with asyncio.TaskGroup() as tasks:
            renewing = tasks.create_task(self._renew(lost), name="lease")
            try:
                yield lost
            finally:
                renewing.cancel()
                if not lost.is_set():
                    await self._give_back()

    async def _renew(self, lost: asyncio.Event) -> None:
        renewed = time.monotonic()
        while time.monotonic() - renewed < _RENEW_WITHIN:
            await asyncio.sleep(_RENEW_EVERY)
            if await self._try():
                renewed = time.monotonic()
            elif self._seen and self._seen[0] != self._identity:
                break
        _log.warning("%s does not lead any more", self._identity)
        lost.set()

    async def _try(self) -> bool:
        """Takes or renews the Lease; False where another holds it, was faster, or the API is away."""
        try:
            async with asyncio.timeout(_RENEW_EVERY):
                return await self._take()
        except (ConflictError, TryAgainError, TimeoutError) as error:
            _log.debug("the lease is not ours: %s", error)
            return False

    async def _take(self) -> bool:
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

    def _is_free(self, spec: dict[str, Any]) -> bool:
        holder, renewed = spec.get("holderIdentity") or "", spec.get("renewTime") or ""
        if holder in ("", self._identity):
            return True
        if (holder, renewed) != self._seen:
            self._see(holder, renewed)
        return time.monotonic() - self._seen_at > (spec.get("leaseDurationSeconds") or DURATION)

    def _see(self, holder: str, renewed: str) -> None:
        self._seen, self._seen_at = (holder, renewed), time.monotonic()

    def _renewed(self, body: dict[str, Any], holder: str | None = None) -> dict[str, Any]:
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

    async def _give_back(self) -> None:
        """So that a successor need not wait; where it cannot be, the Lease runs out."""
        try:
            body = await self._api.get(LEASES, self._name, self._namespace)
            if (body.get("spec") or {}).get("holderIdentity") == self._identity:
                await self._api.replace(LEASES, self._renewed(body, ""), self._name, self._namespace)
        except NetattachError as error:
            _log.info("the lease is not given back: %s", error)

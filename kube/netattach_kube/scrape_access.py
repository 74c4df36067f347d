"""Who may read metrics: a TokenReview says whose token it is, a SubjectAccessReview whether they may `get` the path /metrics.

That is what kube-rbac-proxy does. A stranger costs the API server next to nothing: a token that was refused is not asked about
again for a while, and new ones are limited, for each address and in total. A token that was allowed is beyond these limits, so
that no stranger can keep the scraper out.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from netattach_core.errors import NetattachError
from netattach_kube.resource import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS, Resource

_log = logging.getLogger(__name__)

PATH = "/metrics"

_ALLOWED, _REFUSED = 60.0, 10.0
"""Seconds for which an answer of the API server holds."""

_KEPT = 600.0
"""Seconds for which an allowed token stays allowed while the API server does not answer: metrics matter most then."""

_REMEMBERED = 64
"""Tokens that were allowed, and as many that were refused: strangers cannot displace the former."""

_ADDRESSES = 256
_PER_ADDRESS, _IN_TOTAL = (5.0, 1.0), (20.0, 5.0)
"""Questions about unknown tokens: at once, and per second."""

_AT_ONCE = 2
"""Questions in progress."""

_SILENCE = 60.0
"""Seconds between two lines of the log about an API server that does not answer."""


class Creator(Protocol):
    """What is used of `Api`."""

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
        """Raises the errors of `failures`."""


@dataclass(slots=True)
class _Bucket:
    """A token bucket; `take` says whether there is one left."""

    burst: float
    per_second: float
    left: float
    filled: float

    def take(self, now: float) -> bool:
        self.left = min(self.burst, self.left + (now - self.filled) * self.per_second)
        self.filled = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class ScrapeAccess:
    """`status` is the answer to a request: OK, or an error."""

    def __init__(self, api: Creator, clock: Callable[[], float] = time.monotonic) -> None:
        self._api = api
        self._clock = clock
        self._allowed: OrderedDict[bytes, float] = OrderedDict()
        """When each was allowed, by the digest of the token."""

        self._refused: OrderedDict[bytes, tuple[float, HTTPStatus]] = OrderedDict()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._in_total = _Bucket(*_IN_TOTAL, _IN_TOTAL[0], clock())
        self._of_address: OrderedDict[str, _Bucket] = OrderedDict()
        self._logged = -_SILENCE

    async def status(self, authorization: str, address: str) -> HTTPStatus:
        """For the value of the header, and the client's address."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return HTTPStatus.UNAUTHORIZED
        key = hashlib.sha256(token.strip().encode()).digest()
        answer = self._remembered(key)
        if answer is not None:
            return answer
        if not self._was_allowed(key) and not self._may_ask(address):
            return HTTPStatus.TOO_MANY_REQUESTS
        async with self._slots:
            return self._remembered(key) or await self._asked(key, token.strip())

    async def _asked(self, key: bytes, token: str) -> HTTPStatus:
        try:
            answer = await self._review(token)
        except NetattachError as error:
            self._log_failure(error)
            return HTTPStatus.OK if self._was_allowed(key) else HTTPStatus.SERVICE_UNAVAILABLE
        self._allowed.pop(key, None)
        if answer is HTTPStatus.OK:
            _remember(self._allowed, key, self._clock(), _REMEMBERED)
        else:
            _remember(self._refused, key, (self._clock(), answer), _REMEMBERED)
        return answer

    async def _review(self, token: str) -> HTTPStatus:
        """Asks the API server. Raises NetattachError."""
        review = await self._api.create(TOKEN_REVIEWS, _body(TOKEN_REVIEWS, {"token": token}))
        status = review.get("status") or {}
        if not status.get("authenticated"):
            return HTTPStatus.UNAUTHORIZED
        user = status.get("user") or {}
        wanted = {
            "user": user.get("username", ""),
            "uid": user.get("uid", ""),
            "groups": user.get("groups") or [],
            "extra": user.get("extra") or {},
            "nonResourceAttributes": {"path": PATH, "verb": "get"},
        }
        review = await self._api.create(SUBJECT_ACCESS_REVIEWS, _body(SUBJECT_ACCESS_REVIEWS, wanted))
        is_allowed = (review.get("status") or {}).get("allowed") is True
        return HTTPStatus.OK if is_allowed else HTTPStatus.FORBIDDEN

    def _remembered(self, key: bytes) -> HTTPStatus | None:
        """What the API server has answered not long ago."""
        now = self._clock()
        if key in self._allowed and now - self._allowed[key] < _ALLOWED:
            return HTTPStatus.OK
        refused = self._refused.get(key)
        return refused[1] if refused and now - refused[0] < _REFUSED else None

    def _was_allowed(self, key: bytes) -> bool:
        return key in self._allowed and self._clock() - self._allowed[key] < _KEPT

    def _may_ask(self, address: str) -> bool:
        now = self._clock()
        bucket = self._of_address.pop(address, None) or _Bucket(*_PER_ADDRESS, _PER_ADDRESS[0], now)
        _remember(self._of_address, address, bucket, _ADDRESSES)
        return bucket.take(now) and self._in_total.take(now)

    def _log_failure(self, error: NetattachError) -> None:
        now = self._clock()
        if now - self._logged >= _SILENCE:
            self._logged = now
            _log.warning("whether a client may read metrics is not known: %s", error)


def _body(resource: Resource, spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"apiVersion": resource.api_version, "kind": resource.kind, "spec": spec}


def _remember(known: OrderedDict[Any, Any], key: Any, value: Any, limit: int) -> None:
    """Forgets the oldest one above the limit."""
    known[key] = value
    known.move_to_end(key)
    while len(known) > limit:
        known.popitem(last=False)

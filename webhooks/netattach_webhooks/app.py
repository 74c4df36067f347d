"""What API servers ask over HTTP; no request takes more than its share of time and memory.

An answer that is no verdict has an HTTP status, and the webhook's failurePolicy decides what becomes of the object.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from ssl import SSLContext
from urllib.parse import parse_qs

from aiohttp import web

from netattach_core.errors import DecodeError
from netattach_core.text.finding import Severity
from netattach_kube import environment
from netattach_webhooks import review, wording
from netattach_webhooks.lookup import Lookup, NotSyncedError
from netattach_webhooks.metrics import Metrics, Outcome
from netattach_webhooks.review import Review
from netattach_webhooks.validators import Validate, Validated, Validators

_log = logging.getLogger(__name__)

_STATUS = {
    Outcome.MALFORMED: 400,
    Outcome.TOO_LARGE: 413,
    Outcome.FAILED: 500,
    Outcome.UNDECIDED: 503,
    Outcome.TIMED_OUT: 504,
}

_LONGEST = 4 * 2**20
"""Bytes of a body. An object that etcd takes has 1.5 MiB, and an update comes with the object before."""

_LARGE, _LARGE_AT_ONCE = 256 * 2**10, 2
"""Bodies of so many bytes are read by twos; as values they take ten times as much memory."""

_SECONDS, _MOST_SECONDS = 3.0, 30.0
_MARGIN = 0.2
"""Seconds for the answer's way, so that the API server hears why."""

_KEPT = 600.0
"""Seconds that an idle connection stays. API servers let go of it after 90; if we did while one asks, its question were lost."""

_AT_ONCE = nullcontext()
"""In the place of a turn, for all that is not large."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")

Answer = tuple[Outcome, web.Response]


class Webhooks:
    """Set `draining` before the end: API servers then turn to others, connection by connection."""

    def __init__(self, lookup: Lookup, metrics: Metrics) -> None:
        self.draining = False
        self._validators = Validators(lookup)
        self._metrics = metrics
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)

    @asynccontextmanager
    async def served(self, address: str, context: SSLContext) -> AsyncIterator[int]:
        """Answers on `host:port` (port 0: any) until the end of the block; the port."""
        app = web.Application(client_max_size=_LONGEST)
        for kind, validate in self._validators.kinds.items():
            app.router.add_post(f"/{kind}", self._handler(kind, validate))
        # No API server compresses, and a small body could become a very large one.
        runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_KEPT,
            shutdown_timeout=_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, *environment.split_address(address), ssl_context=context).start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()
            self._validators.close()

    def _handler(self, kind: str, validate: Validate) -> Callable[[web.Request], Awaitable[web.Response]]:
        ended = {outcome: self._metrics.requests.labels(kind, outcome.value) for outcome in Outcome}
        seconds = self._metrics.seconds.labels(kind)

        async def handle(request: web.Request) -> web.Response:
            started = time.monotonic()
            outcome, response = await self._answered(request, kind, validate)
            if self.draining:
                response.force_close()
            ended[outcome].inc()
            seconds.observe(time.monotonic() - started)
            return response

        return handle

    async def _answered(self, request: web.Request, kind: str, validate: Validate) -> Answer:
        seconds = _seconds(request.raw_path)
        is_large = request.content_length is None or request.content_length > _LARGE
        try:
            async with asyncio.timeout(seconds), self._large if is_large else _AT_ONCE:
                asked = await self._validators.read(kind, await request.read())
                return self._verdict(asked, await validate(asked))
        except DecodeError as error:
            return _failed(Outcome.MALFORMED, error.message)
        except web.HTTPRequestEntityTooLarge:
            return _failed(Outcome.TOO_LARGE, f"a review may have {_LONGEST} bytes")
        except NotSyncedError as error:
            return _failed(Outcome.UNDECIDED, error.message)
        except TimeoutError:
            return _failed(Outcome.TIMED_OUT, f"not validated within {seconds:g} s")
        except ConnectionError:
            return _failed(Outcome.MALFORMED, "the client went away")
        except Exception:  # noqa: BLE001  # it must neither end the process nor pass in silence
            _log.exception("a defect in netattach: %s", request.path)
            return _failed(Outcome.FAILED, "a defect in netattach: its log says more")

    def _verdict(self, asked: Review, validated: Validated) -> Answer:
        for finding in validated.findings:
            self._metrics.findings.labels(finding.rule.id, finding.effective_severity.value).inc()
        if any(finding.effective_severity is Severity.DENY for finding in validated.findings):
            message = wording.denial(asked.about, validated.findings, validated.text)
            return Outcome.DENIED, _json(review.encode(asked.uid, allowed=False, message=message))
        warnings = wording.warnings(validated.findings, validated.text)
        return Outcome.ALLOWED, _json(review.encode(asked.uid, allowed=True, warnings=warnings))


@functools.lru_cache(64)
def _seconds(path: str) -> float:
    """From the API server's own limit, `?timeout=` with a duration as Go writes it; a little less."""
    timeout = parse_qs(path.partition("?")[2]).get("timeout", [""])
    read = _DURATION.fullmatch(timeout[0])
    given = float(read[1]) / (1000 if read[2] == "ms" else 1) if read else _SECONDS
    return max(min(given, _MOST_SECONDS) - _MARGIN, _MARGIN)


def _failed(outcome: Outcome, why: str) -> Answer:
    return outcome, web.Response(status=_STATUS[outcome], text=f"netattach-webhooks: {why}\n")


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")

"""The HTTP side: one path for each kind of review, with limits on size, time and memory.

A response that is not a verdict has an HTTP error status; then the failurePolicy decides whether the object is admitted.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext
from ssl import SSLContext
from urllib.parse import parse_qs

from aiohttp import web

from netattach_core.errors import DecodeError
from netattach_core.text.finding import Finding, Severity
from netattach_kube import environment
from netattach_webhooks import messages, review
from netattach_webhooks.cluster_cache import ClusterCache, NotSyncedError
from netattach_webhooks.metrics import Metrics, Outcome
from netattach_webhooks.review import AdmissionRequest
from netattach_webhooks.validators import ValidationResult, Validator, Validators

_log = logging.getLogger(__name__)

_HTTP_STATUS = {
    Outcome.MALFORMED: 400,
    Outcome.TOO_LARGE: 413,
    Outcome.FAILED: 500,
    Outcome.UNDECIDED: 503,
    Outcome.TIMED_OUT: 504,
}

_MAX_BODY = 4 * 2**20
"""Bytes. An object in etcd has at most 1.5 MiB, and an update comes with the old object."""

_LARGE, _MAX_LARGE = 256 * 2**10, 2
"""At most two bodies of so many bytes are processed at once; decoded they take ten times as much memory."""

_DEFAULT_SECONDS, _MAX_SECONDS = 3.0, 30.0
_MARGIN = 0.2
"""Seconds before the API server's timeout, so that it still gets the response, with the reason."""

_KEEPALIVE = 600.0
"""Seconds. API servers close idle connections after 90 s; if we closed one first, a request sent at that moment would be lost."""

_NO_LIMIT = nullcontext()
"""Used instead of the semaphore for bodies that are not large."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")

Response = tuple[Outcome, web.Response]


class WebhookServer:
    """Serves the validators over HTTPS. While `draining`, it closes each connection after the next response."""

    def __init__(self, cache: ClusterCache, metrics: Metrics) -> None:
        self.draining = False
        self._cache = cache
        self._validators = Validators(cache)
        self._metrics = metrics
        self._large = asyncio.Semaphore(_MAX_LARGE)

    @asynccontextmanager
    async def serving(self, address: str, context: SSLContext) -> AsyncIterator[int]:
        """Serves on `host:port` (port 0: any free one) until the end of the block; yields the port."""
        app = web.Application(client_max_size=_MAX_BODY)
        for kind, validator in self._validators.by_kind.items():
            app.router.add_post(f"/{kind}", self._handler(kind, validator))
        # API servers do not compress, and a small compressed body could become a very large one.
        runner = web.AppRunner(
            app,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=_KEEPALIVE,
            shutdown_timeout=_DEFAULT_SECONDS,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, *environment.split_address(address), ssl_context=context).start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()
            self._validators.close()

    def _handler(self, kind: str, validator: Validator) -> Callable[[web.Request], Awaitable[web.Response]]:
        counters = {outcome: self._metrics.requests.labels(kind, outcome.value) for outcome in Outcome}
        duration = self._metrics.review_duration.labels(kind)

        async def handle(request: web.Request) -> web.Response:
            started = time.monotonic()
            outcome, response = await self._respond(request, kind, validator)
            if self.draining:
                response.force_close()
            counters[outcome].inc()
            duration.observe(time.monotonic() - started)
            return response

        return handle

    async def _respond(self, request: web.Request, kind: str, validator: Validator) -> Response:
        seconds = _timeout(request.raw_path)
        is_large = request.content_length is None or request.content_length > _LARGE
        try:
            async with asyncio.timeout(seconds), self._large if is_large else _NO_LIMIT:
                admission_request = await self._validators.decode(kind, await request.read())
                return self._verdict(admission_request, await validator(admission_request))
        except DecodeError as error:
            return _failure(Outcome.MALFORMED, error.message)
        except web.HTTPRequestEntityTooLarge:
            return _failure(Outcome.TOO_LARGE, f"a review may have at most {_MAX_BODY} bytes")
        except NotSyncedError as error:
            return _failure(Outcome.UNDECIDED, error.message)
        except TimeoutError:
            return _failure(Outcome.TIMED_OUT, f"not validated within {seconds:g} s")
        except ConnectionError:
            return _failure(Outcome.MALFORMED, "the client closed the connection")
        except Exception:  # noqa: BLE001  # it must neither end the process nor be ignored
            _log.exception("internal error: %s", request.path)
            return _failure(Outcome.FAILED, "internal error; see the log of netattach-webhooks")

    def _verdict(self, request: AdmissionRequest, result: ValidationResult) -> Response:
        self._count(request, result.findings)
        audit = messages.audit_annotations(result.findings, result.text)
        if any(finding.effective_severity is Severity.DENY for finding in result.findings):
            message = messages.denial(request.subject, result.findings, result.text)
            return Outcome.DENIED, _json(
                review.encode(request.uid, allowed=False, message=message, audit=audit)
            )
        warnings = messages.warnings(result.findings, result.text)
        return Outcome.ALLOWED, _json(
            review.encode(request.uid, allowed=True, warnings=warnings, audit=audit)
        )

    def _count(self, request: AdmissionRequest, findings: Sequence[Finding]) -> None:
        """Of a namespace that does not exist no name becomes a label: whoever sends a review chooses it."""
        namespace = request.namespace if self._cache.has_namespace(request.namespace) else ""
        for finding in findings:
            severity = finding.effective_severity
            self._metrics.findings.labels(finding.rule.id, severity.value).inc()
            if finding.rule.policy:
                mode = messages.MODES[severity].value
                self._metrics.policy_findings.labels(finding.rule.id, namespace, mode).inc()


@functools.lru_cache(64)
def _timeout(path: str) -> float:
    """Seconds: the API server's own timeout, `?timeout=` with a Go duration, minus the margin."""
    texts = parse_qs(path.partition("?")[2]).get("timeout", [""])
    duration = _DURATION.fullmatch(texts[0])
    seconds = float(duration[1]) / (1000 if duration[2] == "ms" else 1) if duration else _DEFAULT_SECONDS
    return max(min(seconds, _MAX_SECONDS) - _MARGIN, _MARGIN)


def _failure(outcome: Outcome, reason: str) -> Response:
    return outcome, web.Response(status=_HTTP_STATUS[outcome], text=f"netattach-webhooks: {reason}\n")


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")

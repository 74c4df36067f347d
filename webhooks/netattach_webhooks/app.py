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
from netattach_core.policy.severities import MODES
from netattach_core.text.finding import Finding, Severity
from netattach_kube.http_server import HttpServer, Limits, PeerCertificate
from netattach_webhooks import messages, review
from netattach_webhooks.bodies import MAX_BODY, Bodies, OverloadedError, TooLargeError
from netattach_webhooks.cluster_cache import ClusterCache, NotSyncedError
from netattach_webhooks.metrics import Metrics, Outcome
from netattach_webhooks.pod_mutator import MutationResult, PodMutator
from netattach_webhooks.review import AdmissionRequest
from netattach_webhooks.validators import MUTATE_PODS, ValidationResult, Validators

_log = logging.getLogger(__name__)

_HTTP_STATUS = {
    Outcome.MALFORMED: 400,
    Outcome.TOO_LARGE: 413,
    Outcome.FAILED: 500,
    Outcome.UNDECIDED: 503,
    Outcome.OVERLOADED: 503,
    Outcome.TIMED_OUT: 504,
}

_LARGE, _MAX_LARGE = 256 * 2**10, 2
"""At most two bodies of more bytes are decoded and validated at once; decoded they take ten times as much memory."""

_MAX_SECONDS = 3.0
"""As `timeoutSeconds` of the webhook configuration: no API server waits longer, so no other client needs to."""

_MARGIN = 0.2
"""Seconds before the API server's timeout, so that it still gets the response, with the reason."""

_LIMITS = Limits()

_NO_LIMIT = nullcontext()
"""Used instead of the semaphore for bodies that are not large."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")

Response = tuple[Outcome, web.Response]

Reviewer = Callable[[AdmissionRequest], Awaitable[ValidationResult | MutationResult]]
"""Raises NotSyncedError while it does not know enough of the cluster."""


class WebhookServer:
    """Serves the validators over HTTPS. While `draining`, it closes each connection after the next response.

    `context` returns the TLS context of the next connection; `refusal` is that of `HttpServer`.
    """

    def __init__(
        self,
        cache: ClusterCache,
        metrics: Metrics,
        context: Callable[[], SSLContext],
        refusal: Callable[[PeerCertificate], str | None],
    ) -> None:
        self.draining = False
        self._cache = cache
        self._validators = Validators(cache)
        self._mutator = PodMutator(cache, metrics)
        self._metrics = metrics
        self._bodies = Bodies()
        self._large = asyncio.Semaphore(_MAX_LARGE)
        app = web.Application()
        reviewers: dict[str, Reviewer] = {**self._validators.by_kind, MUTATE_PODS: self._mutator.mutate}
        for kind, reviewer in reviewers.items():
            app.router.add_post(f"/{kind}", self._handler(kind, reviewer))
        # API servers do not compress, and a small compressed body could become a very large one.
        self._server = HttpServer(
            app,
            _LIMITS,
            context=context,
            closed=lambda why: metrics.connections_closed.labels(why.value).inc(),
            refusal=refusal,
            auto_decompress=False,
            shutdown_timeout=_MAX_SECONDS,
        )
        metrics.connections.set_function(lambda: self._server.quota.count)

    @asynccontextmanager
    async def serving(self, address: str) -> AsyncIterator[int]:
        """Serves on `host:port` (port 0: any free one) until the end of the block; yields the port."""
        try:
            async with self._server.listening(address) as port:
                yield port
        finally:
            self._validators.close()
            self._mutator.close()

    def close_connections(self) -> None:
        """Closes all open connections, those with a request in progress after their response."""
        self._server.close_connections()

    def _handler(self, kind: str, reviewer: Reviewer) -> Callable[[web.Request], Awaitable[web.Response]]:
        counters = {outcome: self._metrics.requests.labels(kind, outcome.value) for outcome in Outcome}
        duration = self._metrics.review_duration.labels(kind)

        async def handle(request: web.Request) -> web.Response:
            started = time.monotonic()
            outcome, response = await self._respond(request, kind, reviewer)
            if self.draining:
                response.force_close()
            counters[outcome].inc()
            duration.observe(time.monotonic() - started)
            return response

        return handle

    async def _respond(self, request: web.Request, kind: str, reviewer: Reviewer) -> Response:
        seconds = _timeout(request.raw_path)
        try:
            async with asyncio.timeout(seconds), self._bodies.read(request) as body:
                return await self._reviewed(kind, reviewer, body)
        except DecodeError as error:
            return _failure(Outcome.MALFORMED, error.message)
        except TooLargeError:
            return _failure(Outcome.TOO_LARGE, f"a review may have at most {MAX_BODY} bytes")
        except OverloadedError:
            return _failure(Outcome.OVERLOADED, "too many large reviews at once; try again")
        except NotSyncedError as error:
            return _failure(Outcome.UNDECIDED, error.message)
        except TimeoutError:
            return _failure(Outcome.TIMED_OUT, f"not validated within {seconds:g} s")
        except ConnectionError:
            return _failure(Outcome.MALFORMED, "the client closed the connection")
        except Exception:  # noqa: BLE001  # it must neither end the process nor be ignored
            _log.exception("internal error: %s", request.path)
            return _failure(Outcome.FAILED, "internal error; see the log of netattach-webhooks")

    async def _reviewed(self, kind: str, reviewer: Reviewer, body: bytes) -> Response:
        """A slot for large bodies is taken only when the body has arrived."""
        async with self._large if len(body) > _LARGE else _NO_LIMIT:
            request = await self._validators.decode(kind, body)
            result = await reviewer(request)
        if isinstance(result, MutationResult):
            return Outcome.ALLOWED, _json(
                review.encode(
                    request.uid, allowed=True, warnings=messages.notes(result.warnings), patch=result.patch
                )
            )
        return self._verdict(request, result)

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
            if severity is Severity.ADVICE:
                continue  # nobody gets it
            self._metrics.findings.labels(finding.rule.id, severity.value).inc()
            if finding.rule.policy:
                mode = MODES[severity].value
                self._metrics.policy_findings.labels(finding.rule.id, namespace, mode).inc()


@functools.lru_cache(64)
def _timeout(path: str) -> float:
    """Seconds: the API server's own timeout, `?timeout=` with a Go duration, minus the margin."""
    texts = parse_qs(path.partition("?")[2]).get("timeout", [""])
    duration = _DURATION.fullmatch(texts[0])
    seconds = float(duration[1]) / (1000 if duration[2] == "ms" else 1) if duration else _MAX_SECONDS
    return max(min(seconds, _MAX_SECONDS) - _MARGIN, _MARGIN)


def _failure(outcome: Outcome, reason: str) -> Response:
    return outcome, web.Response(status=_HTTP_STATUS[outcome], text=f"netattach-webhooks: {reason}\n")


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")

"""What API servers ask over HTTP: gather what is known, let core judge, answer; and no request takes more than its share.

An answer that is no verdict has an HTTP status, and the webhook's failurePolicy decides: 400 no review, 413 too large, 503 too
little is known yet, 504 out of time, 500 a defect of ours.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from aiohttp import web

from netattach_core import admission
from netattach_core.errors import ConfigError, DecodeError
from netattach_core.finding import Finding, Severity
from netattach_kube import cluster_settings
from netattach_webhooks import review, wording
from netattach_webhooks.lookup import Lookup, NotSyncedError
from netattach_webhooks.metrics import Metrics, Outcome
from netattach_webhooks.review import Body, Review

_log = logging.getLogger(__name__)

_LONGEST = 8 * 2**20
"""Bytes of a body. API servers take objects of 3 MiB, and an update comes with the object before."""

_LARGE, _LARGE_AT_ONCE = 256 * 2**10, 2
_SECONDS = 3.0
_MARGIN = 0.2
"""Seconds for the answer's way, so that the API server hears why."""

_STATUS = {
    Outcome.MALFORMED: 400,
    Outcome.TOO_LARGE: 413,
    Outcome.FAILED: 500,
    Outcome.UNDECIDED: 503,
    Outcome.TIMED_OUT: 504,
}

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_WORKERS = 2
"""For each kind, so that hard NADs do not keep pods waiting."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Findings, and the text that their offsets point into."""

    findings: Sequence[Finding]
    text: str = ""


Judge = Callable[[Review], Awaitable[Judged]]


class Webhooks:
    """Set `draining` before the end: API servers then turn to others, connection by connection."""

    def __init__(self, lookup: Lookup, metrics: Metrics) -> None:
        self.draining = False
        self._lookup = lookup
        self._metrics = metrics
        self._large = asyncio.Semaphore(_LARGE_AT_ONCE)
        self._nad_workers = ThreadPoolExecutor(_WORKERS, "nads")
        self._pod_workers = ThreadPoolExecutor(_WORKERS, "pods")

    @asynccontextmanager
    async def served(self, address: str, context: SSLContext | None) -> AsyncIterator[int]:
        """Answers on `host:port` (port 0: any) until the end of the block; the port."""
        app = web.Application(client_max_size=_LONGEST)
        for kind, judge in (("nads", self._nad), ("pods", self._pod), ("config", self._settings)):
            app.router.add_post(f"/{kind}", self._handler(kind, judge))
        # No API server compresses, and a small body could become a very large one.
        runner = web.AppRunner(app, access_log=None, auto_decompress=False, shutdown_timeout=_SECONDS)
        await runner.setup()
        host, _, port = address.rpartition(":")
        try:
            await web.TCPSite(runner, host.strip("[]") or None, int(port), ssl_context=context).start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()
            for workers in (self._nad_workers, self._pod_workers):
                workers.shutdown(wait=False, cancel_futures=True)

    def _handler(self, kind: str, judge: Judge) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            started = time.monotonic()
            outcome, response = await self._answered(request, judge)
            if self.draining:
                response.force_close()
            self._metrics.requests.labels(kind, outcome).inc()
            self._metrics.seconds.labels(kind).observe(time.monotonic() - started)
            return response

        return handle

    async def _answered(self, request: web.Request, judge: Judge) -> tuple[Outcome, web.Response]:
        seconds = _seconds(request.query.get("timeout", ""))
        try:
            async with asyncio.timeout(seconds), AsyncExitStack() as held:
                if request.content_length is None or request.content_length > _LARGE:
                    await held.enter_async_context(self._large)
                asked = review.decode(await request.read())
                return self._verdict(asked, await judge(asked))
        except DecodeError as error:
            return _failed(Outcome.MALFORMED, error.message)
        except web.HTTPRequestEntityTooLarge:
            return _failed(Outcome.TOO_LARGE, f"a review may have {_LONGEST} bytes")
        except NotSyncedError as error:
            return _failed(Outcome.UNDECIDED, error.message)
        except TimeoutError:
            return _failed(Outcome.TIMED_OUT, f"not judged within {seconds:g} s")
        except ConnectionError:
            return _failed(Outcome.MALFORMED, "the client went away")
        except Exception:  # noqa: BLE001  # it must end neither the process nor in silence
            _log.exception("a defect in netattach: %s", request.path)
            return _failed(Outcome.FAILED, "a defect in netattach: its log says more")

    def _verdict(self, asked: Review, judged: Judged) -> tuple[Outcome, web.Response]:
        for finding in judged.findings:
            self._metrics.findings.labels(finding.rule.id, finding.weight.value).inc()
        if any(finding.weight is Severity.DENY for finding in judged.findings):
            message = wording.denial(asked.about, judged.findings, judged.text)
            return Outcome.DENIED, _json(review.encode(asked.uid, allowed=False, message=message))
        warnings = wording.warnings(judged.findings, judged.text)
        return Outcome.ALLOWED, _json(review.encode(asked.uid, allowed=True, warnings=warnings))

    async def _nad(self, asked: Review) -> Judged:
        if asked.object is None:
            return Judged(())
        nodes = self._lookup.nodes()
        body = _named(asked.object, asked)
        findings = await _in(self._nad_workers, admission.of_nad, body, asked.old, nodes)
        spec = asked.object.get("spec")
        config = spec.get("config") if isinstance(spec, dict) else None
        return Judged(findings, config if isinstance(config, str) else "")

    async def _pod(self, asked: Review) -> Judged:
        if asked.object is None:
            return Judged(())
        wanted = await _in(self._pod_workers, admission.of_pod, asked.object, asked.old, asked.namespace)
        missed = await self._lookup.missed(wanted.networks)
        findings = [*wanted.findings, *admission.uncertain(missed.uncertain, missed.why)]
        if missed.absent:
            there = tuple(self._lookup.networks())
            findings += await _in(self._pod_workers, admission.unknown, missed.absent, there)
        return Judged(findings)

    async def _settings(self, asked: Review) -> Judged:
        if asked.object is None or asked.name != cluster_settings.NAME:
            return Judged(())
        try:
            cluster_settings.from_config_map(asked.object)
        except ConfigError as error:
            return Judged(admission.of_settings(_problems(error.message)))
        except RecursionError:
            return Judged(admission.of_settings(["too many lists and maps inside each other"]))
        return Judged(())


async def _in(workers: ThreadPoolExecutor, judge: Callable[..., Any], *arguments: Any) -> Any:
    """In a thread: what takes long must neither keep others waiting nor outlast its time."""
    return await asyncio.get_running_loop().run_in_executor(workers, judge, *arguments)


def _named(body: Body, asked: Review) -> Body:
    """A new object need not say its namespace; the review does."""
    metadata = body.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return {**body, "metadata": {"namespace": asked.namespace, "name": asked.name, **known}}


def _problems(message: str) -> list[str]:
    """The reader of the settings says one in each line, except what the reader of YAML says."""
    return re.split(rf"\n(?={re.escape(cluster_settings.KEY)}: )", message)


def _seconds(timeout: str) -> float:
    """From the API server's own limit, a duration as Go writes it."""
    read = _DURATION.fullmatch(timeout)
    if not read:
        return _SECONDS - _MARGIN
    given = float(read[1]) / (1000 if read[2] == "ms" else 1)
    return max(min(given, 30.0) - _MARGIN, _MARGIN)


def _failed(outcome: Outcome, why: str) -> tuple[Outcome, web.Response]:
    return outcome, web.Response(status=_STATUS[outcome], text=f"netattach-webhooks: {why}\n")


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")

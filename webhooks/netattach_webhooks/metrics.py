"""What Prometheus can ask of the webhooks."""

from __future__ import annotations

import enum

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Outcome(enum.StrEnum):
    """How a request ended."""

    ALLOWED = "allowed"
    DENIED = "denied"
    MALFORMED = "malformed"
    TOO_LARGE = "too-large"
    UNDECIDED = "undecided"
    TIMED_OUT = "timed-out"
    FAILED = "failed"


class Metrics:
    """All of one process, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "netattach_webhook_requests",
            "Reviews by what they are about and how they ended",
            ["kind", "verdict"],
            registry=self.registry,
        )
        self.findings = Counter(
            "netattach_webhook_findings",
            "What was found in reviews, by rule",
            ["rule", "severity"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "netattach_webhook_seconds",
            "Time from a review's arrival to its answer",
            ["kind"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.expiry = Gauge(
            "netattach_certificate_expiry_timestamp_seconds",
            "When the certificate that is served expires, in Unix time",
            ["certificate"],
            registry=self.registry,
        )
        self.certificate_refused = Gauge(
            "netattach_webhook_certificate_refused",
            "1 while the Secret holds no certificate that can be served, and the one before it still is",
            registry=self.registry,
        )

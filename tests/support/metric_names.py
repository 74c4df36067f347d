"""The metrics that the programs export, from their own registries."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable

from prometheus_client import CollectorRegistry

from support import require

PACKAGES = {path.parent.name for path in require.REPOSITORY.glob("*/netattach_*/__init__.py")}
SERVED = [package for package in sorted(PACKAGES) if list(require.REPOSITORY.glob(f"*/{package}/metrics.py"))]

_SAMPLES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("", "_count", "_sum"),
}
"""What Prometheus appends to the name of a metric of each type."""


def exported() -> set[str]:
    """Every name that a program of ours exports, with and without the suffixes of its type."""
    return {
        family.name + suffix
        for package in SERVED
        for family in registry(package).collect()
        for suffix in ("", *_SAMPLES.get(family.type, ()))
        if suffix or family.type != "counter"
    }


def labels() -> dict[str, set[str]]:
    """The labels of each metric; those of histograms and counters without their suffixes."""
    found: dict[str, set[str]] = {}
    for package in SERVED:
        for collector in registry(package)._collector_to_names:
            names: Iterable[str] = getattr(collector, "_labelnames", ())
            found.setdefault(getattr(collector, "_name", ""), set()).update(names)
    return found


def registry(package: str) -> CollectorRegistry:
    kind = importlib.import_module(f"{package}.metrics").Metrics
    needed = [name for name, each in inspect.signature(kind).parameters.items() if each.default is each.empty]
    made: CollectorRegistry = kind(**dict.fromkeys(needed, lambda: 0)).registry
    return made

"""Whether the container runtime attaches pods without netattach, although netattach's conflist is the first.

It does so where it reads its CNI configs from another directory, or is set to one network (CRI-O's `cni_default_network`). Then
it never calls netattach, and nothing fails. But every runtime uses libcni, which keeps a file about each attachment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from netattach_core.caches import libcni
from netattach_core.caches.libcni import Cached
from netattach_core.cni import netattach_conf
from netattach_core.errors import DecodeError

_INTERVAL = 30.0

_GRACE = 300.0
"""Seconds after netattach became the first: until then an ADD that was begun before may end."""

_LOOPBACK = "lo"


class BypassWatch:
    """`first_since` is the time of `clock` since which the conflist is the first without a break; None while it is not."""

    def __init__(
        self,
        libcni_cache: Path,
        conf_dir: Path,
        first_since: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._results = libcni_cache / "results"
        self._conf_dir = conf_dir
        self._first_since = first_since
        self._clock = clock
        self._earlier: frozenset[str] = frozenset()
        self.problem: str | None = None

    async def run(self) -> None:
        """Never returns."""
        while True:
            await asyncio.to_thread(self.check)
            await asyncio.sleep(_INTERVAL)

    def check(self) -> None:
        """Looks at the attachments of pods since then; one by netattach shows that the runtime calls it."""
        written = _names_by_time(self._results)
        if self._may_be_earlier():
            self._earlier = frozenset(written)
        newest = None
        for cached in self._attachments(name for name in written if name not in self._earlier):
            if cached.network == netattach_conf.NAME:
                newest = None
                break
            newest = newest or cached
        self.problem = None if newest is None else self._text(newest)

    def _may_be_earlier(self) -> bool:
        since = self._first_since()
        return since is None or self._clock() < since + _GRACE

    def _attachments(self, names: Iterable[str]) -> Iterator[Cached]:
        """Other programs on the node use libcni too, and have no pods."""
        for name in names:
            with contextlib.suppress(OSError, DecodeError):
                cached = libcni.parse((self._results / name).read_bytes())
                if cached and cached.ifname != _LOOPBACK and cached.args.get("K8S_POD_NAME"):
                    yield cached

    def _text(self, cached: Cached) -> str:
        pod = f"{cached.args.get('K8S_POD_NAMESPACE', '')}/{cached.args['K8S_POD_NAME']}"
        return (
            f"the container runtime does not call netattach: it attached pod {pod} to network {cached.network} alone. Either it "
            f"reads another directory of CNI configs than {self._conf_dir}: set `platform` or node.confDir in the chart; or it "
            "is set to one network (CRI-O's cni_default_network): remove that"
        )


def _names_by_time(directory: Path) -> list[str]:
    """Of all files, the newest first."""
    written: list[tuple[float, str]] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                written.append((entry.stat().st_mtime, entry.name))
    return [name for _, name in sorted(written, reverse=True)]

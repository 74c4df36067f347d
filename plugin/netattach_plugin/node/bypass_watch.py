"""Whether the container runtime attaches pods without netattach, although netattach's conflist is the first.

It does so where it reads its CNI configs from another directory, or is set to one network (CRI-O's `cni_default_network`). Then
it never calls netattach, and nothing fails. But every runtime uses libcni, which keeps a file about each attachment.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
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
    """`first_since` is the time, as of files, since which the conflist is the first without a break; None while it is not."""

    def __init__(self, libcni_cache: Path, conf_dir: Path, first_since: Callable[[], float | None]) -> None:
        self._results = libcni_cache / "results"
        self._conf_dir = conf_dir
        self._first_since = first_since
        self.problem: str | None = None

    async def run(self) -> None:
        """Never returns."""
        while True:
            await asyncio.to_thread(self.check)
            await asyncio.sleep(_INTERVAL)

    def check(self) -> None:
        """Looks at the attachments of pods since then; one by netattach shows that the runtime calls it."""
        since, newest = self._first_since(), None
        for cached in () if since is None else self._attachments(since + _GRACE):
            if cached.network == netattach_conf.NAME:
                newest = None
                break
            newest = newest or cached
        self.problem = None if newest is None else self._text(newest)

    def _attachments(self, since: float) -> Iterator[Cached]:
        """The newest first. Other programs on the node use libcni too, and have no pods."""
        for path in _by_time(self._results, since):
            with contextlib.suppress(OSError, DecodeError):
                cached = libcni.parse(path.read_bytes())
                if cached and cached.ifname != _LOOPBACK and cached.args.get("K8S_POD_NAME"):
                    yield cached

    def _text(self, cached: Cached) -> str:
        pod = f"{cached.args.get('K8S_POD_NAMESPACE', '')}/{cached.args['K8S_POD_NAME']}"
        return (
            f"the container runtime does not call netattach: it attached pod {pod} to network {cached.network} alone. Either it "
            f"reads another directory of CNI configs than {self._conf_dir}: set `platform` or node.confDir in the chart; or it "
            "is set to one network (CRI-O's cni_default_network): remove that"
        )


def _by_time(directory: Path, since: float) -> list[Path]:
    """The files that were written after that, the newest first."""
    written: list[tuple[float, Path]] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):
                written.append((entry.stat().st_mtime, Path(entry.path)))
    return [path for time, path in sorted(written, reverse=True) if time > since]

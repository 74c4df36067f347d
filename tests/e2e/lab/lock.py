"""The lock on the machine's cluster: its addresses, ports and links are the machine's, so there is one cluster at a time."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from e2e.lab import process
from e2e.lab.places import WORK

_LOCK = Path("/run/netattach-cluster.lock")
"""Contains the directory of the last cluster, since another user or another cache may have one."""

_KEPT = WORK / "kept"


class LockedError(RuntimeError):
    """Another process uses the cluster."""


@contextlib.contextmanager
def held(*, alone: bool) -> Iterator[None]:
    """Nobody else creates or deletes a cluster meanwhile and, if `alone`, nobody else uses one either."""
    with _LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(
                "another process creates, deletes or tests the cluster of this machine"
            ) from None
        lock.seek(0)
        _refuse_another(lock.read().strip())
        if alone:
            lock.truncate(0)
            lock.write(str(WORK))
            lock.flush()
        yield


def keep_cluster() -> None:
    """Marks the cluster as made by `make cluster`, as opposed to one left by tests that were killed."""
    _KEPT.touch()


def cluster_is_kept() -> bool:
    return _KEPT.exists() and process.pid("apiserver") is not None


def _refuse_another(work: str) -> None:
    if work and work != str(WORK) and process.pid("apiserver", Path(work)) is not None:
        cache = Path(work).parent
        raise LockedError(f"another cluster runs here; NETATTACH_CACHE={cache} make cluster-down deletes it")

"""Whose turn it is: addresses, ports and links of a cluster are the machine's, so there is one at a time on it."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from e2e.lab import process
from e2e.lab.places import WORK

_LOCK = Path("/run/netattach-cluster.lock")
"""Also says where the last cluster lies: another user's, or another cache's, is one too many as well."""

_KEPT = WORK / "kept"


class TakenError(RuntimeError):
    """Somebody else is at it."""


@contextlib.contextmanager
def taken(*, alone: bool) -> Iterator[None]:
    """While it lasts nobody makes or ends a cluster and, if `alone`, nobody uses one either."""
    with _LOCK.open("a+") as lock:
        try:
            fcntl.flock(lock, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError:
            raise TakenError(
                "somebody makes, ends or tests with the cluster of this machine just now"
            ) from None
        lock.seek(0)
        _refuse_another(lock.read().strip())
        if alone:
            lock.truncate(0)
            lock.write(str(WORK))
            lock.flush()
        yield


def keep() -> None:
    """The cluster stands for somebody to play with, not as the rest of tests that were killed."""
    _KEPT.touch()


def kept() -> bool:
    return _KEPT.exists() and process.pid("apiserver") is not None


def _refuse_another(work: str) -> None:
    if work and work != str(WORK) and process.pid("apiserver", Path(work)) is not None:
        cache = Path(work).parent
        raise TakenError(f"another cluster stands here; NETATTACH_CACHE={cache} make cluster-down ends it")

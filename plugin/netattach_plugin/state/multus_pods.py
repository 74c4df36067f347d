"""The networks that Multus attached pods to before a takeover, by its cache and by libcni's: neither is in the ledger."""

from __future__ import annotations

import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from netattach_core.api.objects import Key
from netattach_core.api.pod import PodRef
from netattach_core.caches import libcni as libcni_cache
from netattach_core.caches import multus as multus_cache
from netattach_core.errors import NetattachError
from netattach_core.net import names

T = TypeVar("T")

_MOST_BYTES = 4 << 20

Networks = tuple[str, ...]
"""Of a sandbox: "namespace/name", and the name of the default network."""


class _Owner(NamedTuple):
    """The sandbox and the pod of a file of libcni."""

    container_id: str
    pod: Key
    uid: str


class MultusPods:
    """`read` brings it up to date: each file is read once, and again where it has changed."""

    def __init__(self, multus: Path, libcni: Path) -> None:
        self._multus = multus
        self._results = (multus / "results", libcni / "results")
        self._owners = _Files(_owner)
        self._delegates = _Files(_networks)
        self._of_pods: Mapping[Key, Mapping[_Owner, Networks]] = {}

    def __bool__(self) -> bool:
        """Whether there are any, gone ones included."""
        return bool(self._of_pods)

    def read(self) -> None:
        """One pass over the directories, for threads; most nodes never had Multus. Raises OSError where one cannot be read."""
        results = self._results if self._multus.is_dir() else ()
        paths = [path for directory in results for path in _listed(directory)]
        owners = {owner for path in paths if (owner := self._owners.get(path))}
        of_pods: defaultdict[Key, dict[_Owner, Networks]] = defaultdict(dict)
        for owner in sorted(owners):
            networks = self._delegates.get(self._multus / owner.container_id)
            if networks is not None:
                of_pods[owner.pod][owner] = networks
        self._owners.forget_all_but(paths)
        self._delegates.forget_all_but([self._multus / owner.container_id for owner in owners])
        self._of_pods = dict(of_pods)

    def sandboxes(self, pod: PodRef) -> tuple[Networks, ...]:
        """The networks of each of its sandboxes, in the order of their ids; a former one may not be deleted yet.

        `pod` has the runtime's UID; it is empty for one that Multus has not attached.
        """
        found = self._of_pods.get((pod.namespace, pod.name), {})
        return tuple(networks for owner, networks in found.items() if owner.uid in ("", pod.uid))


class _Files(Generic[T]):
    """What was read of files, None for what cannot be read, until they change."""

    def __init__(self, parse: Callable[[bytes], T | None]) -> None:
        self._parse = parse
        self._known: dict[Path, tuple[tuple[int, ...], T | None]] = {}

    def get(self, path: Path) -> T | None:
        try:
            found = path.stat()
            stamp = found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
            known = self._known.get(path)
            if known is None or known[0] != stamp:
                is_read = stat.S_ISREG(found.st_mode) and found.st_size <= _MOST_BYTES
                known = self._known[path] = stamp, self._parse(path.read_bytes()) if is_read else None
        except FileNotFoundError:  # gone since it was listed
            self._known.pop(path, None)
            return None
        return known[1]

    def forget_all_but(self, paths: Collection[Path]) -> None:
        kept = self._known.keys() & set(paths)
        self._known = {path: self._known[path] for path in kept}


def _listed(results: Path) -> list[Path]:
    """In no order; empty where there is no such directory."""
    try:
        return [path for path in results.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []


def _owner(data: bytes) -> _Owner | None:
    try:
        cached = libcni_cache.parse(data)
    except NetattachError:
        return None
    if cached is None or not names.is_cni_name(cached.container_id):
        return None
    args = cached.args
    pod = args.get("K8S_POD_NAMESPACE", ""), args.get("K8S_POD_NAME", "")
    return _Owner(cached.container_id, pod, args.get("K8S_POD_UID", "")) if all(pod) else None


def _networks(data: bytes) -> Networks | None:
    try:
        return tuple(each.name for each in multus_cache.parse(data))
    except NetattachError:
        return None

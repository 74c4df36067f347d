"""The networks that Multus attached pods to before a takeover, by its cache and by libcni's: neither is in the ledger."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from netattach_core.api.pod import PodRef
from netattach_core.caches import libcni as libcni_cache
from netattach_core.caches import multus as multus_cache
from netattach_core.errors import NetattachError
from netattach_core.net import names

_MOST_BYTES = 4 << 20


class MultusPods:
    """Reads the caches anew each time: few pods are asked about."""

    def __init__(self, multus: Path, libcni: Path) -> None:
        self._multus = multus
        self._results = (multus / "results", libcni / "results")

    def networks(self, pod: PodRef) -> tuple[str, ...] | None:
        """Of the pod with the runtime's UID, "namespace/name"; None for one that Multus has not attached. For threads."""
        containers = {each for results in self._results for each in _containers(results, pod)}
        found = [networks for each in sorted(containers) if (networks := self._delegates(each)) is not None]
        return found[-1] if found else None

    def _delegates(self, container_id: str) -> tuple[str, ...] | None:
        with contextlib.suppress(OSError, NetattachError):
            return tuple(each.name for each in multus_cache.parse((self._multus / container_id).read_bytes()))
        return None


def _containers(results: Path, pod: PodRef) -> Iterator[str]:
    """Those of the pod's sandboxes, of which a former one may not be deleted yet."""
    try:
        paths = sorted(results.iterdir())
    except OSError:
        return
    for path in paths:
        with contextlib.suppress(OSError, NetattachError):
            if path.name.startswith(".") or path.stat().st_size > _MOST_BYTES:
                continue
            cached = libcni_cache.parse(path.read_bytes())
            if cached is not None and _is_of(cached.args, pod) and names.is_cni_name(cached.container_id):
                yield cached.container_id


def _is_of(args: object, pod: PodRef) -> bool:
    if not isinstance(args, dict):
        return False
    named = (args.get("K8S_POD_NAMESPACE"), args.get("K8S_POD_NAME")) == (pod.namespace, pod.name)
    return named and args.get("K8S_POD_UID", "") in ("", pod.uid)

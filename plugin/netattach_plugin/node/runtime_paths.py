"""Whether the container runtime and its shim use the same directories of the node as this daemon."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netattach_core.shim import node_places
from netattach_core.shim.node_places import NONE, FileId, Places

_MOUNTINFO = Path("/proc/self/mountinfo")


class RuntimePaths:
    """`problem` is what the runtime's calls have shown: the reason for not being ready, None while all is the same.

    `has_shim`: the last call was made by the shim that netattach has installed.
    """

    def __init__(self, shim: Path, conf_dir: Path, chains: Path) -> None:
        self._shim = shim
        self._conf_dir = conf_dir
        self._chains = chains
        self._suspected: str | None = None
        self.problem: str | None = None
        self.has_shim = False

    def observe(self, environment: Mapping[str, str]) -> None:
        """What a call has brought. Two in a row have to agree: a shim or directory may be replaced just now."""
        node = node_places.of_call(environment)
        self.has_shim = node is not None and NONE != node.shim == _identity(self._shim)
        if node is None:
            return
        found = self._problem(node, environment.get("CNI_PATH", ""))
        if found is None or found == self._suspected:
            self.problem = found
        self._suspected = found

    def _problem(self, node: Places, cni_path: str) -> str | None:
        conf_dir = str(self._conf_dir)
        own = Places(_identity(self._shim), _identity(self._chains), _identity(self._conf_dir), conf_dir)
        if node_places.problem(node, own) is None:
            return None
        mounted = node_places.mounted_at(_MOUNTINFO.read_text(errors="replace"), conf_dir)
        return node_places.problem(
            node, own, mounted="" if mounted == conf_dir else mounted, cni_path=cni_path
        )


def _identity(path: Path) -> FileId:
    try:
        found = path.stat()
    except OSError:
        return NONE
    return found.st_dev, found.st_ino

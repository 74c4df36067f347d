"""The node's directories of CNI plugins, in the order in which they are searched.

A runtime may have several (CRI-O's `plugin_dirs`), and passes them as CNI_PATH with each call. So the daemon knows those that it
is configured with, and learns the others. It sees only those that are mounted into its container: in another one, any plugin may
exist, whatever the container's image has under that path. The same holds for a symbolic link that leads out of what is mounted.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netattach_core.shim import node_places

_MOUNTINFO = Path("/proc/self/mountinfo")
_MOST_LEARNT = 16


@dataclass(frozen=True, slots=True)
class Binary:
    """A plugin's file; `found` describes what the path leads to, None where that cannot be seen from here."""

    path: Path
    found: os.stat_result | None


class PluginDirectories:
    """`changed` is called when a call has named directories that were not known yet."""

    def __init__(self, configured: Sequence[Path], changed: Callable[[], None] = lambda: None) -> None:
        self._configured = self._paths = tuple(configured)
        self._most = len(self._paths) + _MOST_LEARNT
        self._changed = changed

    @property
    def paths(self) -> tuple[Path, ...]:
        """The configured directories, then the others in the order in which they were learnt."""
        return self._paths

    @property
    def unseen(self) -> tuple[str, ...]:
        """Those that this process cannot see, sorted."""
        return tuple(sorted(map(str, {*self._paths} - {*self._seen()})))

    @property
    def cni_path(self) -> str:
        """As a value of CNI_PATH."""
        return os.pathsep.join(map(str, self._paths))

    def learn(self, cni_path: str, *, has_shim: bool = False) -> None:
        """The directories of a call. `has_shim`: the runtime has found the shim of the first directory in them.

        So a single one is the first, by another path: MicroK8s' is that of a revision, which `current` leads to.
        """
        named = [Path(os.path.normpath(each)) for each in cni_path.split(os.pathsep) if each.startswith("/")]
        if has_shim and len(named) == 1:
            return
        paths = tuple(dict.fromkeys((*self._paths, *named)))[: self._most]
        if paths != self._paths:
            self._paths = paths
            self._changed()

    def find(self, name: str) -> Path | None:
        """The first executable file of this name."""
        candidates = (directory / name for directory in self._seen())
        return next((path for path in candidates if path.is_file() and os.access(path, os.X_OK)), None)

    def binaries(self) -> Iterator[Binary]:
        """All executable files, and links of which only the name can be seen; for each name the first, as runtimes search."""
        names = set[str]()
        for directory in self._seen():
            for binary in _binaries_in(directory):
                if binary.path.name not in names:
                    names.add(binary.path.name)
                    yield binary

    def _seen(self) -> tuple[Path, ...]:
        """Those that this process can see. A learnt one counts only on a mount: the container's image may have that path too."""
        existing = tuple(path for path in self._paths if path.is_dir())
        if all(path in self._configured for path in existing):
            return existing
        mountinfo = _MOUNTINFO.read_text(errors="replace")
        if not _is_mounted(mountinfo, self._configured[0]):
            return existing  # no container: the root file system is the node's
        return tuple(path for path in existing if path in self._configured or _is_mounted(mountinfo, path))


def _is_mounted(mountinfo: str, path: Path) -> bool:
    """Whether it is elsewhere than in the root file system. A link counts as what it leads to."""
    return node_places.mount_point(mountinfo, os.path.realpath(path)) != "/"


def _binaries_in(directory: Path) -> Iterator[Binary]:
    """Sorted by name; without files that are removed meanwhile."""
    try:
        paths = sorted(directory.iterdir())
    except OSError:
        return
    for path in paths:
        try:
            found = path.stat()
        except OSError as error:
            if error.errno != errno.ELOOP and path.is_symlink():
                yield Binary(path, None)
            continue
        if stat.S_ISREG(found.st_mode) and os.access(path, os.X_OK):
            yield Binary(path, found)

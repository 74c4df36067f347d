"""What the runtime's shim finds on the node, compared with what the daemon's container has.

A daemon whose volumes are mounted at other paths than the node's own writes paths that mean something else to the shim: compiled
chains name the directory of CNI configs, and the shim compares its files there. So each CALL has one more field:

    NODE_PLACES=<device>:<inode>:<device>:<inode>:<device>:<inode>:<path>

These are the shim itself, the directory of compiled chains, and the directory of CNI configs that the compiled default network
names, with its path. 0:0 means that it is not there. Paths alone prove nothing: /opt/cni may be a symbolic link, /var/run is
/run, a volume may be bind-mounted. Device and inode are the same through all of these.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PLACES = re.compile(r"(\d+):(\d+):(\d+):(\d+):(\d+):(\d+):(.*)", re.DOTALL)

FileId = tuple[int, int]
"""Device and inode of a file or directory."""

NONE: FileId = (0, 0)


@dataclass(frozen=True, slots=True)
class Places:
    """NONE is what is not there; `conf_dir` is the path of `configs`, "" without a compiled default network."""

    shim: FileId = NONE
    chains: FileId = NONE
    configs: FileId = NONE
    conf_dir: str = ""


def of_call(environment: Mapping[str, str]) -> Places | None:
    """What the shim has sent, None from a shim of an earlier release."""
    found = _PLACES.fullmatch(environment.get("NODE_PLACES", ""))
    if found is None:
        return None
    numbers = tuple(map(int, found.groups()[:6]))
    return Places((numbers[0], numbers[1]), (numbers[2], numbers[3]), (numbers[4], numbers[5]), found[7])


def problem(node: Places, own: Places, *, mounted: str = "", cni_path: str = "") -> str | None:
    """Why the daemon's paths cannot be the runtime's, with the fix.

    `mounted` is what the container has in place of the node's `conf_dir`, as far as it is known. A shim of NONE was replaced
    during its call, and what the container itself does not have is reported elsewhere.
    """
    if NONE not in (node.shim, own.shim) and node.shim != own.shim:
        return (
            f"the container runtime runs another shim than the one that netattach has installed; it searches {cni_path}: "
            f"{_fix('node.binDirs', 'NETATTACH_BIN_DIR')}, or remove the file netattach that an earlier installation has left"
        )
    if own.chains not in (NONE, node.chains):
        return (
            "the node's ledger is not what this container has at its path, so the shim does not find what netattach compiles; "
            "mount the node's /var/lib/cni at /var/lib/cni"
        )
    if node.conf_dir == own.conf_dir and own.configs not in (NONE, node.configs):
        what = f" but {mounted}" if mounted else ""
        return (
            f"the node's {node.conf_dir} is not what this container has there{what}, so the shim does not find the CNI configs "
            "that netattach compiles, and an uninstall would name the wrong directory; "
            f"{_fix('node.confDir', 'NETATTACH_CONF_DIR')}; if the directory was replaced since, delete the daemon's pod"
        )
    return None


def mounted_at(mountinfo: str, path: str) -> str:
    """The directory of a file system that is mounted at the path or above it, by /proc/self/mountinfo (man 5 proc)."""
    root, at = _mount(mountinfo, path)
    below = path[len(at.rstrip("/")) :]
    return f"{root.rstrip('/')}{below}" or "/"


def mount_point(mountinfo: str, path: str) -> str:
    """Where the file system that has the path is mounted: the path itself or a directory above it."""
    return _mount(mountinfo, path)[1] or "/"


def _mount(mountinfo: str, path: str) -> tuple[str, str]:
    """The directory of the file system that is mounted, and where; of several at one place, the last one hides the others."""
    root, at = "", ""
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if len(fields) > 4 and _is_below(path, mount := _unescaped(fields[4])) and len(mount) >= len(at):
            root, at = _unescaped(fields[3]), mount
    return root, at


def _fix(value: str, variable: str) -> str:
    both = "sets the volume's path, its mount path and"
    return f"set `platform` in the chart, or {value}, which {both} {variable} together"


def _is_below(path: str, directory: str) -> bool:
    return f"{path}/".startswith(f"{directory.rstrip('/')}/")


def _unescaped(text: str) -> str:
    r"""The kernel writes a space as \040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)

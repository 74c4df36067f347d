"""Our own conf on the node: the first file in the runtime's directory, behind which the primary stands.

It declares every capability that a runtime offers, since what is not declared is not handed over, and the annotations of the
pod, so that whether it wants networks is known without asking the API.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from netattach_core.cni.request import POD_ANNOTATIONS

FILE_NAME = "00-netattach.conflist"
STAND_IN = "00-multus.conflist-netattach.conflist"
"""The primary with us at its end, while pods run on without us (stand_in.py). First by name, but for Multus' own conf.

Multus looks for the default network among files that do not begin with `00-multus` (its daemon) or `00-multus.conf` (its thin
entrypoint): one that comes back must not take this for it, and lose it with our last pod.
"""

OURS = (FILE_NAME, STAND_IN)
"""Never the default network, also when somebody has spoilt them."""

SUFFIXES = (".conf", ".conflist", ".json")
"""Of the files that container runtimes read."""

NAME = TYPE = "netattach"
_CAPABILITIES = (
    *("portMappings", "bandwidth", "ips", "mac", "dns", "cgroupPath", "ipRanges", "aliases"),
    POD_ANNOTATIONS,
)


def text(primary_version: str) -> str:
    """The conflist, in the primary's cniVersion: no result needs conversion, and no verb is called that it does not know."""
    plugin = {"type": TYPE, "capabilities": dict.fromkeys(_CAPABILITIES, True)}
    return json.dumps({"cniVersion": primary_version, "name": NAME, "plugins": [plugin]}, indent=2)


def before_ours(names: Iterable[str]) -> list[str]:
    """The files of a configuration directory that a runtime would take instead of ours: it takes the first by name."""
    return sorted(name for name in names if name.endswith(SUFFIXES) and name < FILE_NAME)


BEHIND = "netattach.conf"
"""A file of ours in the primary's own directory, `<its name>/`, whose plugins libcni 1.3 and later append to its chain."""


def behind_text() -> str:
    """Our plugin on a node that we have left while pods of ours run on: the shim frees them, and removes the files with the last.

    A mark and no paths: whoever can make a plugin start the shim writes what it is told, and it removes files as root.
    """
    return json.dumps({"type": TYPE, "uninstalled": True})

"""Our own conf on the node: the first file in the runtime's directory, behind which the primary stands.

It declares every capability that a runtime offers, since what is not declared is not handed over, and the annotations of the
pod, so that whether it wants networks is known without asking the API.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from netattach_core import versions
from netattach_core.cni_call import POD_ANNOTATIONS

FILE_NAME = "00-netattach.conflist"
SUFFIXES = (".conf", ".conflist", ".json")
"""Of the files that container runtimes read."""

NAME = TYPE = "netattach"
_CAPABILITIES = ("portMappings", "bandwidth", "ips", "mac", "dns", "cgroupPath", POD_ANNOTATIONS)


def text(primary_version: str) -> str:
    """The conflist, in the primary's cniVersion, so that its result needs no conversion.

    1.0.0 at the most: from 1.1.0 on a runtime calls STATUS and GC, which this version does not answer.
    """
    version = primary_version if versions.at_least("1.0.0", primary_version) else "1.0.0"
    plugin = {"type": TYPE, "capabilities": dict.fromkeys(_CAPABILITIES, True)}
    return json.dumps({"cniVersion": version, "name": NAME, "plugins": [plugin]}, indent=2)


def before_ours(names: Iterable[str]) -> list[str]:
    """The files of a configuration directory that a runtime would take instead of ours: it takes the first by name."""
    return sorted(name for name in names if name.endswith(SUFFIXES) and name < FILE_NAME)

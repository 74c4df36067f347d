"""netattach's own CNI config on the node: the first file in the runtime's CNI config directory, before the default network's.

It declares every capability of a runtime, which passes only declared ones. One of them is the pod's annotations, so that the
shim knows without the API server whether the pod requests networks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from netattach_core.cni.request import POD_ANNOTATIONS

FILE_NAME = "00-netattach.conflist"
UNINSTALL_FILE_NAME = "00-multus.conflist-netattach.conflist"
"""The default network with netattach appended, for pods that still run after an uninstall (`shim.uninstall_conflist`).

The first file by name, except for Multus' own config. Multus looks for the default network among the files whose names do not
start with `00-multus` (thick daemon) or `00-multus.conf` (thin entrypoint): a reinstalled Multus must not choose this file,
which is removed with the last pod of netattach.
"""

TAKEOVER_FILE_NAME = "00-multus-netattach.json"
"""Instead of `FILE_NAME` with the setting `takeover: auto`: it precedes Multus' file, `00-multus.conf` or `.conflist`.

Runtimes read `.json` too. Multus, thick and thin, looks for the default network in `.conf` and `.conflist` files alone, so it
never delegates to netattach, whenever it is started next to it.
"""

INSTALLED_FILE_NAMES = (FILE_NAME, TAKEOVER_FILE_NAME)
OWN_FILE_NAMES = (*INSTALLED_FILE_NAMES, UNINSTALL_FILE_NAME)
"""Files that are never the default network, even if somebody changed their content."""

SUFFIXES = (".conf", ".conflist", ".json")
"""File name suffixes that container runtimes read."""

NAME = TYPE = "netattach"
_CAPABILITIES = (
    *("portMappings", "bandwidth", "ips", "mac", "dns", "cgroupPath", "ipRanges", "aliases"),
    POD_ANNOTATIONS,
)


def text(default_network_version: str, file_name: str = FILE_NAME) -> str:
    """The content, in the cniVersion of the default network: no result needs conversion, and the runtime calls no newer verb.

    Runtimes read plugin lists in a `.conflist` alone, and a single plugin in all other files.
    """
    head = {"cniVersion": default_network_version, "name": NAME}
    plugin = {"type": TYPE, "capabilities": dict.fromkeys(_CAPABILITIES, True)}
    body = {**head, "plugins": [plugin]} if file_name.endswith(".conflist") else {**head, **plugin}
    return json.dumps(body, indent=2)


def is_own_text(content: bytes) -> bool:
    """Whether it is a config that `text` has written, of this release or another one."""
    try:
        body = json.loads(content)
        return [plugin["type"] for plugin in body.get("plugins", [body])] == [TYPE]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def files_before(file_name: str, names: Iterable[str]) -> list[str]:
    """The files of a CNI config directory that a runtime uses instead of netattach's: it uses the first one by name."""
    ours = set(OWN_FILE_NAMES)
    return sorted(name for name in names if name.endswith(SUFFIXES) and name < file_name and name not in ours)


CHAINED_FILE_NAME = "netattach.conf"
"""A file in the directory `<name of the default network>/`; libcni 1.3 and newer append the plugins in it to that network."""


def chained_text() -> str:
    """The plugin config on a node where pods still run after an uninstall: the shim detaches them, then removes the files.

    It contains a flag but no paths: anybody who can make a plugin run the shim controls its input, and it removes files as root.
    """
    return json.dumps({"type": TYPE, "uninstalled": True})

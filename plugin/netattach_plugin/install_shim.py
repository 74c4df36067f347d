"""The program netattach-install-shim: copies the shim into the node's directory of CNI plugins, and ends.

It runs as an init container of the daemon's pod, with this directory and nothing else of the node.
"""

from __future__ import annotations

import logging
import sys

from netattach_kube import one_shot
from netattach_plugin.node import shim_binary
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.settings import from_environment

_log = logging.getLogger("netattach_plugin.install_shim")


def main() -> int:
    """0 if the shim is installed, 1 if it cannot be, 2 for settings that cannot be read."""
    return one_shot.main("netattach-install-shim", _install, shim_binary.install_problem)


def _install() -> None:
    settings = from_environment()
    shim = ShimBinary(settings.shim, settings.bin_dir[0])
    _log.info("%s is %s", shim.path, "installed" if shim.install() else "up to date")


if __name__ == "__main__":
    sys.exit(main())

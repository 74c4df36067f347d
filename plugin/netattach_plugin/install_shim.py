"""The program netattach-install-shim: copies the shim into the node's directory of CNI plugins, and ends.

It runs as an init container of the daemon's pod, with this directory and nothing else of the node.
"""

from __future__ import annotations

import logging
import sys

from netattach_kube import exit_status, logs
from netattach_kube import settings as log_settings
from netattach_plugin.node import shim_binary
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.settings import from_environment

_log = logging.getLogger("netattach_plugin.install_shim")


def main() -> int:
    """0 if the shim is installed, 1 if it cannot be, 2 for settings that cannot be read."""
    with logs.handled() as handler:
        try:
            logs.configure(handler, log_settings.from_environment())
            settings = from_environment()
            shim = ShimBinary(settings.shim, settings.bin_dir[0])
            _log.info("%s is %s", shim.path, "installed" if shim.install() else "up to date")
        except ValueError as error:
            _log.error("%s", error)  # no internal error, so without a traceback
            return exit_status.MISUSED
        except OSError as error:
            _log.error("%s", shim_binary.install_problem(error))  # as above
            return exit_status.FAILED
        return exit_status.OK


if __name__ == "__main__":
    sys.exit(main())

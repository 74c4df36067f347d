"""The program netattach-install-shim: copies the shim into the node's directory of CNI plugins, and ends.

It runs as an init container of the daemon's pod, with this directory and nothing else of the node.
"""

from __future__ import annotations

import sys

from netattach_kube import exit_status
from netattach_plugin.node import shim_binary
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.settings import from_environment

_NAME = "netattach-install-shim"


def main() -> int:
    """0 if the shim is installed, 1 if it cannot be, 2 for settings that cannot be read; messages go to standard error."""
    try:
        settings = from_environment()
        shim = ShimBinary(settings.shim, settings.bin_dir)
        print(f"{_NAME}: {shim.path} is {'installed' if shim.install() else 'up to date'}", file=sys.stderr)  # noqa: T201  # a program's only output
    except ValueError as error:
        print(f"{_NAME}: {error}", file=sys.stderr)  # noqa: T201  # as above
        return exit_status.MISUSED
    except OSError as error:
        print(f"{_NAME}: {shim_binary.install_problem(error)}", file=sys.stderr)  # noqa: T201  # as above
        return exit_status.FAILED
    return exit_status.OK


if __name__ == "__main__":
    sys.exit(main())

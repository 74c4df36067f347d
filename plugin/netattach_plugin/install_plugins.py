"""The program netattach-install-plugins: copies the reference CNI plugins that the node lacks into its directory, and ends.

It runs as an init container of the daemon's pod, with this directory and nothing else of the node. Its image is that of all
programs with the plugins in addition.
"""

from __future__ import annotations

import logging
import sys

from netattach_kube import one_shot
from netattach_plugin.files.ownership import owner_hint
from netattach_plugin.node import reference_plugins
from netattach_plugin.settings import from_environment

_log = logging.getLogger("netattach_plugin.install_plugins")


def main() -> int:
    """0 if no plugin is missing now, 1 if one cannot be installed, 2 for settings that cannot be read."""
    return one_shot.main("netattach-install-plugins", _install, _problem)


def _problem(error: OSError) -> str:
    return f"the reference plugins cannot be installed: {error}{owner_hint(error)}"


def _install() -> None:
    settings = from_environment()
    first, *others = settings.bin_dir
    done = list(reference_plugins.install(settings.plugins, first, others))
    installed = ", ".join(name for name, new in done if new) or "none"
    kept = ", ".join(name for name, new in done if not new) or "none"
    _log.info("installed in %s: %s; there already, and kept: %s", first, installed, kept)


if __name__ == "__main__":
    sys.exit(main())

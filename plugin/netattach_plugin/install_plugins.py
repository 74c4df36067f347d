"""The program netattach-install-plugins: copies the reference CNI plugins that the node lacks into its directory, and ends.

It runs as an init container of the daemon's pod, with this directory and nothing else of the node. Its image is that of all
programs with the plugins in addition.
"""

from __future__ import annotations

import sys

from netattach_kube import exit_status
from netattach_plugin.files.ownership import owner_hint
from netattach_plugin.node import reference_plugins
from netattach_plugin.settings import Settings, from_environment

_NAME = "netattach-install-plugins"


def main() -> int:
    """0 if no plugin is missing now, 1 if one cannot be installed, 2 for settings that cannot be read."""
    try:
        _install(from_environment())
    except ValueError as error:
        _say(str(error))
        return exit_status.MISUSED
    except OSError as error:
        _say(f"the reference plugins cannot be installed: {error}{owner_hint(error)}")
        return exit_status.FAILED
    return exit_status.OK


def _install(settings: Settings) -> None:
    first, *others = settings.bin_dir
    done = list(reference_plugins.install(settings.plugins, first, others))
    installed = ", ".join(name for name, new in done if new) or "none"
    kept = ", ".join(name for name, new in done if not new) or "none"
    _say(f"installed in {first}: {installed}; there already, and kept: {kept}")


def _say(text: str) -> None:
    print(f"{_NAME}: {text}", file=sys.stderr)  # noqa: T201  # a program's only output


if __name__ == "__main__":
    sys.exit(main())

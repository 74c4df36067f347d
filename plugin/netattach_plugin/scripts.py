"""The programs as `pip install` installs them, also without the extra `plugin`."""

from __future__ import annotations

from netattach_kube import launch

_EXTRA = "plugin"


def daemon() -> int:
    return launch.run("netattach-daemon", "netattach_plugin.__main__", _EXTRA)


def dhcp() -> int:
    return launch.run("netattach-dhcp", "netattach_plugin.supervise_dhcp", _EXTRA)


def install_plugins() -> int:
    return launch.run("netattach-install-plugins", "netattach_plugin.install_plugins", _EXTRA)


def install_shim() -> int:
    return launch.run("netattach-install-shim", "netattach_plugin.install_shim", _EXTRA)

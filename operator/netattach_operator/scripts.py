"""The programs as `pip install` installs them, also without the extra `operator`."""

from __future__ import annotations

from netattach_kube import launch


def operator() -> int:
    return launch.run("netattach-operator", "netattach_operator.__main__", "operator")


def verify() -> int:
    return launch.run("netattach-verify", "netattach_operator.verify", "operator")

"""The program as `pip install` installs it, also without the extra `webhooks`."""

from __future__ import annotations

from netattach_kube import launch


def webhooks() -> int:
    return launch.run("netattach-webhooks", "netattach_webhooks.__main__", "webhooks")

"""The program netattach-dhcp: runs the node's dhcp daemon in a container of its own, until SIGTERM."""

from __future__ import annotations

import asyncio
import sys

from netattach_kube import program
from netattach_plugin.node.dhcp_supervisor import DhcpSupervisor
from netattach_plugin.node.plugin_directories import PluginDirectories
from netattach_plugin.settings import Settings, from_environment


def main() -> int:
    """0 when stopped by SIGTERM or SIGINT, 2 for settings that cannot be read."""
    return program.main("netattach-dhcp", from_environment, _serve)


async def _serve(settings: Settings, stop: asyncio.Event) -> int:
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(DhcpSupervisor(settings.dhcp, PluginDirectories(settings.bin_dir)).run())
        await stop.wait()
        running.cancel()
    return program.OK


if __name__ == "__main__":
    sys.exit(main())

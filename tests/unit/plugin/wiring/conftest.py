"""The whole daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from netattach_kube import watched
from netattach_plugin.cluster import event_queue, settings_file
from netattach_plugin.node import installer, inventory_publisher
from netattach_plugin.wiring import cluster, shared
from support import api_server
from support.daemon_node import DaemonNode, EmptyPods
from support.twins_of_links import FakeLinks

PATIENCE = 60.0
"""Seconds for a whole story, on a machine with much other work."""

Story = Callable[[DaemonNode], Coroutine[Any, Any, None]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., DaemonNode]:
    """Runs a story with a daemon, then stops the daemon, which has to end by itself; returns the node."""
    monkeypatch.setattr(shared, "NetlinkLinks", lambda: FakeLinks(EmptyPods()))
    monkeypatch.setattr(installer, "_INTERVAL", 0.02)
    monkeypatch.setattr(settings_file, "_EVERY", 0.02)
    monkeypatch.setattr(inventory_publisher, "_FIRST_PAUSE", 0.02)
    monkeypatch.setattr(inventory_publisher, "_COUNTS_INTERVAL", 3600.0)  # tests count requests
    monkeypatch.setattr(event_queue, "_QUIET", 0.0)
    monkeypatch.setattr(watched, "_LONGEST_PAUSE", 0.25)

    async def serve(story: Story, *, away: bool, config: str) -> DaemonNode:
        async with api_server.serving() as server, asyncio.timeout(PATIENCE):
            node, stop = DaemonNode(server, tmp_path), asyncio.Event()
            node.settings.config.write_text(config)
            server.away = away
            async with asyncio.TaskGroup() as tasks:
                daemon = tasks.create_task(cluster.serve(node.settings, stop))
                if not away:
                    await node.ready()
                await story(node)
                stop.set()
                await daemon
            return node

    return lambda story, away=False, config="": asyncio.run(serve(story, away=away, config=config))

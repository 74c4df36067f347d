"""Directories of plugins that only the runtime names, in the inventory that the daemon publishes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from netattach_kube.resource import INVENTORIES
from support.daemon_node import PLAIN, DaemonNode


def _inventory(node: DaemonNode) -> dict[str, Any]:
    status: dict[str, Any] = node.server.read(INVENTORIES, "node1")["status"]
    return status


def test_a_directory_that_a_call_names_is_published(run: Callable[..., DaemonNode], tmp_path: Path) -> None:
    """With its plugins, also those that are installed later; what cannot be seen is named as unseen."""
    more = tmp_path / "more"
    more.mkdir()

    def _install(name: str) -> None:
        (more / name).write_text('#!/bin/sh\necho \'{"supportedVersions": ["1.1.0"]}\'\n')
        (more / name).chmod(0o755)

    async def story(node: DaemonNode) -> None:
        _install("vlan")
        assert "unseenPluginDirectories" not in _inventory(node)

        await node.call(
            "ADD", node.create_pod("p", PLAIN), PLAIN, more={"CNI_PATH": f"/not/mounted:{node.bin}:{more}"}
        )

        await node.server.until(
            lambda: _inventory(node)["plugins"] == [{"name": "vlan", "versions": ["1.1.0"]}]
        )
        assert ["/not/mounted"] == _inventory(node)["unseenPluginDirectories"]
        _install("ipvlan")
        await node.server.until(lambda: len(_inventory(node)["plugins"]) == 2)

    run(story)

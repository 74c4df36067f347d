"""A runtime with several directories of plugins, as CRI-O: what is in which of them, for the daemon and for the shim alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths
from support.node import CnitoolNode

PROGRAM = {
    "cniVersion": "1.0.0",
    "name": "program",
    "type": "macvlan",
    "master": "eth1",
    "no-driver-knows": "this",
    "ipam": {"type": "static", "addresses": [{"address": "10.0.3.77/24"}]},
}


@pytest.fixture
def node(places: NodePaths, tmp_path: Path, cnitool: Path) -> Iterator[CnitoolNode]:
    """The plugins of the default network and the shim are in the first directory, macvlan and static in another one."""
    with demo_node.build(NodePaths(tmp_path / "stage", places.plugins, places.shim)) as built:
        other = tmp_path / "other"
        other.mkdir()
        for name in ("macvlan", "static"):
            (built.paths.bin_dir / name).rename(other / name)
        yield CnitoolNode(built, cnitool, more_plugins=other)


def _plugins(built: DemoNode) -> dict[str, Any]:
    return {each["name"]: each["versions"] for each in _inventory(built)["plugins"]}


def _inventory(built: DemoNode) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(built.inventory.read_text())
    return body


def test_a_plugin_in_the_second_directory_is_run(node: CnitoolNode) -> None:
    node.create_nad("program", PROGRAM)
    with node.pod("program") as pod, node.stage.daemon():
        node.add(pod)
        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        assert ["10.0.3.77/24"] == node.addresses(pod, "net1")
        node.delete(pod)
        assert ["lo"] == node.link_names(pod)


def test_the_shim_alone_finds_it_too(node: CnitoolNode) -> None:
    """A default network whose plugins are in two directories, and the DEL of secondary networks without a daemon."""
    (node.stage.paths.conf_dir / "10-default.conflist").write_text(
        json.dumps({"cniVersion": "1.0.0", "name": "two", "plugins": [{**PROGRAM, "name": "two"}]})
    )
    node.create_nad("program", {**PROGRAM, "ipam": {}})
    with node.pod() as plain, node.pod("program") as pod:
        with node.stage.daemon():
            node.add(pod)
        node.add(plain)
        assert ["lo", "eth0"] == node.link_names(plain)
        assert 1 == len(node.records())

        node.delete(plain)
        node.delete(pod)

        assert [["lo"], ["lo"]] == [node.link_names(plain), node.link_names(pod)]


def test_the_configured_directories_are_in_the_inventory(
    node: CnitoolNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = node.stage.paths.bin_dir, node.more_plugins
    environment = node.stage.daemon_environment()
    monkeypatch.setattr(
        node.stage, "daemon_environment", lambda: {**environment, "NETATTACH_BIN_DIR": f"{first}:{second}"}
    )
    with node.stage.daemon():
        found = _plugins(node.stage)

    assert "1.0.0" in found["macvlan"]
    assert "1.0.0" in found["bridge"]

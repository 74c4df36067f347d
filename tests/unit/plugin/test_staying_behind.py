"""Our place at the end of the primary's chain, after an uninstallation: when it is taken, and when it is given up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from netattach_core.attachment import Attachment
from netattach_core.sandbox import Phase, Sandbox
from netattach_plugin import leaving
from netattach_plugin.conf_dir import ConfDir
from netattach_plugin.install import Installer
from netattach_plugin.ledger import FileLedger

PRIMARY = '{"cniVersion": "0.4.0", "name": "cbr0", "plugins": [{"type": "bridge"}]}'


class Node:
    """The directories of a node."""

    def __init__(self, root: Path) -> None:
        self.conf = root / "net.d"
        for folder in (self.conf, root / "bin"):
            folder.mkdir()
        (root / "shim").write_bytes(b"the shim")
        self.networks = ConfDir(self.conf)
        self.installer = self._installer()

    def _installer(self) -> Installer:
        root = self.conf.parent
        return Installer(shim=root / "shim", bin_dir=root / "bin", conf_dir=self.conf, networks=self.networks)

    def comes_back(self) -> None:
        self._installer().look()

    def install(self, name: str = "10-a.conflist", text: str = PRIMARY) -> None:
        (self.conf / name).write_text(text)
        self.installer.look()
        assert self.installer.problem is None

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.conf)) for path in self.conf.rglob("*") if path.is_file())


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_our_place_is_taken_where_pods_hold_more(node: Node) -> None:
    """It says itself where it lies, so that the shim can remove it."""
    node.install()

    node.installer.remove(needed=True)

    assert ["10-a.conflist", "cbr0/netattach.conf"] == node.files()
    place = node.conf / "cbr0/netattach.conf"
    assert {"type": "netattach", "uninstalled": str(place)} == json.loads(place.read_text())


def test_nothing_stays_where_none_does(node: Node) -> None:
    node.install()

    node.installer.remove()

    assert ["10-a.conflist"] == node.files()


def test_a_single_plugins_file_is_not_chained(node: Node) -> None:
    """Runtimes chain directories to conflists only."""
    node.install("10-a.conf", '{"cniVersion": "0.4.0", "name": "cbr0", "type": "bridge"}')

    node.installer.remove(needed=True)

    assert ["10-a.conf"] == node.files()


def test_a_directory_that_cannot_be_made_hinders_no_removal(node: Node) -> None:
    """Pods have to start."""
    node.install()
    (node.conf / "cbr0").write_text("in the way")

    node.installer.remove(needed=True)

    assert ["10-a.conflist", "cbr0"] == node.files()


@pytest.mark.parametrize("beside", [[], ["other.conf"]], ids=["alone", "beside another's"])
def test_installed_again_it_is_given_up(node: Node, beside: list[str]) -> None:
    """And is never part of the default network that we call ourselves."""
    node.install()
    node.installer.remove(needed=True)
    for name in beside:
        (node.conf / "cbr0" / name).write_text('{"type":"tuning"}')
    assert "uninstalled" not in node.networks.primary().conf_text

    node.comes_back()

    assert ["00-netattach.conflist", "10-a.conflist", *(f"cbr0/{name}" for name in beside)] == node.files()
    assert bool(beside) is (node.conf / "cbr0").exists()


@pytest.mark.parametrize("networks", [1, 2])
def test_whether_pods_hold_more(tmp_path: Path, networks: int) -> None:
    """Than the default network, which a runtime frees by itself; an entry that cannot be read says nothing."""
    ledger = FileLedger(tmp_path)
    (tmp_path / "c0.json").write_text("{")
    attachments = tuple(Attachment("n", f"net{n}", PRIMARY, "n") for n in range(networks))
    asyncio.run(ledger.save(Sandbox("c1", "/n", None, Phase.ADDED, attachments)))

    assert (networks > 1) is asyncio.run(leaving.holds_more(ledger))

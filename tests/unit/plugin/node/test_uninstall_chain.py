"""Our places at the end of the primary's chain, after an uninstallation: when they are taken, and when they are given up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni import netattach_conf
from netattach_core.shim import compiled_chain
from netattach_plugin.files import atomic_file
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.installer import Installer
from netattach_plugin.node.primary_compiler import PrimaryCompiler
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.state import handover
from netattach_plugin.state.ledger import FileLedger

PRIMARY = '{"cniVersion": "0.4.0", "name": "cbr0", "plugins": [{"type": "bridge", "mtu": 1500.0}]}'
SINGLE = '{"cniVersion": "0.3.1", "name": "cbr0", "type": "bridge"}'
OTHERS = '{"cniVersion": "0.4.0", "name": "other", "plugins": [{"type": "ptp"}]}'
MULTUS = '{"cniVersion": "0.4.0", "name": "m", "type": "multus-shim"}'
STAND_IN = "00-multus.conflist-netattach.conflist"


class Node:
    """The directories of a node."""

    def __init__(self, root: Path) -> None:
        self.conf, self.ledger = root / "net.d", root / "ledger"
        for folder in (self.conf, root / "bin"):
            folder.mkdir()
        (root / "shim").write_bytes(b"the shim")
        self.networks = CniConfDir(self.conf)
        self.stand_in, self.note = self.conf / STAND_IN, self.ledger / "chains/stand-in"
        self.installer = self._installer()

    def _installer(self) -> Installer:
        root = self.conf.parent
        return Installer(
            shim=root / "shim",
            bin_dir=root / "bin",
            conf_dir=self.conf,
            networks=self.networks,
            behind=UninstallChain(self.conf, self.ledger / "chains"),
        )

    def comes_back(self) -> None:
        installer = self._installer()
        installer.look()
        assert installer.problem is None

    def install(self, name: str = "10-a.conflist", text: str = PRIMARY) -> None:
        (self.conf / name).write_text(text)
        self.installer.look()
        assert self.installer.problem is None

    def leave(self) -> None:
        """Pods run on that hold more than the default network."""
        self.installer.remove(needed=True)

    def files(self) -> list[str]:
        return sorted(str(path.relative_to(self.conf)) for path in self.conf.rglob("*") if path.is_file())


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_our_places_are_taken_where_pods_hold_more(node: Node) -> None:
    """What stands in them is a mark, and no path: the shim finds them by its note."""
    node.install()

    node.leave()

    assert [STAND_IN, "10-a.conflist", "cbr0/netattach.conf"] == node.files()
    place = node.conf / "cbr0/netattach.conf"
    ours = {"type": "netattach", "uninstalled": True}
    assert ours == json.loads(place.read_text())
    assert {
        "cniVersion": "0.4.0",
        "name": "cbr0",
        "plugins": [{"type": "bridge", "mtu": 1500}, ours],
    } == json.loads(node.stand_in.read_text())
    assert PRIMARY == (node.conf / "10-a.conflist").read_text()


def test_the_stand_in_keeps_the_primarys_bytes(node: Node) -> None:
    """Numbers, order and spaces: its plugins are told what they would be told without us."""
    node.install()

    node.leave()

    assert node.stand_in.read_text().startswith(PRIMARY.removesuffix("]}") + ", {")


def test_nothing_stays_where_none_does(node: Node) -> None:
    node.install()

    node.installer.remove()

    assert ["10-a.conflist"] == node.files()
    assert not node.note.exists()


@pytest.mark.parametrize("name", ["10-a.conf", "10-a.json"])
def test_a_single_plugins_file_has_a_stand_in_alone(node: Node, name: str) -> None:
    """As libcni makes a list of it; runtimes chain directories to conflists only, and so not to the copy either."""
    node.install(name, SINGLE)

    node.leave()

    assert [STAND_IN, name] == node.files()
    assert {
        "cniVersion": "0.3.1",
        "name": "cbr0",
        "loadOnlyInlinedPlugins": True,
        "plugins": [
            json.loads(SINGLE),
            {"type": "netattach", "uninstalled": True},
        ],
    } == json.loads(node.stand_in.read_text())


@pytest.mark.parametrize("version", ["", '"cniVersion": "0.1.0", ', '"cniVersion": "0.2.0", '])
def test_nothing_stays_behind_plugins_that_know_no_earlier_result(node: Node, version: str) -> None:
    """We would have none to pass on, and new pods would not start."""
    node.install("10-a.conf", f'{{{version}"name": "cbr0", "type": "bridge"}}')

    node.leave()

    assert ["10-a.conf"] == node.files()


def test_a_directory_that_cannot_be_made_hinders_no_removal(node: Node) -> None:
    """Pods have to start."""
    node.install()
    (node.conf / "cbr0").write_text("in the way")

    node.leave()

    assert [STAND_IN, "10-a.conflist", "cbr0"] == node.files()


def test_a_disk_that_takes_no_file_hinders_no_removal(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    node.install()

    def refuse(path: Path, *_: object) -> bool:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(atomic_file, "write", refuse)
    node.leave()

    assert ["10-a.conflist"] == node.files()


def test_the_stand_in_is_of_the_network_that_the_runtime_takes_next(node: Node) -> None:
    """Whichever the settings name: the runtime does not know them. A broken one is passed over, as it is by the runtime."""
    (node.conf / "05-broken.conflist").write_bytes(b"\xff")
    (node.conf / "10-a.conflist").write_text(OTHERS)
    node.networks = CniConfDir(node.conf, lambda: "cbr0")
    node.installer = node._installer()
    node.install("20-b.conflist")

    node.leave()

    assert "other" == json.loads(node.stand_in.read_text())["name"]
    assert "other/netattach.conf" in node.files()


@pytest.mark.parametrize("name", ["00-a.conflist", "00-multus.conf", "05-multus.conf"])
def test_no_stand_in_where_the_runtime_takes_another_first(node: Node, name: str) -> None:
    """A meta-plugin that stood behind us gets the node, and frees them by what it was handed; before ours none is of use."""
    node.install()
    (node.conf / name).write_text(MULTUS if "multus" in name else OTHERS)

    node.leave()

    assert [name, "10-a.conflist"] == node.files()


def test_the_stand_in_is_no_default_network(node: Node) -> None:
    """Neither whole nor spoilt, neither by its place nor by its names."""
    node.install()
    node.leave()
    for text in (node.stand_in.read_text(), "{"):
        node.stand_in.write_text(text)

        assert "10-a.conflist" == Path(node.networks.primary().file).name
        assert None is node.networks.by_file(STAND_IN)
        assert ["10-a.conflist"] == [each.file for each in node.networks.files()]
        named = node.networks.by_name("cbr0")
        assert named is not None
        assert "10-a.conflist" == Path(named.file).name


def test_what_it_was_made_from_is_noted_for_the_shim(node: Node) -> None:
    """Itself too, all as it stands in the files; a compiled chain like those that the shim runs.

    By its directory and its network the shim finds what it removes, so nobody else may write it.
    """
    node.install()
    (node.conf / "05-broken.conflist").write_text("{")
    node.leave()

    noted = compiled_chain.parse(node.note.read_bytes())
    source = noted.source

    assert source is not None
    assert ("cbr0", 0o600) == (noted.steps[0].network, node.note.stat().st_mode & 0o777)
    assert (str(node.conf), "00-netattach.conflist", True, "") == (
        source.directory,
        source.own,
        source.first,
        source.absent,
    )
    files = [(name, (node.conf / name).read_bytes()) for name, _ in source.files]
    assert files == list(source.files)
    assert [STAND_IN, "05-broken.conflist", "10-a.conflist"] == [name for name, _ in files]


@pytest.mark.parametrize("beside", [[], ["other.conf"]], ids=["alone", "beside another's"])
@pytest.mark.parametrize("spoilt", ["", "{"], ids=["whole", "spoilt"])
def test_installed_again_they_are_given_up(node: Node, beside: list[str], spoilt: str) -> None:
    """And are never part of the default network that we call ourselves."""
    node.install()
    node.leave()
    node.stand_in.write_text(spoilt or node.stand_in.read_text())
    for name in beside:
        (node.conf / "cbr0" / name).write_text('{"type":"tuning"}')
    assert "uninstalled" not in node.networks.primary().config_text

    node.comes_back()

    assert ["00-netattach.conflist", "10-a.conflist", *(f"cbr0/{name}" for name in beside)] == node.files()
    assert bool(beside) is (node.conf / "cbr0").exists()
    assert not node.note.exists()


def test_our_conf_is_there_before_the_stand_in_goes(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between them a pod would get the default network alone, and its DEL would find nobody."""
    node.install()
    node.leave()
    seen: list[list[str]] = []
    monkeypatch.setattr(UninstallChain, "give_up", lambda _: seen.append(node.files()))

    node._installer().look()

    assert [["00-multus.conflist-netattach.conflist", "00-netattach.conflist"]] == [each[:2] for each in seen]


def test_while_it_lies_there_the_compiled_primary_does_not_count_it(node: Node) -> None:
    """It is ours, and goes."""
    node.install()
    node.leave()

    PrimaryCompiler(ledger=node.ledger, conf_dir=node.conf, networks=node.networks, deadline=1).look()

    source = compiled_chain.parse((node.ledger / "chains/primary").read_bytes()).source
    assert source is not None
    assert ["10-a.conflist"] == [name for name, _ in source.files]


def test_its_name_comes_before_ours_and_behind_multus() -> None:
    """And ends as runtimes want a list to end."""
    assert netattach_conf.UNINSTALL_FILE_NAME == STAND_IN
    assert [
        "00-multus.conf",
        "00-multus.conflist",
        STAND_IN,
        netattach_conf.FILE_NAME,
        "05-a.conflist",
    ] == sorted(["05-a.conflist", netattach_conf.FILE_NAME, STAND_IN, "00-multus.conflist", "00-multus.conf"])


@pytest.mark.parametrize("networks", [1, 2])
def test_whether_pods_hold_more(tmp_path: Path, networks: int) -> None:
    """Than the default network, which a runtime frees by itself; an entry that cannot be read says nothing."""
    ledger = FileLedger(tmp_path)
    (tmp_path / "c0.json").write_text("{")
    attachments = tuple(Attachment("n", f"net{n}", PRIMARY, "n") for n in range(networks))
    asyncio.run(ledger.save(Sandbox("c1", "/n", None, Phase.ADDED, attachments)))

    assert (networks > 1) is asyncio.run(handover.holds_more(ledger))

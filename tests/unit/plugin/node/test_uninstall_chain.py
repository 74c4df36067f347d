"""The shim in the default network's chain after an uninstall: when it is appended, and when it is removed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netattach_core.cni import netattach_conf
from netattach_core.shim import compiled_chain
from netattach_plugin.files import atomic_file
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.primary_compiler import PrimaryCompiler
from netattach_plugin.node.uninstall_chain import UninstallChain
from support.node_directories import DEFAULT_NETWORK, NodeDirectories

SINGLE_PLUGIN = '{"cniVersion": "0.3.1", "name": "cbr0", "type": "bridge"}'
OTHER_NETWORK = '{"cniVersion": "0.4.0", "name": "other", "plugins": [{"type": "ptp"}]}'
MULTUS = '{"cniVersion": "0.4.0", "name": "m", "type": "multus-shim"}'
COPY = "00-multus.conflist-netattach.conflist"
PLUGIN = {"type": "netattach", "uninstalled": True}


@pytest.fixture
def node(tmp_path: Path) -> NodeDirectories:
    return NodeDirectories(tmp_path)


@pytest.fixture
def copy(node: NodeDirectories) -> Path:
    return node.config / COPY


@pytest.fixture
def sources(node: NodeDirectories) -> Path:
    return ShimFiles(node.ledger).stand_in


def test_the_shim_is_appended_while_pods_have_secondary_networks(node: NodeDirectories, copy: Path) -> None:
    """By a mark without paths: the shim finds the files by the sources."""
    node.install()

    node.uninstall()

    assert [COPY, "10-a.conflist", "cbr0/netattach.conf"] == node.files()
    assert PLUGIN == json.loads((node.config / "cbr0/netattach.conf").read_text())
    assert {
        "cniVersion": "0.4.0",
        "name": "cbr0",
        "plugins": [{"type": "bridge", "mtu": 1500}, PLUGIN],
    } == json.loads(copy.read_text())
    assert DEFAULT_NETWORK == (node.config / "10-a.conflist").read_text()


def test_the_copy_keeps_the_default_networks_bytes(node: NodeDirectories, copy: Path) -> None:
    """Numbers, order and spaces: its plugins get the same configuration as without netattach."""
    node.install()

    node.uninstall()

    assert copy.read_text().startswith(DEFAULT_NETWORK.removesuffix("]}") + ", {")


def test_without_secondary_networks_nothing_is_appended(node: NodeDirectories, sources: Path) -> None:
    node.install()

    node.uninstaller.uninstall()

    assert ["10-a.conflist"] == node.files()
    assert not sources.exists()


@pytest.mark.parametrize("name", ["10-a.conf", "10-a.json"])
def test_a_single_plugins_config_has_a_copy_alone(node: NodeDirectories, copy: Path, name: str) -> None:
    """Converted as libcni does. libcni appends plugins from directories to conflists only, so not to this copy either."""
    node.install(name, SINGLE_PLUGIN)

    node.uninstall()

    assert [COPY, name] == node.files()
    assert {
        "cniVersion": "0.3.1",
        "name": "cbr0",
        "loadOnlyInlinedPlugins": True,
        "plugins": [json.loads(SINGLE_PLUGIN), PLUGIN],
    } == json.loads(copy.read_text())


@pytest.mark.parametrize("version", ["", '"cniVersion": "0.1.0", ', '"cniVersion": "0.2.0", '])
def test_nothing_is_appended_in_a_version_without_prev_result(node: NodeDirectories, version: str) -> None:
    """The shim would have no result to pass on, and new pods would not start."""
    node.install("10-a.conf", f'{{{version}"name": "cbr0", "type": "bridge"}}')

    node.uninstall()

    assert ["10-a.conf"] == node.files()


def test_a_directory_that_cannot_be_created_does_not_prevent_the_uninstallation(
    node: NodeDirectories,
) -> None:
    """Pods have to start."""
    node.install()
    (node.config / "cbr0").write_text("a file with the directory's name")

    node.uninstall()

    assert [COPY, "10-a.conflist", "cbr0"] == node.files()


def test_a_full_disk_does_not_prevent_the_uninstallation(
    node: NodeDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.install()

    def refuse(path: Path, *_: object) -> bool:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(atomic_file, "write_if_changed", refuse)
    node.uninstall()

    assert ["10-a.conflist"] == node.files()


def test_the_copy_is_of_the_network_that_the_runtime_will_use(node: NodeDirectories, copy: Path) -> None:
    """Whatever the settings say, which the runtime does not read. It skips a broken file, and so does the copy."""
    (node.config / "05-broken.conflist").write_bytes(b"\xff")
    (node.config / "10-a.conflist").write_text(OTHER_NETWORK)
    node.networks = CniConfDir(node.config, lambda: "cbr0")
    node.installer = node.new_installer()
    node.install("20-b.conflist")

    node.uninstall()

    assert "other" == json.loads(copy.read_text())["name"]
    assert "other/netattach.conf" in node.files()


@pytest.mark.parametrize("name", ["00-a.conflist", "00-multus.conf", "05-multus.conf"])
def test_nothing_is_appended_where_the_runtime_uses_another_file_first(
    node: NodeDirectories, name: str
) -> None:
    """A meta-plugin releases the pods by the exported caches; a copy after another network would not be used."""
    node.install()
    (node.config / name).write_text(MULTUS if "multus" in name else OTHER_NETWORK)

    node.uninstall()

    assert [name, "10-a.conflist"] == node.files()


def test_the_copy_is_never_the_default_network(node: NodeDirectories, copy: Path) -> None:
    """Neither complete nor damaged, neither by its position nor by its names."""
    node.install()
    node.uninstall()
    for text in (copy.read_text(), "{"):
        copy.write_text(text)

        assert "10-a.conflist" == Path(node.networks.default_network().file).name
        assert None is node.networks.by_file(COPY)
        assert ["10-a.conflist"] == [each.file for each in node.networks.files()]
        by_name = node.networks.by_name("cbr0")
        assert by_name is not None
        assert "10-a.conflist" == Path(by_name.file).name


def test_the_sources_are_written_for_the_shim(node: NodeDirectories, sources: Path) -> None:
    """With the copy itself, all as on disk, in the form of a compiled chain.

    Its directory and network tell the shim what to remove, so nobody else may write it.
    """
    node.install()
    (node.config / "05-broken.conflist").write_text("{")
    node.uninstall()

    chain = compiled_chain.parse(sources.read_bytes())
    source = chain.source

    assert source is not None
    assert ("cbr0", 0o600) == (chain.steps[0].network, sources.stat().st_mode & 0o777)
    assert (str(node.config), "00-netattach.conflist", True, "") == (
        source.directory,
        source.own,
        source.first,
        source.absent,
    )
    files = [(name, (node.config / name).read_bytes()) for name, _ in source.files]
    assert files == list(source.files)
    assert [COPY, "05-broken.conflist", "10-a.conflist"] == [name for name, _ in files]


@pytest.mark.parametrize("others", [[], ["other.conf"]], ids=["no other file", "another plugin's file"])
@pytest.mark.parametrize("damage", ["", "{"], ids=["complete", "damaged"])
def test_a_new_installation_removes_all_of_it(
    node: NodeDirectories, copy: Path, sources: Path, others: list[str], damage: str
) -> None:
    """Until then none of it is part of the default network that netattach runs."""
    node.install()
    node.uninstall()
    copy.write_text(damage or copy.read_text())
    for name in others:
        (node.config / "cbr0" / name).write_text('{"type":"tuning"}')
    assert "uninstalled" not in node.networks.default_network().config_text

    node.reinstall()

    assert ["00-netattach.conflist", "10-a.conflist", *(f"cbr0/{name}" for name in others)] == node.files()
    assert bool(others) is (node.config / "cbr0").exists()
    assert not sources.exists()


def test_the_conflist_is_written_before_the_copy_is_removed(
    node: NodeDirectories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a pod could get the default network alone, and no DEL would reach the shim."""
    node.install()
    node.uninstall()
    seen: list[list[str]] = []
    monkeypatch.setattr(UninstallChain, "remove", lambda _: seen.append(node.files()))

    node.new_installer().install()

    assert [[COPY, "00-netattach.conflist"]] == [each[:2] for each in seen]


def test_the_compiled_default_network_does_not_depend_on_the_copy(node: NodeDirectories) -> None:
    """The copy will be removed."""
    node.install()
    node.uninstall()

    PrimaryCompiler(ledger=node.ledger, conf_dir=node.config, networks=node.networks, deadline=1).compile()

    source = compiled_chain.parse(ShimFiles(node.ledger).primary.read_bytes()).source
    assert source is not None
    assert ["10-a.conflist"] == [name for name, _ in source.files]


def test_the_copys_name_is_after_multus_and_before_netattachs() -> None:
    """With the suffix of a conflist."""
    assert netattach_conf.UNINSTALL_FILE_NAME == COPY
    assert [
        "00-multus.conf",
        "00-multus.conflist",
        COPY,
        netattach_conf.FILE_NAME,
        "05-a.conflist",
    ] == sorted(["05-a.conflist", netattach_conf.FILE_NAME, COPY, "00-multus.conflist", "00-multus.conf"])

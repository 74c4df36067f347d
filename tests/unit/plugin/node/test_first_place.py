"""Next to Multus: whose file is the runtime's first one, at each moment of a takeover and of the way back."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.cni import netattach_conf
from netattach_core.shim import compiled_chain
from netattach_plugin.files import atomic_file
from netattach_plugin.files.shim_files import ShimFiles
from netattach_plugin.node import first_place
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.first_place import FirstPlace
from netattach_plugin.node.installer import Installer
from netattach_plugin.node.own_conflist import OwnConflist
from netattach_plugin.node.primary_compiler import PrimaryCompiler
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.node.uninstaller import Uninstaller
from support.file_deaths import dies_before
from support.node_directories import DEFAULT_NETWORK, NodeDirectories

MULTUS = {
    "type": "multus-shim",
    "name": "multus-cni-network",
    "clusterNetwork": "/host/etc/cni/net.d/10-a.conflist",
}
OURS, TAKEN = "00-netattach.conflist", "00-multus-netattach.json"


class NodeWithMultus(NodeDirectories):
    """A node with a default network, on which Multus may be installed; `takeover` and `selection` are netattach's settings."""

    def __init__(self, root: Path) -> None:
        self.takeover, self.selection = False, SelectionSettings()
        super().__init__(root)
        self.networks = CniConfDir(self.config, lambda: self.selection.primary)
        (self.config / "10-a.conflist").write_text(DEFAULT_NETWORK)
        self.restart()

    def restart(self) -> None:
        """Of netattach's daemon."""
        self.compiler = PrimaryCompiler(
            ledger=self.ledger, conf_dir=self.config, networks=self.networks, deadline=1
        )
        self.installer = Installer(
            shim=self.shim_binary,
            conflist=OwnConflist(self.config, clock=lambda: self.now),
            networks=self.networks,
            uninstall_chain=UninstallChain(self.config, self.ledger),
            first_place=FirstPlace(
                self.config, self.ledger, lambda: self.takeover, lambda: self.selection, lambda: self.now
            ),
            compile_default_network=self.compiler.compile,
        )

    def multus(self, name: str = "00-multus.conf", keys: Mapping[str, object] | None = None) -> None:
        (self.config / name).write_text(json.dumps({**MULTUS, **(keys or {})}))

    def problem(self, *, takeover: bool | None = None) -> str:
        """Of the daemon's next look at the directory."""
        self.takeover = self.takeover if takeover is None else takeover
        self.installer.install()
        return self.installer.problem or ""

    def first(self) -> str:
        """The file that the runtime uses."""
        return next(name for name in self.files() if name.endswith(netattach_conf.SUFFIXES))


@pytest.fixture
def node(tmp_path: Path) -> NodeWithMultus:
    return NodeWithMultus(tmp_path)


def test_multus_keeps_the_first_place_by_default(node: NodeWithMultus) -> None:
    """For somebody who installs netattach next to Multus by mistake: nothing changes on the node, and the daemon is not ready."""
    node.multus()

    assert "set takeover: auto" in node.problem()
    assert ["00-multus.conf", "10-a.conflist"] == node.files()


def test_a_directory_with_the_name_of_our_other_file_takes_no_place(node: NodeWithMultus) -> None:
    (node.config / TAKEN).mkdir()  # runtimes skip it
    node.multus()
    assert "set takeover: auto" in node.problem()

    (node.config / "00-multus.conf").unlink()
    node.now += first_place.RESTART
    assert "" == node.problem()
    assert (node.config / OURS).is_file()


def test_a_multus_that_restarts_keeps_the_first_place(node: NodeWithMultus) -> None:
    """Its config is gone meanwhile, and it would delegate to one of ours. A Multus that is gone for good is replaced."""
    node.multus()
    node.problem()
    (node.config / "00-multus.conf").unlink()
    node.now += first_place.RESTART - 1
    assert "may be restarting" in node.problem()
    node.multus()
    assert "Multus serves this node" in node.problem()
    (node.config / "00-multus.conf").unlink()
    node.now += first_place.RESTART - 1
    assert "may be restarting" in node.problem()
    assert ["10-a.conflist"] == node.files()

    node.now += 1
    assert "" == node.problem()
    assert [OURS, "10-a.conflist"] == node.files()


def test_a_multus_that_restarts_with_the_node_keeps_the_first_place(node: NodeWithMultus) -> None:
    """It has removed its config when it was stopped, and netattach's daemon may be started before it."""
    node.multus()
    node.problem()
    (node.config / "00-multus.conf").unlink()
    node.now = 0.0
    node.restart()
    assert "may be restarting" in node.problem()
    node.now += first_place.RESTART - 1
    assert "may be restarting" in node.problem()
    assert ["10-a.conflist"] == node.files()

    node.now += 1
    assert "" == node.problem()
    (node.config / OURS).unlink()
    node.restart()
    assert "" == node.problem()


def test_nothing_is_written_while_multus_serves_the_node(node: NodeWithMultus) -> None:
    """The daemon looks every two seconds."""
    node.multus()
    node.problem()
    (mark,) = node.ledger.iterdir()
    os.utime(mark, (0, 0))
    node.problem()

    assert 0 == mark.stat().st_mtime


def test_a_takeover_forgets_that_multus_served_the_node(node: NodeWithMultus) -> None:
    node.multus()
    node.problem()
    assert "" == node.problem(takeover=True)
    node.uninstaller.uninstall()
    (node.config / "00-multus.conf").unlink()
    node.restart()

    assert "" == node.problem(takeover=False)


def test_a_takeover_does_not_wait_for_a_restart_of_multus(node: NodeWithMultus) -> None:
    """Its config is gone: until ours is there, pods get the default network alone."""
    node.multus()
    node.problem()
    (node.config / "00-multus.conf").unlink()

    assert "" == node.problem(takeover=True)
    assert [TAKEN, "10-a.conflist"] == node.files()


def test_takeover_precedes_multus_and_leaves_its_file(node: NodeWithMultus) -> None:
    node.multus()
    before = (node.config / "00-multus.conf").read_bytes()

    assert "" == node.problem(takeover=True)
    assert [TAKEN, "00-multus.conf", "10-a.conflist"] == node.files()
    assert before == (node.config / "00-multus.conf").read_bytes()


def test_the_file_is_a_single_plugins_config(node: NodeWithMultus) -> None:
    """Runtimes read a list in `.conflist` alone."""
    node.problem(takeover=True)
    plugin = json.loads((node.config / TAKEN).read_text())

    assert ("netattach", "netattach", "0.4.0") == (plugin["type"], plugin["name"], plugin["cniVersion"])
    assert plugin["capabilities"]["io.kubernetes.cri.pod-annotations"] is True
    assert "plugins" not in plugin


@pytest.mark.parametrize("name", ["00-multus.conf", "00-multus.conflist"])
def test_the_name_precedes_multus_and_is_no_candidate_of_its_search(name: str) -> None:
    """Multus looks in `.conf` and `.conflist` alone (pkg/server/config/generator.go: findMasterPlugin)."""
    assert netattach_conf.TAKEOVER_FILE_NAME == TAKEN
    assert min(name, TAKEN) == TAKEN
    assert Path(TAKEN).suffix not in {".conf", ".conflist"}
    assert Path(TAKEN).suffix in netattach_conf.SUFFIXES


def test_a_place_that_was_taken_is_kept_until_an_uninstall(node: NodeWithMultus) -> None:
    """The setting may be back at its default, the daemon new, Multus' file written again with another default network."""
    node.multus()
    node.problem(takeover=True)
    node.multus(keys={"clusterNetwork": "/host/etc/cni/net.d/20-b.conflist", "namespaceIsolation": True})
    node.restart()

    assert "" == node.problem(takeover=False)
    assert TAKEN == node.first()


def test_after_multus_the_file_has_its_usual_name(node: NodeWithMultus) -> None:
    node.multus()
    node.problem(takeover=True)
    (node.config / "00-multus.conf").unlink()

    assert "" == node.problem()
    assert [TAKEN, "10-a.conflist"] == node.files()
    assert "" == node.problem(takeover=False)
    assert [OURS, "10-a.conflist"] == node.files()


def test_before_the_way_back_the_file_is_renamed(node: NodeWithMultus) -> None:
    """Multus, which comes later, would take `00-netattach.conflist` for the default network."""
    assert "" == node.problem()
    assert "" == node.problem(takeover=True)
    assert [TAKEN, "10-a.conflist"] == node.files()
    node.multus()

    assert "" == node.problem()
    assert TAKEN == node.first()


@pytest.mark.parametrize("multus", ["00-multus.conf", "00-multus.conflist"])
def test_an_uninstall_gives_the_place_back_to_multus(
    node: NodeWithMultus, caplog: pytest.LogCaptureFixture, multus: str
) -> None:
    """Without a file of ours before its: it releases our pods by what is handed over to its caches."""
    node.multus(multus)
    node.problem(takeover=True)
    Uninstaller(
        installer=node.installer,
        conf_dir=node.config,
        networks=node.networks,
        uninstall_chain=UninstallChain(node.config, node.ledger),
    ).uninstall(keep_shim_in_chain=True)

    assert [multus, "10-a.conflist"] == node.files()
    assert [] == [record.message for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


def test_an_uninstall_removes_both_names(node: NodeWithMultus) -> None:
    """A daemon may have been killed between writing the one and removing the other."""
    node.problem(takeover=True)
    (node.config / OURS).write_text("{}")
    node.uninstaller.uninstall()

    assert ["10-a.conflist"] == node.files()


@pytest.mark.parametrize("there", [OURS, TAKEN])
@pytest.mark.parametrize("takeover", [True, False], ids=["auto", "never"])
def test_a_daemon_killed_between_the_two_names_is_continued(
    node: NodeWithMultus, there: str, *, takeover: bool
) -> None:
    """Both names are there for a moment, never none."""
    (node.config / OURS).write_text("{}")
    (node.config / TAKEN).write_text("{}")
    (node.config / ({OURS, TAKEN} - {there}).pop()).unlink()
    node.restart()

    assert "" == node.problem(takeover=takeover)
    assert [TAKEN if takeover else OURS, "10-a.conflist"] == node.files()


def test_there_is_a_file_of_ours_at_each_moment(
    node: NodeWithMultus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen at each removal, in both directions, with Multus and without."""
    seen: list[set[str]] = []
    unlink = Path.unlink

    def watched(path: Path, *, missing_ok: bool = False) -> None:
        unlink(path, missing_ok=missing_ok)
        seen.append({OURS, TAKEN} & {each.name for each in node.config.iterdir()})

    node.problem()
    monkeypatch.setattr(Path, "unlink", watched)
    for _ in _switches(node):
        node.problem()

    assert len(seen) > 4
    assert set() not in seen


def _switches(node: NodeWithMultus) -> Iterator[None]:
    node.takeover = True
    yield
    node.multus()
    yield
    (node.config / "00-multus.conf").rename(node.config / "gone")
    yield
    node.takeover = False
    yield


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            {"clusterNetwork": "/host/etc/cni/net.d/20-b.conflist"},
            "Multus' default network is 20-b.conflist in {multus}, and netattach's would be 10-a.conflist; set primary",
        ),
        ({"clusterNetwork": "/host/run/multus/net.d"}, "Multus' default network is not named in {multus}"),
        ({"clusterNetwork": "", "delegates": [{"name": "other"}]}, "set primaryNetwork: other"),
        ({"namespaceIsolation": True}, "set {{namespaceIsolation: true}}"),
        ({"defaultNetworks": ["storage"]}, 'set {{defaultNetworks: ["storage"]}}'),
    ],
    ids=["another file", "a directory", "another network", "isolation", "default networks"],
)
def test_the_place_is_not_taken_where_pods_would_get_other_networks(
    node: NodeWithMultus, keys: dict[str, object], problem: str
) -> None:
    node.multus(keys=keys)

    assert problem.format(multus=node.config / "00-multus.conf") in node.problem(takeover=True)
    assert "00-multus.conf" == node.first()


@pytest.mark.parametrize(
    ("keys", "selection"),
    [
        ({"clusterNetwork": "", "delegates": [{"name": "cbr0"}]}, SelectionSettings()),
        ({"clusterNetwork": "cbr0"}, SelectionSettings()),
        ({"clusterNetwork": "/host/run/multus/net.d"}, SelectionSettings(primary="10-a.conflist")),
        ({"clusterNetwork": "/host/etc/cni/net.d/00-netattach.conflist"}, SelectionSettings()),
        ({"namespaceIsolation": True}, SelectionSettings(isolated=True)),
    ],
    ids=["thin", "by name", "the administrator's choice", "multus chose netattach", "isolation"],
)
def test_the_place_is_taken_where_pods_get_the_same(
    node: NodeWithMultus, keys: dict[str, object], selection: SelectionSettings
) -> None:
    node.selection = selection
    node.multus(keys=keys)

    assert "" == node.problem(takeover=True)
    assert TAKEN == node.first()


def test_multus_file_is_empty_for_a_moment(node: NodeWithMultus) -> None:
    """It truncates it before it writes it; then nobody knows whether its settings are ours, and the runtime skips it."""
    (node.config / "00-multus.conf").touch()

    assert "cannot be read" in node.problem(takeover=True)
    assert "10-a.conflist" == Path(node.networks.default_network().file).name
    node.multus()
    assert "" == node.problem()
    (node.config / "00-multus.conf").write_text("{")
    assert "" == node.problem()
    assert TAKEN == node.first()


def test_a_multus_that_came_later_and_precedes_is_reported(node: NodeWithMultus) -> None:
    """It may delegate to our file, so that one stays; with takeover it is in the first place again."""
    node.problem()
    node.multus(keys={"clusterNetwork": f"/host/etc/cni/net.d/{OURS}"})

    assert "00-multus.conf, which comes before 00-netattach.conflist" in node.problem()
    assert ["00-multus.conf", OURS, "10-a.conflist"] == node.files()
    assert "" == node.problem(takeover=True)
    assert [TAKEN, "00-multus.conf", "10-a.conflist"] == node.files()


def test_a_leftover_of_multus_that_the_runtime_does_not_use(node: NodeWithMultus) -> None:
    """Another file precedes it: it does not serve the node."""
    node.multus("99-multus.conf")

    assert "" == node.problem()
    assert [OURS, "10-a.conflist", "99-multus.conf"] == node.files()


def test_the_shims_compiled_default_network_leaves_out_the_file_that_is_there(node: NodeWithMultus) -> None:
    """Otherwise the shim would take ours for a new file that precedes the default network's, and always ask the daemon."""
    node.multus()
    node.problem(takeover=True)
    source = compiled_chain.parse(ShimFiles(node.ledger).primary.read_bytes()).source

    assert source is not None
    assert (TAKEN, ["00-multus.conf", "10-a.conflist"]) == (source.own, [name for name, _ in source.files])


def test_a_taken_place_that_another_program_contests(node: NodeWithMultus) -> None:
    """The file under its other name is lost like the usual one: repaired once, then left alone."""
    node.multus()
    node.problem(takeover=True)
    for _ in range(2):
        node.now += 2
        (node.config / TAKEN).rename(node.config / f"{TAKEN}.cilium_bak")
        node.installer.install()

    assert "cni.exclusive=false" in node.problem()
    assert "00-multus.conf" == node.first()
    node.uninstaller.uninstall()
    assert ["00-multus.conf", "10-a.conflist"] == node.files()


def test_a_change_of_the_setting_is_no_loss(node: NodeWithMultus) -> None:
    for takeover in (True, False) * 3:
        node.now += 2
        assert "" == node.problem(takeover=takeover)


@pytest.mark.parametrize("step", ["take", "rename", "give back"])
def test_a_daemon_killed_at_any_moment_leaves_a_meta_plugin_first(tmp_path: Path, step: str) -> None:
    """Before each of its file operations; the next daemon, or Multus, goes on from there."""
    for moment in itertools.count():
        node = _before(tmp_path / str(moment), step)
        died = dies_before(moment, lambda node=node: _do(node, step))  # type: ignore[misc]

        assert "10-a.conflist" != node.first(), moment
        if not died:
            break
        atomic_file.remove_leftovers([node.config])
        node.restart()
        _do(node, step)
        assert _AFTER[step] == node.files(), moment
    assert moment > 5


_AFTER = {
    "take": [TAKEN, "00-multus.conf", "10-a.conflist"],
    "rename": [TAKEN, "10-a.conflist"],
    "give back": ["00-multus.conf", "10-a.conflist"],
}


def _before(root: Path, step: str) -> NodeWithMultus:
    root.mkdir()
    node = NodeWithMultus(root)
    if step != "rename":
        node.multus()
    if step != "take":
        node.problem(takeover=step == "give back")
    return node


def _do(node: NodeWithMultus, step: str) -> None:
    if step == "give back":
        node.uninstaller.uninstall(keep_shim_in_chain=True)
    else:
        node.problem(takeover=True)

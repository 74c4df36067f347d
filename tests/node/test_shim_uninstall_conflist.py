"""The shim as the last plugin of a copy of the default network: it removes an outdated copy, and never fails a pod."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.cni import netattach_conf
from netattach_core.shim import compiled_chain
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.primary_compiler import PrimaryCompiler
from netattach_plugin.node.uninstall_chain import UninstallChain
from support import uninstalled

PRIMARY = '{"cniVersion":"1.0.0","name":"cbr0","plugins":[{"type":"bridge"}]}'
RESULT = {"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]}


class Uninstalled:
    """A node after the uninstallation, with one pod in the ledger that no test calls for."""

    def __init__(self, root: Path) -> None:
        self.root, self.config = root, root / "net.d"
        self.stand_in, self.primary = (
            self.config / netattach_conf.UNINSTALL_FILE_NAME,
            self.config / "10-a.conflist",
        )
        self.chained, self.sources = (
            self.config / "cbr0" / netattach_conf.CHAINED_FILE_NAME,
            root / "ledger/chains/stand-in",
        )
        self.other = root / "ledger/chains/del/c2"
        self.config.mkdir()
        self.other.parent.mkdir(parents=True)
        self.other.write_text("another's")
        self.write("05-broken.conflist", "{")
        self.write("10-a.conflist", PRIMARY)
        conf_dir = CniConfDir(self.config, lambda: "cbr0")
        PrimaryCompiler(
            ledger=root / "ledger",
            conf_dir=self.config,
            networks=conf_dir,
            deadline=1,
            chosen_by_settings=lambda: True,
        ).compile()
        UninstallChain(self.config, root / "ledger").install()
        self.plugin = json.loads(self.stand_in.read_text())["plugins"][-1]

    def write(self, name: str, text: str) -> None:
        (self.config / name).write_text(text)

    def call(self, command: str) -> subprocess.CompletedProcess[str]:
        """With the configuration that the runtime has in memory."""
        return uninstalled.call(self.root, command, {**self.plugin, "prevResult": RESULT})


@pytest.fixture
def node(tmp_path: Path) -> Uninstalled:
    return Uninstalled(tmp_path)


Change = Callable[[Uninstalled], object]
OUTDATED: dict[str, Change] = {
    "the default network is another one": lambda node: node.write(
        "10-a.conflist", PRIMARY.replace("cbr0", "cbr1")
    ),
    "the default network has another option": lambda node: node.write("10-a.conflist", PRIMARY + " "),
    "the default network is gone": lambda node: node.primary.unlink(),
    "the default network's file has another name": lambda node: node.primary.rename(
        node.config / "11-a.conflist"
    ),
    "an earlier config was added": lambda node: node.write("07-b.conf", '{"name": "b", "type": "ptp"}'),
    "an earlier config was fixed": lambda node: node.write("05-broken.conflist", PRIMARY),
    "an earlier config is gone": lambda node: (node.config / "05-broken.conflist").unlink(),
    "Multus is back": lambda node: node.write("00-multus.conf", '{"name": "m", "type": "multus-shim"}'),
    "the copy is damaged": lambda node: node.stand_in.write_text("{"),
    "the copy is empty": lambda node: node.stand_in.write_text(""),
}
LOST: dict[str, Change] = {
    "our file is gone": lambda node: node.sources.unlink(),
    "our file is damaged": lambda node: node.sources.write_bytes(node.sources.read_bytes()[:-3]),
    "our file is empty": lambda node: node.sources.write_bytes(b""),
}


@pytest.mark.parametrize("change", (OUTDATED | LOST).values(), ids=OUTDATED | LOST)
@pytest.mark.parametrize("command", ["ADD", "CHECK", "DEL", "STATUS", "GC"])
def test_the_next_call_removes_an_outdated_copy(node: Uninstalled, command: str, change: Change) -> None:
    """And succeeds. The config in the chained directory stays: it is no copy."""
    change(node)

    done = node.call(command)

    assert (0, RESULT if command == "ADD" else "") == (
        done.returncode,
        json.loads(done.stdout) if command == "ADD" else done.stdout,
    )
    assert (False, True) == (node.stand_in.exists(), node.chained.exists())
    assert 0 == node.call(command).returncode


@pytest.mark.parametrize("change", (OUTDATED | LOST).values(), ids=OUTDATED | LOST)
def test_the_last_pod_removes_the_chained_config_without_a_copy(node: Uninstalled, change: Change) -> None:
    """Our file stays until then: the shim needs it to find the chained config."""
    change(node)
    assert 0 == node.call("DEL").returncode
    node.other.unlink()

    assert 0 == node.call("DEL").returncode

    assert (False, False) == (node.sources.exists(), node.chained.parent.exists())


def test_without_the_chained_config_our_file_is_removed_with_the_copy(node: Uninstalled) -> None:
    node.chained.unlink()
    node.primary.unlink()

    assert 0 == node.call("ADD").returncode

    assert (False, False) == (node.stand_in.exists(), node.sources.exists())


def _rewrite(node: Uninstalled) -> None:
    node.primary.unlink()
    node.write("10-a.conflist", PRIMARY)


CURRENT: dict[str, Change] = {
    "nothing": lambda node: None,
    "the default network was rewritten unchanged": _rewrite,
    "a later config was added": lambda node: node.write("20-b.conflist", PRIMARY),
    "a file that is no config was added": lambda node: node.write("00-notes.txt", "{"),
    "a config is being written": lambda node: node.write(".05-b.conflist.tmp", "{"),
    "a directory was added": lambda node: (node.config / "00-dir.conf").mkdir(),
    "our own conflist exists still": lambda node: node.write(
        netattach_conf.FILE_NAME, netattach_conf.text("1.0.0")
    ),
}


@pytest.mark.parametrize("change", CURRENT.values(), ids=CURRENT)
@pytest.mark.parametrize("command", ["ADD", "CHECK", "DEL", "STATUS", "GC"])
def test_a_current_copy_stays(node: Uninstalled, command: str, change: Change) -> None:
    """As long as pods are left, after any call."""
    change(node)
    before = node.stand_in.read_bytes()

    assert 0 == node.call(command).returncode

    assert before == node.stand_in.read_bytes()
    assert node.sources.exists()


def test_the_last_pod_removes_both_configs(node: Uninstalled) -> None:
    """Also if the runtime chains no directories, and so uses only one of them."""
    node.other.unlink()

    assert 0 == node.call("DEL").returncode

    assert ["05-broken.conflist", "10-a.conflist"] == sorted(path.name for path in node.config.iterdir())
    assert not node.sources.exists()


@pytest.mark.parametrize(("networks", "stays"), [(1, False), (2, True)])
def test_a_pod_without_secondary_networks_needs_no_config(
    node: Uninstalled, networks: int, *, stays: bool
) -> None:
    """The runtime itself deletes it; such a pod may run as long as the node."""
    text = '{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "bridge"}, {"type": "tuning"}]}'
    held = [Attachment("n", f"eth{number}", text, "n", default=not number) for number in range(networks)]
    node.other.write_bytes(compiled_chain.encode(compiled_chain.deletion(held, 1000)))

    assert 0 == node.call("DEL").returncode

    assert (stays, stays) == (node.stand_in.exists(), node.chained.exists())


def test_a_call_by_the_chained_config_removes_both(node: Uninstalled) -> None:
    """As of a runtime that chains directories."""
    node.other.unlink()
    node.plugin = json.loads(node.chained.read_text())

    assert 0 == node.call("DEL").returncode

    assert ["05-broken.conflist", "10-a.conflist"] == sorted(path.name for path in node.config.iterdir())


def test_the_configuration_directory_itself_stays(node: Uninstalled) -> None:
    """Also if it is empty."""
    node.other.unlink()
    for path in (node.primary, node.config / "05-broken.conflist", node.chained):
        path.unlink()
    node.chained.parent.rmdir()

    assert 0 == node.call("DEL").returncode

    assert [] == list(node.config.iterdir())


@pytest.mark.parametrize("path", ["", "relative/file", "/", True, 5, [], {"a": "/b"}, "/tmp\u0000/x"])
def test_the_path_that_an_earlier_release_wrote_is_ignored(node: Uninstalled, path: object) -> None:
    """A runtime may have it in memory, and anybody may have written it."""
    node.write("10-a.conflist", "{}")
    node.plugin["standIn"] = path

    done = node.call("ADD")

    assert (0, RESULT, "") == (done.returncode, json.loads(done.stdout), done.stderr)
    assert not node.stand_in.exists()

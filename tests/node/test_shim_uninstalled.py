"""The shim after an uninstallation: the last plugin of the default network, without a daemon."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.cni import netattach_conf
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Source
from support import require, uninstalled

RESULT = {"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]}


class Uninstalled:
    """A node with our config in the directory of the default network; nobody listens at the socket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.config = root / "net.d/cbr0" / netattach_conf.CHAINED_FILE_NAME
        self.config.parent.mkdir(parents=True)
        self.config.write_text("{}")
        (root / "ledger/chains/del").mkdir(parents=True)
        self.sources = root / "ledger/chains/stand-in"
        self.write_sources(self.config.parents[1], "cbr0")

    def write_sources(self, directory: object, network: str, path: Path | None = None) -> None:
        """Writes the file that tells the shim where its configs are."""
        source = Source(
            str(directory), netattach_conf.FILE_NAME, first=True, files=(("10-a.conflist", b"{}"),)
        )
        network_of = Network(network=network, config_text='{"type":"bridge"}', config_name="n")
        (path or self.sources).write_bytes(
            compiled_chain.encode(compiled_chain.default_network(network_of, source, plain=False))
        )
        (path or self.sources).chmod(0o600)

    def call(
        self, command: str, variables: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        plugin = json.loads(netattach_conf.chained_text()) | more
        return uninstalled.call(self.root, command, plugin, variables or {})


@pytest.fixture
def node(tmp_path: Path) -> Uninstalled:
    return Uninstalled(tmp_path)


def test_add_passes_prevresult_on(node: Uninstalled) -> None:
    (node.root / "ledger/chains/del/c2").write_text("another's")

    done = node.call("ADD", prevResult=RESULT)

    assert (0, RESULT) == (done.returncode, json.loads(done.stdout))
    assert node.config.exists()


def test_add_removes_the_config_if_no_pod_is_left(node: Uninstalled) -> None:
    """CRI-O calls DEL with our own configuration, and so does not get here."""
    done = node.call("ADD", prevResult=RESULT)

    assert (0, RESULT) == (done.returncode, json.loads(done.stdout))
    assert not node.config.parent.exists()


def test_add_without_prevresult_fails(node: Uninstalled) -> None:
    """An empty result would be a pod without a network."""
    done = node.call("ADD")

    assert (1, 6) == (done.returncode, json.loads(done.stdout)["code"])


@pytest.mark.parametrize("command", ["CHECK", "STATUS", "GC"])
def test_everything_else_succeeds(node: Uninstalled, command: str) -> None:
    done = node.call(command, prevResult=RESULT)

    assert (0, "") == (done.returncode, done.stdout)


def test_delete_of_the_last_pod_removes_the_config(node: Uninstalled) -> None:
    """Also twice: the runtime may not have read the directory again."""
    assert 0 == node.call("DEL").returncode
    assert not node.config.parent.exists()
    assert 0 == node.call("DEL").returncode


def test_delete_of_an_earlier_pod_keeps_the_config(node: Uninstalled) -> None:
    (node.root / "ledger/chains/del/c2").write_text("another's")

    assert 0 == node.call("DEL").returncode
    assert node.config.exists()


def test_other_configs_in_the_directory_stay(node: Uninstalled) -> None:
    other = node.config.with_name("other.conf")
    other.write_text("{}")

    assert 0 == node.call("DEL").returncode
    assert (False, True) == (node.config.exists(), other.exists())


@pytest.mark.parametrize("content", [None, b"", b"garbage"], ids=["missing", "empty", "garbage"])
def test_an_entry_whose_deletion_cannot_be_read_fails_the_delete(
    node: Uninstalled, content: bytes | None
) -> None:
    """Never a success with nothing done; the next one succeeds if somebody has removed the entry."""
    entry = node.root / "ledger/c1.json"
    entry.write_text("{}")
    if content is not None:
        (node.root / "ledger/chains/del/c1").write_bytes(content)

    done = node.call("DEL")

    assert 1 == done.returncode
    assert "c1.json" in json.loads(done.stdout)["msg"]
    assert entry.exists()
    assert node.config.exists()
    entry.unlink()
    assert 0 == node.call("DEL").returncode
    assert not node.config.exists()


@pytest.mark.parametrize("mark", ["", "relative/file", "/", False, None, 5, [], {"a": "/b"}, "/tmp\u0000/x"])
def test_the_mark_counts_with_any_value(node: Uninstalled, mark: Any) -> None:
    """An earlier release wrote a path there."""
    done = node.call("DEL", uninstalled=mark, standIn=mark)

    assert (0, "") == (done.returncode, done.stderr)
    assert not node.config.parent.exists()


@pytest.mark.parametrize("has_sources", [True, False], ids=["with our file", "without our file"])
@pytest.mark.parametrize("command", ["ADD", "CHECK", "DEL", "STATUS", "GC"])
def test_no_path_of_the_configuration_is_removed(
    node: Uninstalled, command: str, *, has_sources: bool
) -> None:
    """A plugin that starts the shim passes on what a network's author wrote, and the shim is root. Nor files with our names."""
    strangers = [
        node.root / "precious/alone/file",
        node.root / "precious/cbr0" / netattach_conf.CHAINED_FILE_NAME,
        node.root / "precious" / netattach_conf.UNINSTALL_FILE_NAME,
    ]
    for path in strangers:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("root's")
    if not has_sources:
        node.sources.unlink()
    for path in strangers:
        assert 0 == node.call(command, uninstalled=str(path), standIn=str(path), prevResult=RESULT).returncode

    assert ["root's"] * 3 == [path.read_text() for path in strangers]


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to(path.with_name("elsewhere"))


def _directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path, 0o600)


UNTRUSTED: dict[str, Callable[[Path], None]] = {
    "the group may write it": lambda path: path.chmod(0o620),
    "everybody may write it": lambda path: path.chmod(0o602),
    "it is a link": _link,
    "it is a directory": _directory,
    "it is a pipe": _pipe,
    "it is another user's": lambda path: os.chown(path, 1, 1),
}


@pytest.mark.parametrize("change", UNTRUSTED.values(), ids=UNTRUSTED)
def test_a_file_that_others_may_write_is_not_trusted(
    node: Uninstalled, change: Callable[[Path], None], request: pytest.FixtureRequest
) -> None:
    """And fails no call."""
    if "another user's" in request.node.name and os.geteuid() != 0:
        require.left_out("needs root: a file is given to another user")
    change(node.sources)

    assert 0 == node.call("DEL").returncode

    assert node.config.exists()


@pytest.mark.parametrize("network", ["", ".", "..", "a/../cbr0", "../net.d/cbr0", "cbr0/", "cbr0\0", "link"])
def test_no_network_name_leads_out_of_the_directory(node: Uninstalled, network: str) -> None:
    """The name is that of a directory in the CNI configuration directory, and no link."""
    (node.config.parents[1] / "link").symlink_to(node.config.parent)
    above = [node.config.parents[index] / netattach_conf.CHAINED_FILE_NAME for index in (1, 2)]
    for path in above:
        path.write_text("{}")
    node.write_sources(node.config.parents[1], network)

    assert 0 == node.call("DEL").returncode

    assert [True] * 3 == [path.exists() for path in (node.config, *above)]


@pytest.mark.parametrize("directory", ["", "relative", "/nowhere/at/all"])
def test_an_invalid_directory_fails_no_call(node: Uninstalled, directory: str) -> None:
    node.write_sources(directory, "cbr0")

    done = node.call("DEL")

    assert (0, "", True) == (done.returncode, done.stderr, node.config.exists())


def test_without_our_file_the_compiled_default_network_is_used(node: Uninstalled) -> None:
    """It has the same directory, and is root's, too."""
    node.sources.unlink()
    node.write_sources(node.config.parents[1], "cbr0", node.sources.with_name("primary"))

    assert 0 == node.call("DEL").returncode

    assert not node.config.parent.exists()


@pytest.mark.parametrize("command", ["ADD", "CHECK", "STATUS"])
def test_started_by_a_plugin_it_fails_at_once(node: Uninstalled, command: str) -> None:
    """It would wait for the sandbox's lock for ever."""
    done = node.call(command, {"NETATTACH_INSIDE": "c1"}, prevResult=RESULT)

    assert (1, 7) == (done.returncode, json.loads(done.stdout)["code"])
    assert "started by a plugin" in json.loads(done.stdout)["msg"]
    assert node.config.exists()


@pytest.mark.parametrize("command", ["DEL", "GC"])
@pytest.mark.parametrize("sandbox", ["c1", "another"])
def test_a_mark_that_the_runtime_inherited_is_no_success(
    node: Uninstalled, command: str, sandbox: str
) -> None:
    """A runtime that a plugin's process started has the mark of another sandbox: its pods must not be forgotten."""
    done = node.call(command, {"NETATTACH_INSIDE": sandbox})

    assert (0 if sandbox == "c1" else 1) == done.returncode
    assert node.config.exists()


def test_our_file_without_its_copy_stays(node: Uninstalled) -> None:
    """The daemon writes the file before the copy: a call in between must not take it away."""
    (node.root / "ledger/chains/del/c2").write_text("another's")
    node.config.unlink()

    assert 0 == node.call("DEL").returncode

    assert node.sources.exists()


def test_an_empty_directory_of_a_killed_call_is_removed(node: Uninstalled) -> None:
    node.config.unlink()

    assert 0 == node.call("DEL").returncode

    assert not node.config.parent.exists()


def test_started_by_a_plugin_its_del_succeeds(node: Uninstalled) -> None:
    """So that an ADD of such a plugin can be undone, and an old ledger entry be deleted."""
    done = node.call("DEL", {"NETATTACH_INSIDE": "c1"})

    assert (0, "", True) == (done.returncode, done.stdout, node.config.exists())

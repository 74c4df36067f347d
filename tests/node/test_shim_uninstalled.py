"""The shim where netattach was uninstalled: it stands behind other plugins, and needs no daemon."""

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


class UninstallChain:
    """A place in a chain; nobody listens at the socket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = root / "net.d/cbr0" / netattach_conf.CHAINED_FILE_NAME
        self.place.parent.mkdir(parents=True)
        self.place.write_text("{}")
        (root / "ledger/chains/del").mkdir(parents=True)
        self.note = root / "ledger/chains/stand-in"
        self.says(self.place.parents[1], "cbr0")

    def says(self, directory: object, network: str, note: Path | None = None) -> None:
        """Our note of where our configuration lies."""
        source = Source(
            str(directory), netattach_conf.FILE_NAME, first=True, files=(("10-a.conflist", b"{}"),)
        )
        network_of = Network(network=network, config_text='{"type":"bridge"}', config_name="n")
        (note or self.note).write_bytes(
            compiled_chain.encode(compiled_chain.primary(network_of, source, plain=False))
        )
        (note or self.note).chmod(0o600)

    def call(
        self, command: str, variables: Mapping[str, str] | None = None, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        plugin = json.loads(netattach_conf.chained_text()) | more
        return uninstalled.call(self.root, command, plugin, variables or {})


@pytest.fixture
def behind(tmp_path: Path) -> UninstallChain:
    return UninstallChain(tmp_path)


def test_add_passes_on_what_it_is_given(behind: UninstallChain) -> None:
    (behind.root / "ledger/chains/del/c2").write_text("another's")

    done = behind.call("ADD", prevResult=RESULT)

    assert (0, RESULT) == (done.returncode, json.loads(done.stdout))
    assert behind.place.exists()


def test_a_new_pod_starts_and_gives_the_place_up_where_others_freed_the_last(behind: UninstallChain) -> None:
    """CRI-O calls their DEL with our own configuration."""
    done = behind.call("ADD", prevResult=RESULT)

    assert (0, RESULT) == (done.returncode, json.loads(done.stdout))
    assert not behind.place.parent.exists()


def test_add_that_nothing_stands_before_fails(behind: UninstallChain) -> None:
    """An empty result would be a pod without a network."""
    done = behind.call("ADD")

    assert (1, 6) == (done.returncode, json.loads(done.stdout)["code"])


@pytest.mark.parametrize("command", ["CHECK", "STATUS", "GC"])
def test_everything_else_succeeds(behind: UninstallChain, command: str) -> None:
    done = behind.call(command, prevResult=RESULT)

    assert (0, "") == (done.returncode, done.stdout)


def test_delete_without_anything_left_gives_the_place_up(behind: UninstallChain) -> None:
    """Twice, too: the runtime may not have looked yet."""
    assert 0 == behind.call("DEL").returncode
    assert not behind.place.parent.exists()
    assert 0 == behind.call("DEL").returncode


def test_delete_while_others_are_left_stays(behind: UninstallChain) -> None:
    (behind.root / "ledger/chains/del/c2").write_text("another's")

    assert 0 == behind.call("DEL").returncode
    assert behind.place.exists()


def test_what_others_have_in_the_directory_stays(behind: UninstallChain) -> None:
    other = behind.place.with_name("other.conf")
    other.write_text("{}")

    assert 0 == behind.call("DEL").returncode
    assert (False, True) == (behind.place.exists(), other.exists())


@pytest.mark.parametrize("content", [None, b"", b"garbage"], ids=["missing", "empty", "garbage"])
def test_an_entry_whose_deletion_cannot_be_read_fails_the_delete(
    behind: UninstallChain, content: bytes | None
) -> None:
    """Never a success with nothing done; and it ends once the entry is removed."""
    entry = behind.root / "ledger/c1.json"
    entry.write_text("{}")
    if content is not None:
        (behind.root / "ledger/chains/del/c1").write_bytes(content)

    done = behind.call("DEL")

    assert 1 == done.returncode
    assert "c1.json" in json.loads(done.stdout)["msg"]
    assert entry.exists()
    assert behind.place.exists()
    entry.unlink()
    assert 0 == behind.call("DEL").returncode
    assert not behind.place.exists()


@pytest.mark.parametrize("mark", ["", "relative/file", "/", False, None, 5, [], {"a": "/b"}, "/tmp\u0000/x"])
def test_whatever_stands_under_the_mark_it_is_the_mark(behind: UninstallChain, mark: Any) -> None:
    """An earlier release wrote the path there."""
    done = behind.call("DEL", uninstalled=mark, standIn=mark)

    assert (0, "") == (done.returncode, done.stderr)
    assert not behind.place.parent.exists()


@pytest.mark.parametrize("noted", [True, False], ids=["noted", "without a note"])
@pytest.mark.parametrize("command", ["ADD", "CHECK", "DEL", "STATUS", "GC"])
def test_no_path_of_the_configuration_is_removed(
    behind: UninstallChain, command: str, *, noted: bool
) -> None:
    """A plugin that starts the shim hands it what a network's author wrote, and the shim is root. Nor one with our names."""
    strangers = [
        behind.root / "precious/alone/file",
        behind.root / "precious/cbr0" / netattach_conf.CHAINED_FILE_NAME,
        behind.root / "precious" / netattach_conf.UNINSTALL_FILE_NAME,
    ]
    for path in strangers:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("root's")
    if not noted:
        behind.note.unlink()
    for path in strangers:
        assert (
            0 == behind.call(command, uninstalled=str(path), standIn=str(path), prevResult=RESULT).returncode
        )

    assert ["root's"] * 3 == [path.read_text() for path in strangers]


def _link(note: Path) -> None:
    note.rename(note.with_name("elsewhere"))
    note.symlink_to(note.with_name("elsewhere"))


def _directory(note: Path) -> None:
    note.unlink()
    note.mkdir()


def _pipe(note: Path) -> None:
    note.unlink()
    os.mkfifo(note, 0o600)


BY_OTHERS: dict[str, Callable[[Path], None]] = {
    "the group may write it": lambda note: note.chmod(0o620),
    "everybody may write it": lambda note: note.chmod(0o602),
    "it is a link": _link,
    "it is a directory": _directory,
    "it is a pipe": _pipe,
    "it is another user's": lambda note: os.chown(note, 1, 1),
}


@pytest.mark.parametrize("change", BY_OTHERS.values(), ids=BY_OTHERS)
def test_a_note_that_may_be_anothers_is_not_believed(
    behind: UninstallChain, change: Callable[[Path], None], request: pytest.FixtureRequest
) -> None:
    """And hinders no call."""
    if "another user's" in request.node.name and os.geteuid() != 0:
        require.left_out("needs root: a file is given to another user")
    change(behind.note)

    assert 0 == behind.call("DEL").returncode

    assert behind.place.exists()


@pytest.mark.parametrize("network", ["", ".", "..", "a/../cbr0", "../net.d/cbr0", "cbr0/", "cbr0\0", "link"])
def test_no_network_of_the_note_leads_out_of_the_directory(behind: UninstallChain, network: str) -> None:
    """Its name is one directory of the node's configuration directory, and no link to another."""
    (behind.place.parents[1] / "link").symlink_to(behind.place.parent)
    above = [behind.place.parents[index] / netattach_conf.CHAINED_FILE_NAME for index in (1, 2)]
    for path in above:
        path.write_text("{}")
    behind.says(behind.place.parents[1], network)

    assert 0 == behind.call("DEL").returncode

    assert [True] * 3 == [path.exists() for path in (behind.place, *above)]


@pytest.mark.parametrize("directory", ["", "relative", "/nowhere/at/all"])
def test_a_directory_of_the_note_that_is_none_ends_nothing(behind: UninstallChain, directory: str) -> None:
    behind.says(directory, "cbr0")

    done = behind.call("DEL")

    assert (0, "", True) == (done.returncode, done.stderr, behind.place.exists())


def test_where_the_note_is_lost_the_compiled_primary_tells(behind: UninstallChain) -> None:
    """It is of the same directory, and root's too."""
    behind.note.unlink()
    behind.says(behind.place.parents[1], "cbr0", behind.note.with_name("primary"))

    assert 0 == behind.call("DEL").returncode

    assert not behind.place.parent.exists()


@pytest.mark.parametrize("command", ["ADD", "CHECK", "STATUS", "GC"])
def test_started_by_a_plugin_it_fails_at_once(behind: UninstallChain, command: str) -> None:
    """The sandbox's lock is held above it: to wait for that would be for ever."""
    done = behind.call(command, {"NETATTACH_INSIDE": "1"}, prevResult=RESULT)

    assert (1, 7) == (done.returncode, json.loads(done.stdout)["code"])
    assert "started by a plugin" in json.loads(done.stdout)["msg"]
    assert behind.place.exists()


def test_started_by_a_plugin_it_has_nothing_to_delete(behind: UninstallChain) -> None:
    """So that what an ADD with it began can be undone, and an old entry of the ledger be freed."""
    done = behind.call("DEL", {"NETATTACH_INSIDE": "1"})

    assert (0, "", True) == (done.returncode, done.stdout, behind.place.exists())

"""The shim at the end of a copy of the default network: it carries the copy as long as that is true, and never hinders a pod."""

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


class Left:
    """A node that the daemon has left, with one pod more in the ledger than those that are called for."""

    def __init__(self, root: Path) -> None:
        self.root, self.conf = root, root / "net.d"
        self.stand_in, self.primary = (
            self.conf / netattach_conf.UNINSTALL_FILE_NAME,
            self.conf / "10-a.conflist",
        )
        self.place, self.note = (
            self.conf / "cbr0" / netattach_conf.CHAINED_FILE_NAME,
            root / "ledger/chains/stand-in",
        )
        self.other = root / "ledger/chains/del/c2"
        self.conf.mkdir()
        self.other.parent.mkdir(parents=True)
        self.other.write_text("another's")
        self.write("05-broken.conflist", "{")
        self.write("10-a.conflist", PRIMARY)
        conf_dir = CniConfDir(self.conf, lambda: "cbr0")
        PrimaryCompiler(
            ledger=root / "ledger", conf_dir=self.conf, networks=conf_dir, deadline=1, named=lambda: True
        ).look()
        UninstallChain(self.conf, root / "ledger/chains").take()
        self.plugin = json.loads(self.stand_in.read_text())["plugins"][-1]

    def write(self, name: str, text: str) -> None:
        (self.conf / name).write_text(text)

    def call(self, command: str) -> subprocess.CompletedProcess[str]:
        """As the runtime has it in memory, whatever lies on the disk by now."""
        return uninstalled.call(self.root, command, {**self.plugin, "prevResult": RESULT})


@pytest.fixture
def left(tmp_path: Path) -> Left:
    return Left(tmp_path)


Change = Callable[[Left], object]
OLD: dict[str, Change] = {
    "the primary is another one": lambda left: left.write("10-a.conflist", PRIMARY.replace("cbr0", "cbr1")),
    "the primary has another option": lambda left: left.write("10-a.conflist", PRIMARY + " "),
    "the primary is gone": lambda left: left.primary.unlink(),
    "the primary has another name": lambda left: left.primary.rename(left.conf / "11-a.conflist"),
    "an earlier one came": lambda left: left.write("07-b.conf", '{"name": "b", "type": "ptp"}'),
    "an earlier one was fixed": lambda left: left.write("05-broken.conflist", PRIMARY),
    "an earlier one is gone": lambda left: (left.conf / "05-broken.conflist").unlink(),
    "Multus is back": lambda left: left.write("00-multus.conf", '{"name": "m", "type": "multus-shim"}'),
    "it is spoilt itself": lambda left: left.stand_in.write_text("{"),
    "it is empty": lambda left: left.stand_in.write_text(""),
}
LOST: dict[str, Change] = {
    "its note is gone": lambda left: left.note.unlink(),
    "its note is spoilt": lambda left: left.note.write_bytes(left.note.read_bytes()[:-3]),
    "its note is empty": lambda left: left.note.write_bytes(b""),
}


@pytest.mark.parametrize("change", (OLD | LOST).values(), ids=OLD | LOST)
@pytest.mark.parametrize("command", ["ADD", "CHECK", "DEL", "STATUS", "GC"])
def test_a_copy_that_has_grown_old_goes_with_the_next_call(left: Left, command: str, change: Change) -> None:
    """And that call succeeds. The directory that newer runtimes chain stays: it is none."""
    change(left)

    done = left.call(command)

    assert (0, RESULT if command == "ADD" else "") == (
        done.returncode,
        json.loads(done.stdout) if command == "ADD" else done.stdout,
    )
    assert (False, True) == (left.stand_in.exists(), left.place.exists())
    assert 0 == left.call(command).returncode


@pytest.mark.parametrize("change", (OLD | LOST).values(), ids=OLD | LOST)
def test_the_other_place_goes_with_the_last_pod_also_then(left: Left, change: Change) -> None:
    """The note stays until then: it says where that place is."""
    change(left)
    assert 0 == left.call("DEL").returncode
    left.other.unlink()

    assert 0 == left.call("DEL").returncode

    assert (False, False) == (left.note.exists(), left.place.parent.exists())


def test_without_the_other_place_the_note_goes_with_the_copy(left: Left) -> None:
    left.place.unlink()
    left.primary.unlink()

    assert 0 == left.call("ADD").returncode

    assert (False, False) == (left.stand_in.exists(), left.note.exists())


def _written_back(left: Left) -> None:
    left.primary.unlink()
    left.write("10-a.conflist", PRIMARY)


TRUE: dict[str, Change] = {
    "nothing": lambda left: None,
    "the primary was written back": _written_back,
    "a later one came": lambda left: left.write("20-b.conflist", PRIMARY),
    "what is no configuration came": lambda left: left.write("00-notes.txt", "{"),
    "one is being written": lambda left: left.write(".05-b.conflist.tmp", "{"),
    "a directory came": lambda left: (left.conf / "00-dir.conf").mkdir(),
    "our own conf is there still": lambda left: left.write(
        netattach_conf.FILE_NAME, netattach_conf.text("1.0.0")
    ),
}


@pytest.mark.parametrize("change", TRUE.values(), ids=TRUE)
@pytest.mark.parametrize("command", ["ADD", "CHECK", "DEL", "STATUS", "GC"])
def test_a_copy_that_is_true_stays(left: Left, command: str, change: Change) -> None:
    """While pods are left, and whatever the runtime asks."""
    change(left)
    before = left.stand_in.read_bytes()

    assert 0 == left.call(command).returncode

    assert before == left.stand_in.read_bytes()
    assert left.note.exists()


def test_with_the_last_pod_both_places_go(left: Left) -> None:
    """Also where the runtime chains no directories, and so calls us from one of them alone."""
    left.other.unlink()

    assert 0 == left.call("DEL").returncode

    assert ["05-broken.conflist", "10-a.conflist"] == sorted(path.name for path in left.conf.iterdir())
    assert not left.note.exists()


@pytest.mark.parametrize(("networks", "stays"), [(1, False), (2, True)])
def test_a_pod_of_the_default_network_alone_needs_no_place(left: Left, networks: int, *, stays: bool) -> None:
    """The runtime frees it; such a pod may run for as long as the node."""
    text = '{"cniVersion": "1.0.0", "name": "n", "plugins": [{"type": "bridge"}, {"type": "tuning"}]}'
    held = [Attachment("n", f"eth{number}", text, "n", default=not number) for number in range(networks)]
    left.other.write_bytes(compiled_chain.encode(compiled_chain.deletion(held, 1000)))

    assert 0 == left.call("DEL").returncode

    assert (stays, stays) == (left.stand_in.exists(), left.place.exists())


def test_the_other_place_alone_takes_both_with_it(left: Left) -> None:
    """As where a runtime chains directories, and called that one first."""
    left.other.unlink()
    left.plugin = json.loads(left.place.read_text())

    assert 0 == left.call("DEL").returncode

    assert ["05-broken.conflist", "10-a.conflist"] == sorted(path.name for path in left.conf.iterdir())


def test_the_last_pod_leaves_the_directory_of_configurations(left: Left) -> None:
    """Also where nothing else is in it."""
    left.other.unlink()
    for path in (left.primary, left.conf / "05-broken.conflist", left.place):
        path.unlink()
    left.place.parent.rmdir()

    assert 0 == left.call("DEL").returncode

    assert [] == list(left.conf.iterdir())


@pytest.mark.parametrize("path", ["", "relative/file", "/", True, 5, [], {"a": "/b"}, "/tmp\u0000/x"])
def test_the_path_that_an_earlier_release_wrote_is_not_looked_at(left: Left, path: object) -> None:
    """It stands in what a runtime has in memory, and may have been written by anybody."""
    left.write("10-a.conflist", "{}")
    left.plugin["standIn"] = path

    done = left.call("ADD")

    assert (0, RESULT, "") == (done.returncode, json.loads(done.stdout), done.stderr)
    assert not left.stand_in.exists()

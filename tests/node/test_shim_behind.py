"""The shim where netattach was uninstalled: it stands behind other plugins, and needs no daemon."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from netattach_core import own_conf
from support import uninstalled

RESULT = {"cniVersion": "1.0.0", "ips": [{"address": "10.0.0.2/24"}]}


class Behind:
    """A place in a chain; nobody listens at the socket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = root / "net.d/cbr0" / own_conf.BEHIND
        self.place.parent.mkdir(parents=True)
        self.place.write_text("{}")
        (root / "ledger/chains/del").mkdir(parents=True)

    def call(self, command: str, name: Any = None, **more: Any) -> subprocess.CompletedProcess[str]:
        plugin = json.loads(own_conf.behind_text(str(self.place)))
        return uninstalled.call(
            self.root, command, plugin | more | ({} if name is None else {"uninstalled": name})
        )


@pytest.fixture
def behind(tmp_path: Path) -> Behind:
    return Behind(tmp_path)


def test_add_passes_on_what_it_is_given(behind: Behind) -> None:
    (behind.root / "ledger/chains/del/c2").write_text("another's")

    done = behind.call("ADD", prevResult=RESULT)

    assert (0, RESULT) == (done.returncode, json.loads(done.stdout))
    assert behind.place.exists()


def test_a_new_pod_starts_and_gives_the_place_up_where_others_freed_the_last(behind: Behind) -> None:
    """CRI-O calls their DEL with our own configuration."""
    done = behind.call("ADD", prevResult=RESULT)

    assert (0, RESULT) == (done.returncode, json.loads(done.stdout))
    assert not behind.place.parent.exists()


def test_add_that_nothing_stands_before_fails(behind: Behind) -> None:
    """An empty result would be a pod without a network."""
    done = behind.call("ADD")

    assert (1, 6) == (done.returncode, json.loads(done.stdout)["code"])


@pytest.mark.parametrize("command", ["CHECK", "STATUS", "GC"])
def test_everything_else_succeeds(behind: Behind, command: str) -> None:
    done = behind.call(command, prevResult=RESULT)

    assert (0, "") == (done.returncode, done.stdout)


def test_delete_without_anything_left_gives_the_place_up(behind: Behind) -> None:
    """Twice, too: the runtime may not have looked yet."""
    assert 0 == behind.call("DEL").returncode
    assert not behind.place.parent.exists()
    assert 0 == behind.call("DEL").returncode


def test_delete_while_others_are_left_stays(behind: Behind) -> None:
    (behind.root / "ledger/chains/del/c2").write_text("another's")

    assert 0 == behind.call("DEL").returncode
    assert behind.place.exists()


def test_what_others_have_in_the_directory_stays(behind: Behind) -> None:
    other = behind.place.with_name("other.conf")
    other.write_text("{}")

    assert 0 == behind.call("DEL").returncode
    assert (False, True) == (behind.place.exists(), other.exists())


@pytest.mark.parametrize("content", [None, b"", b"garbage"], ids=["missing", "empty", "garbage"])
def test_an_entry_whose_deletion_cannot_be_read_fails_the_delete(
    behind: Behind, content: bytes | None
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


@pytest.mark.parametrize("name", ["", "relative/file", "/", True, 5, [], {"a": "/b"}, "/tmp\\u0000/x"])
def test_a_place_that_is_none_ends_nothing(behind: Behind, name: Any) -> None:
    """Nobody but root writes it; an odd one must not make the shim fall."""
    done = behind.call("DEL", name)

    assert (0, "") == (done.returncode, done.stderr)
    assert behind.place.exists()

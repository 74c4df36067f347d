"""The modules of a Go program are read from the program, as `go version -m` reads them."""

from __future__ import annotations

import base64
import subprocess

import pytest

from netattach_release import go_modules
from netattach_release.errors import ReleaseError
from netattach_release.go_modules import Module
from support import require
from support.release_inputs import go_program

SUM = "h1:" + base64.b64encode(bytes(range(32))).decode()
DIGEST = bytes(range(32)).hex()


def test_the_standard_library_the_programs_own_module_and_the_others() -> None:
    program = go_program(
        "path example.com/plugins/main/bridge",
        f"mod example.com/plugins v1.9.1 {SUM}",
        f"dep example.com/netlink v1.3.1 {SUM}",
        "build -trimpath=true",
    )

    assert [
        Module("std", "1.24.1"),
        Module("example.com/plugins", "v1.9.1", DIGEST),
        Module("example.com/netlink", "v1.3.1", DIGEST),
    ] == go_modules.of_program("bridge", program)


def test_a_replaced_module_is_not_in_the_program() -> None:
    program = go_program("dep example.com/netlink v1.3.1", f"=> example.com/fork v0.0.1 {SUM}")

    assert [Module("example.com/fork", "v0.0.1", DIGEST)] == go_modules.of_program("bridge", program)[1:]


def test_a_module_from_a_directory_has_no_hash() -> None:
    program = go_program("mod example.com/plugins (devel)")

    assert Module("example.com/plugins", "(devel)") in go_modules.of_program("bridge", program)


def test_the_mark_in_other_data_is_skipped() -> None:
    """At an odd place, and of a program that only points to its strings, as before Go 1.18."""
    program = (
        b"\xff Go buildinf:\x08\x00" + b" \xff Go buildinf:\x08\x02" + bytes(15) + go_program("mod a v1")
    )

    assert Module("a", "v1") in go_modules.of_program("bridge", program)


@pytest.mark.parametrize(
    "program", [b"", b"\xff Go buildinf:", b"#!/bin/sh"], ids=["empty", "mark", "script"]
)
def test_another_program_is_refused_by_its_name(program: bytes) -> None:
    with pytest.raises(ReleaseError, match="bridge names no Go modules"):
        go_modules.of_program("bridge", program)


def test_a_real_plugin_has_what_go_says() -> None:
    plugin = require.plugins() / "macvlan"
    said = subprocess.run(
        [require.command("go"), "version", "-m", plugin], capture_output=True, text=True, check=True
    ).stdout
    listed = [line.split("\t") for line in said.splitlines()[1:]]

    found = go_modules.of_program("macvlan", plugin.read_bytes())

    assert said.splitlines()[0].endswith(f"go{found[0].version}")
    assert [each[2:4] for each in listed if each[1] in {"mod", "dep"}] == [
        [each.path, each.version] for each in found[1:]
    ]

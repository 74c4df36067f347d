"""The hardening of the released shim, which parses untrusted text as root: read from its ELF file.

Constants are those of elf.h; the generic ABI's names are used without their prefixes where that is unambiguous.
"""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from support import build, require

SHIM = require.REPOSITORY / "plugin/shim"
LARGEST = 64 << 10

ET_DYN = 3
PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_GNU_STACK, PT_GNU_RELRO = 1, 2, 3, 0x6474E551, 0x6474E552
PF_X, PF_W = 1, 2
DT_NEEDED, DT_TEXTREL, DT_FLAGS, DT_FLAGS_1 = 1, 22, 30, 0x6FFFFFFB
DF_TEXTREL, DF_BIND_NOW, DF_1_NOW, DF_1_PIE = 4, 8, 1, 0x08000000
SHT_SYMTAB = 2


class Elf:
    """A 64-bit little-endian ELF file, as far as these tests need it."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        assert self.data.startswith(b"\x7fELF\x02\x01"), path
        (self.type,) = struct.unpack_from("<H", self.data, 16)
        phoff, shoff = struct.unpack_from("<QQ", self.data, 32)
        phentsize, phnum, shentsize, shnum, shstrndx = struct.unpack_from("<5H", self.data, 54)
        self.segments = [
            struct.unpack_from("<IIQQQQQQ", self.data, phoff + at * phentsize) for at in range(phnum)
        ]
        self._sections = [
            struct.unpack_from("<IIQQQQIIQQ", self.data, shoff + at * shentsize) for at in range(shnum)
        ]
        self._names = self._sections[shstrndx][4]

    def flags(self, kind: int) -> list[int]:
        """The flags of each segment of that type."""
        return [segment[1] for segment in self.segments if segment[0] == kind]

    def dynamic(self) -> Mapping[int, int]:
        """The tags of the dynamic section and their values."""
        (found,) = [segment for segment in self.segments if segment[0] == PT_DYNAMIC]
        return dict(struct.iter_unpack("<QQ", self.data[found[2] : found[2] + found[5]]))

    def section(self, name: str) -> bytes:
        (found,) = [each for each in self._sections if self._text(self._names + each[0]) == name]
        return self.data[found[4] : found[4] + found[5]]

    def symbols(self) -> set[str]:
        """The names in the symbol table; none in a stripped file."""
        found = set[str]()
        for section in self._sections:
            if section[1] == SHT_SYMTAB:
                names = self._sections[section[6]][4]
                table = self.data[section[4] : section[4] + section[5]]
                found |= {self._text(names + entry[0]) for entry in struct.iter_unpack("<IBBHQQ", table)}
        return found

    def _text(self, at: int) -> str:
        return self.data[at : self.data.index(b"\0", at)].decode()


@pytest.fixture(scope="module")
def shim() -> Elf:
    return Elf(build.shim_binary())


def test_it_is_loaded_at_a_random_address(shim: Elf) -> None:
    assert ET_DYN == shim.type
    assert shim.dynamic()[DT_FLAGS_1] & DF_1_PIE


def test_it_needs_neither_a_dynamic_linker_nor_a_library(shim: Elf) -> None:
    """Nodes may have no C library, or another one."""
    assert [] == shim.flags(PT_INTERP)
    assert DT_NEEDED not in shim.dynamic()


def test_its_code_has_no_relocations(shim: Elf) -> None:
    """They would make the code writable."""
    assert DT_TEXTREL not in shim.dynamic()
    assert not shim.dynamic().get(DT_FLAGS, 0) & DF_TEXTREL


def test_what_is_relocated_is_read_only_before_it_starts(shim: Elf) -> None:
    assert 1 == len(shim.flags(PT_GNU_RELRO))
    assert shim.dynamic()[DT_FLAGS] & DF_BIND_NOW
    assert shim.dynamic()[DT_FLAGS_1] & DF_1_NOW


def test_no_memory_is_both_writable_and_executable(shim: Elf) -> None:
    assert [] == [flags for flags in shim.flags(PT_LOAD) if flags & PF_X and flags & PF_W]
    assert [PF_W] == [flags & (PF_X | PF_W) for flags in shim.flags(PT_GNU_STACK)]


def test_its_functions_check_their_stack() -> None:
    """The release has no symbols; the same code with symbols has the function that a damaged stack is reported to."""
    released, named = Elf(build.shim_binary()), Elf(build.shim_with_symbols())

    assert set() == released.symbols()
    assert released.section(".text") == named.section(".text")
    assert "__stack_chk_fail" in named.symbols()


def test_it_is_small(shim: Elf) -> None:
    """Each call of a runtime loads it two or three times."""
    assert len(shim.data) <= LARGEST


def test_every_file_is_opened_for_this_process_alone() -> None:
    """No plugin inherits a descriptor; /dev/null in place of missing standard streams is no secret."""
    opened = _lines(r"\bO_(RDONLY|WRONLY|RDWR)\b")

    assert len(opened) >= 10
    assert ['descriptor = open("/dev/null", O_RDWR);'] == [line for line in opened if "O_CLOEXEC" not in line]


def test_no_file_is_created_through_a_link() -> None:
    created = _lines(r"\bO_CREAT\b")

    assert len(created) >= 2
    assert [] == [line for line in created if "O_NOFOLLOW" not in line]


def _lines(pattern: str) -> list[str]:
    return [
        line.strip()
        for path in sorted(SHIM.glob("*.c"))
        for line in path.read_text().splitlines()
        if re.search(pattern, line)
    ]


def test_a_damaged_stack_ends_it(tmp_path: Path) -> None:
    """A program that overflows an array, built with the shim's options: the process dies, and does not return to that address."""
    source, program = tmp_path / "damage.c", tmp_path / "damage"
    source.write_text(
        "#include <string.h>\n"
        "int damage(volatile char *, int);\n"
        "int damage(volatile char *text, int size) { volatile char small[8]; for (int i = 0; i < size; i++) small[i] = text[i];"
        " return small[0]; }\n"
        "int main(int count, char **words) { (void)words; static char text[64] = {1};"
        " return damage(text, count > 1 ? 64 : 4) - 1; }\n"
    )
    subprocess.run(
        ["make", "-s", "-C", SHIM, f"PROGRAM={program}", f"PROGRAM_SOURCE={source}", "hardened-program"],
        check=True,
        capture_output=True,
    )

    assert 0 == subprocess.run([program], check=False).returncode
    assert subprocess.run([program, "overflow"], check=False).returncode < 0

"""docs/lint.md is correct: its commands print what it shows, and its YAML can be copied.

With NETATTACH_WRITE_PAGES=1 the page is updated with the actual output.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from netattach_core.version import VERSION
from support import require
from unit.cli.samples import INVALID_CONFIG, Netattach, nad

PAGE = require.REPOSITORY / "docs/lint.md"
HOOKS = require.REPOSITORY / ".pre-commit-hooks.yaml"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"# (\S+\.yaml)\n")


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(PAGE.read_text()) if kind == language]


def commands(block: str) -> Iterator[str]:
    return (line.removeprefix("$ ") for line in block.splitlines() if line.startswith("$ "))


def run_block(netattach: Netattach, block: str) -> str:
    """The commands of the block with their actual output."""
    shown, status = "", 0
    for command in commands(block):
        shown += f"$ {command}\n"
        if command == "echo $?":
            shown += f"{status}\n"
            continue
        program, *arguments = shlex.split(command)
        assert "netattach" == program
        status, out, err = netattach(*arguments)
        shown += out + err
    return shown


def test_each_command_prints_what_the_page_shows(netattach: Netattach) -> None:
    for text in blocks("yaml"):
        named = FILE.match(text)
        if named:
            Path(named[1]).write_text(text)
    page = written = PAGE.read_text()
    for block in blocks("console"):
        written = written.replace(f"```console\n{block}```", f"```console\n{run_block(netattach, block)}```")
    if os.environ.get("NETATTACH_WRITE_PAGES"):
        PAGE.write_text(written)
        return

    assert 5 == len(blocks("console"))
    assert page == written


def test_the_yaml_of_the_page_is_valid() -> None:
    """And the hook that it names exists."""
    read = [document for text in blocks("yaml") for document in yaml.safe_load_all(text)]
    (hook,) = next(each["repos"][0]["hooks"] for each in read if "repos" in each)

    assert hook["id"] in {each["id"] for each in yaml.safe_load(HOOKS.read_text())}


def test_pre_commit_accepts_the_hook() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-manifest", str(HOOKS)]

    assert 0 == subprocess.run(command, check=False).returncode


def test_the_hook_skips_unrelated_files(netattach: Netattach) -> None:
    """pre-commit passes all YAML files of a repository, also templates that are not valid YAML."""
    (hook,) = yaml.safe_load(HOOKS.read_text())
    program, *arguments = shlex.split(hook["entry"])
    Path("a.yaml").write_text(nad("a"))
    Path("b.yaml").write_text("{{ toYaml . }}: [")
    Path("c.yaml").write_text(nad("c", INVALID_CONFIG))

    assert "netattach" == program
    assert (0, "1 NAD: nothing wrong\n", "") == netattach(*arguments, "a.yaml", "b.yaml")
    assert 1 == netattach(*arguments, "a.yaml", "b.yaml", "c.yaml")[0]


def test_the_page_installs_this_release() -> None:
    assert [VERSION] * 3 == re.findall(r"(?:@v|rev: v)([\d.]+\d)", PAGE.read_text())

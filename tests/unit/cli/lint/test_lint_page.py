"""docs/lint.md is correct: its commands print what it shows, and its YAML can be copied.

With NETATTACH_WRITE_PAGES=1 the page is updated with the actual output.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from netattach_cli import rule_pages
from netattach_core.version import VERSION
from support import require
from unit.cli.samples import INVALID_CONFIG, Netattach, nad

PAGE = require.REPOSITORY / "docs/lint.md"
HOOKS = require.REPOSITORY / ".pre-commit-hooks.yaml"
ACTION = require.REPOSITORY / "action.yml"
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

    assert 7 == len(blocks("console"))
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


def test_all_pages_and_the_rules_have_one_address_of_this_repository() -> None:
    """It is a placeholder until the project has a public one: `rule_pages.HOME`, also the start of each `helpUri` in SARIF."""
    ask = require.REPOSITORY / "docs/how-to/ask.md"
    named = [re.findall(r"https://\S+?/netattach\b", page.read_text()) for page in (PAGE, ask)]

    assert [{rule_pages.HOME}] * 2 == [set(each) for each in named]


def run_action(directory: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The last step of the action, as GitHub's runner does it: with the inputs as environment variables."""
    program = directory / "temp/netattach/bin/netattach"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m netattach_cli "$@"\n')
    program.chmod(0o755)
    action = yaml.safe_load(ACTION.read_text())
    step = action["runs"]["steps"][-1]
    chosen = {name: inputs.get(name, each["default"]) for name, each in action["inputs"].items()}
    values = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: chosen[found[1]], text)
        for name, text in step["env"].items()
    }
    environment = {**os.environ, **values, "RUNNER_TEMP": str(directory / "temp")}
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_action_lints_with_the_inputs_of_a_workflow(netattach: Netattach, tmp_path: Path) -> None:
    """`netattach` is here for its working directory alone."""
    require.command("bash")
    Path("nets").mkdir()
    Path("nets/a.yaml").write_text(nad("a", INVALID_CONFIG))
    Path("nets/b.yaml").write_text(nad("b"))
    done = run_action(tmp_path, files="nets/*.yaml", arguments="--severity schema=deny", sarif="out.sarif")

    assert 1 == done.returncode, done.stderr
    assert done.stdout.startswith("::error file=nets/a.yaml,line=11,")
    assert "2 NADs: 1 refused" in done.stdout
    assert 1 == len(json.loads(Path("out.sarif").read_text())["runs"][0]["results"])


@pytest.mark.parametrize(
    ("config", "status"), [("", 0), ("--no-config", 1), ("ci/a b.yaml", 0), ("none.yaml", 2)]
)
def test_a_workflow_decides_which_projects_file_the_action_reads(
    netattach: Netattach, tmp_path: Path, config: str, status: int
) -> None:
    require.command("bash")
    Path("a.yaml").write_text(nad("a", INVALID_CONFIG))
    Path("ci").mkdir()
    for name in (".netattach.yaml", "ci/a b.yaml"):
        Path(name).write_text("severities: {schema: off}\n")
    done = run_action(tmp_path, files="a.yaml", config=config)

    assert status == done.returncode, done.stderr


def test_the_action_does_not_run_what_its_inputs_contain(netattach: Netattach, tmp_path: Path) -> None:
    require.command("bash")
    hostile = "$(touch evil) `touch evil` ; touch evil"
    done = run_action(tmp_path, files=hostile, arguments="", sarif="")

    assert 2 == done.returncode
    assert not Path("evil").exists()


def test_the_action_takes_no_file_name_for_an_option(netattach: Netattach, tmp_path: Path) -> None:
    """`git diff --name-only` lists what a pull request adds."""
    require.command("bash")
    Path("bad.yaml").write_text(nad("a", INVALID_CONFIG))
    Path("--help").write_text(nad("b"))
    done = run_action(tmp_path, files="bad.yaml --help")

    assert 1 == done.returncode, done.stderr
    assert "2 NADs: 1 refused" in done.stdout


def test_the_action_runs_no_module_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python3 -m` looks into the working directory first. Here python3 leaves out pip, which takes seconds to unpack."""
    require.command("bash")
    checkout, programs, temp = (tmp_path / name for name in ("checkout", "programs", "temp"))
    for folder in (checkout, programs, temp):
        folder.mkdir()
    for module in ("venv", "ensurepip", "pip"):
        (checkout / f"{module}.py").write_text("open('evil', 'w')")
    (programs / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@" --without-pip\n')
    (programs / "python3").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    step = yaml.safe_load(ACTION.read_text())["runs"]["steps"][0]
    subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        env={**os.environ, "RUNNER_TEMP": str(temp), "GITHUB_ACTION_PATH": str(tmp_path / "none")},
        cwd=checkout,
        check=False,  # there is no pip
    )

    assert (temp / "netattach/bin/python").exists()
    assert [] == list(tmp_path.rglob("evil"))


def test_no_script_of_the_action_contains_an_expression() -> None:
    """GitHub would put the value into the script, and run it."""
    for step in yaml.safe_load(ACTION.read_text())["runs"]["steps"]:
        assert "${{" not in step["run"]

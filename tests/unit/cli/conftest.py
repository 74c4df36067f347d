"""The command line at work, in a folder of its own, with a kubectl that answers as it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netattach_cli.__main__ import main
from netattach_core.api.inventory import NodeInventory
from unit.cli.desk import Kubectl, Netattach, as_kubectl_prints


@pytest.fixture
def netattach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Netattach:
    """Runs a command in the temporary folder: exit code, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        code = main(list(words))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """Puts a kubectl first on the path; the file that comes back has the words of its last call."""

    def install(*nodes: NodeInventory, stdout: str = "", stderr: str = "", code: int = 0) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "stdout").write_text(stdout or json.dumps(as_kubectl_prints(*nodes)))
        (folder / "stderr").write_text(stderr)
        script = f'echo "$@" >{folder}/called; cat {folder}/stderr >&2; cat {folder}/stdout; exit {code}'
        (folder / "kubectl").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "kubectl").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return folder / "called"

    return install

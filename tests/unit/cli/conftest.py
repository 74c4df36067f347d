"""Runs the command line in a temporary folder, with a fake kubectl."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netattach_cli.__main__ import main
from netattach_core.api.inventory import NodeInventory
from unit.cli.samples import Kubectl, Netattach, as_kubectl_prints


@pytest.fixture
def netattach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Netattach:
    """Runs a command in the temporary folder: exit status, output, errors."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main(list(arguments))
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """Puts a fake kubectl first on the path; returns the file with the arguments of its last call."""

    def install(*nodes: NodeInventory, stdout: str = "", stderr: str = "", status: int = 0) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "stdout").write_text(stdout or json.dumps(as_kubectl_prints(*nodes)))
        (folder / "stderr").write_text(stderr)
        script = f'echo "$@" >{folder}/called; cat {folder}/stderr >&2; cat {folder}/stdout; exit {status}'
        (folder / "kubectl").write_text(f"#!/bin/sh\n{script}\n")
        (folder / "kubectl").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        return folder / "called"

    return install

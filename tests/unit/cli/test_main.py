"""The program itself: its name, and its end when the reader of its output goes away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from netattach_cli.__main__ import main
from unit.cli.samples import INVALID_CONFIG, nad


@pytest.mark.parametrize(
    ("program", "shown"), [("/bin/netattach", "netattach"), ("/bin/kubectl-netattach", "kubectl netattach")]
)
def test_usage_shows_the_name_it_was_started_by(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], program: str, shown: str
) -> None:
    """kubectl starts it as a plugin."""
    monkeypatch.setattr(sys, "argv", [program])
    with pytest.raises(SystemExit) as caught:
        main(["lint", "--help"])

    assert 0 == caught.value.code
    assert capsys.readouterr().out.startswith(f"usage: {shown} lint ")


def test_a_closed_pipe_ends_it_without_a_traceback(tmp_path: Path) -> None:
    """As with `netattach lint … | head -1`; the output is longer than a pipe holds."""
    file = tmp_path / "a.yaml"
    file.write_text("---\n".join(nad(f"n{index}", INVALID_CONFIG) for index in range(600)))
    command = [sys.executable, "-m", "netattach_cli", "lint", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()

        assert b"" == process.stderr.read()
        assert 141 == process.wait()


def test_what_follows_two_dashes_is_no_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--help").write_text(nad("a", INVALID_CONFIG))
    Path("b.yaml").write_text(nad("b"))

    assert 1 == main(["lint", "--", "b.yaml", "--help"])
    assert 0 == main(["lint", "b.yaml", "--output", "text", "b.yaml"])


def test_an_argument_begins_no_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be the name of a file, and GitHub's runner reads what is printed."""
    with pytest.raises(SystemExit) as caught:
        main(["lint", "a.yaml", "--x\n::error::y"])

    assert 2 == caught.value.code
    assert [] == [line for line in capsys.readouterr().err.splitlines() if line.startswith("::")]

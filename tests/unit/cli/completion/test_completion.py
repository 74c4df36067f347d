"""Completion: candidates by the parsers and by the cluster, and the bash script as bash runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from netattach_cli.commands import COMMANDS
from netattach_cli.completion import answer
from netattach_cli.completion.candidates import Lookup, candidates
from netattach_cli.completion.scripts import SCRIPTS
from support import fake_kubectl, require
from unit.cli import cluster_objects as objects
from unit.cli.samples import Netattach


def words(line: str) -> list[str]:
    """Of the candidates for the last word of a line."""
    return [word for word, _ in candidates(line.split(" ")).words]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("st", ["status"]),
        ("n", ["networks", "nodes", "new"]),
        ("get ", ["pods", "pod", "po"]),
        ("get po", ["pods", "pod", "po"]),
        ("status -o ", ["table", "wide", "json", "yaml", "name"]),
        ("status -o j", ["json"]),
        ("status --output=j", ["json"]),
        ("status --output = j", ["json"]),
        ("status --output =", ["table", "wide", "json", "yaml", "name"]),
        ("status --wa", ["--watch", "--wait"]),
        ("status -w --wai", ["--wait"]),
        ("migrate ", ["check"]),
        ("migrate check --wr", ["--write"]),
        ("completion b", ["bash"]),
        ("new mac", ["macvlan"]),
        ("nothing-like-it ", []),
        ("migrate nothing --x", []),
        ("status extra words ", []),
    ],
)
def test_words(line: str, expected: list[str]) -> None:
    assert expected == words(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("get pods ", Lookup.POD),
        ("get pods web-1 ", Lookup.POD),
        ("get pods -n ", Lookup.NAMESPACE),
        ("explain ", Lookup.POD),
        ("doctor ", Lookup.NODE),
        ("networks ", Lookup.NETWORK),
        ("who-uses --watch ", Lookup.NETWORK),
        ("nodes ", Lookup.NODE),
        ("status --context ", Lookup.CONTEXT),
        ("status --kubeconfig ", Lookup.FILE),
        ("lint ", Lookup.FILE),
        ("lint a.yaml ", Lookup.FILE),
        ("status ", Lookup.NOTHING),
        ("nodes node1 ", Lookup.NOTHING),
    ],
)
def test_what_is_looked_up(line: str, expected: Lookup) -> None:
    assert expected is candidates(line.split(" ")).lookup


def test_nothing_before_anything_is_typed() -> None:
    assert list(COMMANDS) == [word for word, _ in candidates([]).words]


def test_each_option_of_each_command_has_a_description() -> None:
    for name in COMMANDS:
        for word, text in candidates([name, "-"]).words:
            assert text, (name, word)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = [
        *objects.healthy(),
        objects.pod("elsewhere", namespace="shop"),
        objects.network("storage", namespace="shop"),
        {"kind": "Namespace", "metadata": {"name": "default"}},
        {"kind": "Namespace", "metadata": {"name": "shop"}},
    ]
    fake_kubectl.install(tmp_path / "bin", found, namespace="default")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    return tmp_path / "bin"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("get pods w", "web-1\nweb-2\n:4\n"),
        ("get pods -n shop ", "elsewhere\n:4\n"),
        ("get pods shop/", "shop/elsewhere\n:4\n"),
        ("networks -n shop s", "storage\n:4\n"),
        ("nodes ", "node1\nnode2\n:4\n"),
        ("get pods --namespace=s", "shop\n:4\n"),
        ("completion f", "fish\n:4\n"),
        ("lint ", ":0\n"),
        ("compl", "completion\tprint the completion script for a shell\n:4\n"),
    ],
)
def test_answers(cluster: Path, netattach: Netattach, line: str, expected: str) -> None:
    assert (0, expected, "") == netattach("__complete", *line.split(" "))


def test_contexts_are_kubectls(cluster: Path, netattach: Netattach) -> None:
    (cluster / "kubectl").write_text("#!/bin/sh\nprintf 'lab\\nlive\\n'\n")

    assert (0, "lab\nlive\n:4\n", "") == netattach("__complete", "status", "--context", "l")


@pytest.mark.parametrize("broken", ["no cluster", ""])
def test_without_a_cluster_there_is_nothing_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, netattach: Netattach, broken: str
) -> None:
    if broken:
        fake_kubectl.install(tmp_path / "bin", [], broken=broken)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    assert (0, ":4\n", "") == netattach("__complete", "nodes", "")


def test_kubectl_asks_a_program_of_its_own(
    cluster: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl_complete-netattach", "nodes", "node1"])

    assert 0 == answer.main()
    assert "node1\n:4\n" == capsys.readouterr().out


def test_bash_completes_with_the_script(cluster: Path) -> None:
    require.command("bash")
    program = cluster / "netattach"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m netattach_cli "$@"\n')
    program.chmod(0o755)
    script = 'eval "$(netattach completion bash)"; COMP_WORDS=(netattach "$@"); COMP_CWORD=$#; _netattach; '
    script += 'printf "%s\\n" "${COMPREPLY[@]}"'

    def completed(*line: str) -> list[str]:
        command = ["bash", "-c", script, "bash", *line]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
        return done.stdout.split()

    assert ["status"] == completed("stat")
    assert ["web-1", "web-2"] == completed("get", "pods", "w")
    assert ["json"] == completed("status", "--output", "=", "j")
    assert [] == completed("lint", "")


def test_each_shell_has_a_script(netattach: Netattach) -> None:
    for shell, script in SCRIPTS.items():
        assert (0, script, "") == netattach("completion", shell)
        assert " __complete " in script

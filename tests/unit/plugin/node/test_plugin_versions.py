"""What a plugin's binary answers to VERSION, also one that is broken or hostile."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from netattach_plugin.node import plugin_versions
from support.waiting import PATIENCE, eventually

ANSWER = """echo '{"supportedVersions": ["0.4.0", "1.1.0"]}'"""
USABLE = ("0.4.0", "1.1.0")


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def ask(path: Path) -> tuple[str, ...]:
    """In the time that a test is given, whatever the binary does."""
    return asyncio.run(asyncio.wait_for(plugin_versions.supported(path, "/opt/cni/bin"), PATIENCE))


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is late, on whatever machine."""
    monkeypatch.setattr(plugin_versions, "_TIMEOUT", 10 * PATIENCE)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer is late."""
    monkeypatch.setattr(plugin_versions, "_TIMEOUT", 0.2)


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    """Where a script writes a process id."""
    return tmp_path / "pid"


@pytest.fixture
def child(pid_file: Path) -> Iterator[Path]:
    """Where a script writes the id of a child that lives on; it is killed afterwards."""
    yield pid_file
    with contextlib.suppress(FileNotFoundError, ValueError):
        os.kill(int(pid_file.read_text()), signal.SIGKILL)


def is_gone(pid_file: Path) -> bool:
    """Also one that never began."""
    try:
        os.kill(int(pid_file.read_text()), 0)
    except (FileNotFoundError, ValueError, ProcessLookupError):
        return True
    return False


@pytest.mark.usefixtures("patient")
def test_the_binary_is_asked_as_the_specification_says(tmp_path: Path) -> None:
    said = tmp_path / "said"
    asked = script(tmp_path / "bridge", f'cat >{said}; echo "$CNI_COMMAND $CNI_PATH" >>{said}; {ANSWER}')

    assert USABLE == ask(asked)
    assert '{"cniVersion": "1.1.0"}VERSION /opt/cni/bin\n' == said.read_text()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("text", "versions"),
    [
        (f"exec <&-; {ANSWER}; exit 1", USABLE),
        ("exit 1", ()),
        ("echo '[]'", ()),
        ("""echo '{"supportedVersions": 1}'""", ()),
        ("""printf '{"supportedVersions": ["\\377"]}'""", ()),
        ("yes '[' | head -c 60000", ()),
    ],
    ids=["without reading", "nothing", "no object", "no list", "no UTF-8", "nested without end"],
)
def test_only_a_usable_answer_counts(tmp_path: Path, text: str, versions: tuple[str, ...]) -> None:
    assert versions == ask(script(tmp_path / "bridge", text))


@pytest.mark.usefixtures("patient")
def test_what_cannot_be_run_has_no_answer(tmp_path: Path) -> None:
    (tmp_path / "bridge").write_text("neither a script nor a program")

    assert () == ask(tmp_path / "bridge") == ask(tmp_path / "nowhere")


@pytest.mark.usefixtures("patient")
def test_a_binary_that_prints_without_end_is_killed(tmp_path: Path, pid_file: Path) -> None:
    """It would fill the daemon's memory. `exec` keeps the process id."""
    assert () == ask(script(tmp_path / "bridge", f"echo $$ >{pid_file}; {ANSWER}; exec yes"))

    eventually(lambda: is_gone(pid_file), "the binary has been killed")


@pytest.mark.usefixtures("patient")
def test_an_answer_has_64_kib_at_most(tmp_path: Path) -> None:
    longest = 65536 - len('{"supportedVersions": ["0.4.0", "1.1.0"]}\n')

    assert USABLE == ask(script(tmp_path / "fits", f"{ANSWER}; printf '%{longest}s' ''"))
    assert () == ask(script(tmp_path / "exceeds", f"{ANSWER}; printf '%{longest + 1}s' ''"))


@pytest.mark.usefixtures("hurried")
def test_a_binary_that_hangs_is_killed(tmp_path: Path, pid_file: Path) -> None:
    assert () == ask(script(tmp_path / "bridge", f"echo $$ >{pid_file}; exec sleep 1000"))

    eventually(lambda: is_gone(pid_file), "the binary has been killed")


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("then", ["exit", "sleep 1000"], ids=["a binary that ends", "a binary that hangs"])
def test_a_child_that_holds_the_output_holds_nothing_else(tmp_path: Path, child: Path, then: str) -> None:
    assert () == ask(script(tmp_path / "bridge", f"sleep 1000 & echo $! >{child}; {ANSWER}; {then}"))

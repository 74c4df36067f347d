"""The cluster's processes: each in a session of its own with its id in a file, so that another run can end exactly these."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from e2e.lab.places import WORK, path


def start(name: str, *command: str | Path, cwd: Path | None = None) -> None:
    """Starts a process in the background, with its output in NAME.log."""
    with (WORK / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(  # outlives this program unless it is killed
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=cwd,
            env={**os.environ, "PATH": path()},
            start_new_session=True,
        )
    process.returncode = (
        0  # found by its id from now on; without this Python warns of a process that still runs
    )
    (WORK / f"{name}.pid").write_text(f"{process.pid} {_started_at(process.pid)}")


def pid(name: str, work: Path = WORK) -> int | None:
    """Its process id while it runs; ids are reused, so the start time has to match."""
    try:
        number, started = (work / f"{name}.pid").read_text().split()
    except (FileNotFoundError, ValueError):
        return None
    return int(number) if _started_at(int(number)) == started else None


def kill(name: str) -> None:
    """Kills the process and its session; returns when they are gone."""
    number = pid(name)
    if number is not None:
        session = {each: _started_at(each) for each in _session(number)}
        for each in session:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        while any(started and _started_at(each) == started for each, started in session.items()):
            with contextlib.suppress(ChildProcessError):
                os.waitpid(number, os.WNOHANG)
            time.sleep(0.02)
    (WORK / f"{name}.pid").unlink(missing_ok=True)


@contextlib.contextmanager
def paused(name: str) -> Iterator[None]:
    """Stops the process (SIGSTOP) until the end of the block."""
    number = pid(name)
    if number is None:
        raise RuntimeError(f"{name} does not run")
    os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(number, signal.SIGCONT)


def run(
    *command: str | Path,
    input: str | None = None,  # noqa: A002  # subprocess' own word
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end. Raises RuntimeError with its output where it fails and `check` is set."""
    done = subprocess.run(
        [str(word) for word in command],
        input=input,
        stdin=subprocess.DEVNULL if input is None else None,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path()},
    )
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def tail(name: str, lines: int = 15) -> str:
    """The end of its log, for an error's text."""
    try:
        return "\n".join((WORK / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return f"no {name}.log"


def mentions(name: str, word: str, lines: int = 60) -> str:
    """The last lines of its log with the word, then the last ten lines, for an error's text."""
    try:
        logged = (WORK / f"{name}.log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return f"no {name}.log"
    return "\n".join([name, *[line for line in logged if word in line][-lines:], *logged[-10:]])


def _session(leader: int) -> Sequence[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                if int(_stat(int(entry.name))[3]) == leader:
                    found.append(int(entry.name))
    return found


def _started_at(number: int) -> str:
    """The kernel's start time of the process; "" where there is none, or a zombie."""
    with contextlib.suppress(OSError, IndexError):
        fields = _stat(number)
        return "" if fields[0] == "Z" else fields[19]
    return ""


def _stat(number: int) -> list[str]:
    """The fields after the name, which may hold blanks."""
    return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()

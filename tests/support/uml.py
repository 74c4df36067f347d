"""A second kernel on this machine: user-mode-linux, with kinds of links that the machine's own kernel may lack.

It needs neither root nor virtualisation. The guest sees the machine's file tree by hostfs below an overlay in the guest's
memory: it may write anywhere, and of the machine's files only those in one work directory change.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MODULES = Path("/usr/lib/uml/modules")
INIT = Path(__file__).parents[1] / "kernel" / "init"
INSIDE = "NETATTACH_GUEST"
ENDED = "ended"
_XSTATE = Path(__file__).with_name("uml_xstate.c")
MEMORY = "1500M"

# Most variables of the machine have no meaning for another machine.
_HANDED_ON = ("CI", "HOME", "LANG", "NETATTACH_CACHE", "NETATTACH_SOAK", "PATH", "XDG_CACHE_HOME")


@dataclass(frozen=True)
class Outcome:
    """The outcome of the command; no exit status where the guest died or ran out of time before the command ended."""

    exit_status: int | None
    output: str
    console: str


def inside() -> bool:
    """Whether this process runs in the guest."""
    return bool(os.environ.get(INSIDE))


def missing() -> str | None:
    """Why this machine cannot boot a second kernel; None where it can."""
    if os.uname().machine != "x86_64":
        return f"user-mode-linux does not exist for {os.uname().machine}"
    if not shutil.which("linux.uml") or not MODULES.is_dir():
        return "user-mode-linux is not installed: make setup"
    if not any(Path(folder, "modprobe").exists() for folder in ("/sbin", "/usr/sbin")):
        return "kmod is not installed: make setup"
    if not shutil.which("gcc"):
        return "gcc is not installed: make setup"
    return None


def kernel(work: Path, choose: Callable[[Iterable[int]], int] = max) -> tuple[str, ...]:
    """The first words of the command. Such a kernel runs one process at a time: on one processor that is four times as fast.

    `choose` selects one of the machine's processors, a different one for each of two kernels. `work` is an existing directory.
    """
    library = work / "uml_xstate.so"
    compiled = work / f"uml_xstate.{os.getpid()}"
    gcc = ("gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", compiled, _XSTATE)
    subprocess.run(gcc, check=True)
    compiled.rename(library)
    processor = str(choose(os.sched_getaffinity(0)))
    return ("taskset", "--cpu-list", processor, "env", f"LD_PRELOAD={library}", "linux.uml")


class Guest:
    """A guest that was booted with `work` as its directory, possibly by another process."""

    def __init__(self, work: Path) -> None:
        self._work = work

    def outcome(self, seconds: float) -> Outcome:
        """Waits until the guest has ended, `seconds` at most."""
        late = ""
        deadline = time.monotonic() + seconds
        while not (self._work / ENDED).exists() and not late:
            if time.monotonic() > deadline:
                late = f"\nstill running after {seconds:g} seconds\n"
            time.sleep(0.1)
        status, output = self._work / "status", self._work / "output"
        return Outcome(
            exit_status=int(status.read_text()) if status.exists() else None,
            output=output.read_text(errors="replace") if output.exists() else "",
            console=(self._work / "console").read_text(errors="replace") + late,
        )


@contextlib.contextmanager
def booted(command: Sequence[str], *, folder: Path, work: Path) -> Iterator[Guest]:
    """Boots a guest that runs the command in `folder` as root and powers off. The guest may write into `work`."""
    _write_script(work / "command", folder, command)
    script = f"#!/bin/sh\nexport WORK={shlex.quote(str(work))}\nexec sh {shlex.quote(str(INIT))}\n"
    (work / "init").write_text(script)
    (work / "init").chmod(0o700)
    kernel = _boot(work)
    waiter = threading.Thread(target=_note_end, args=(kernel, work))
    waiter.start()
    try:
        yield Guest(work)
    finally:
        with contextlib.suppress(ProcessLookupError):  # as a loss of power; nothing where it has powered off
            os.killpg(kernel.pid, signal.SIGKILL)
        waiter.join()


def environment() -> dict[str, str]:
    """The variables of the guest."""
    handed_on = {name: os.environ[name] for name in _HANDED_ON if name in os.environ}
    return handed_on | {INSIDE: "1"}


def _write_script(path: Path, folder: Path, command: Sequence[str]) -> None:
    exports = [f"export {name}={shlex.quote(value)}" for name, value in environment().items()]
    lines = [*exports, f"cd {shlex.quote(str(folder))}", f"exec {shlex.join(command)}"]
    path.write_text("\n".join(lines) + "\n")


def _boot(work: Path) -> subprocess.Popen[bytes]:
    command = [
        *(
            *kernel(work, min),
            "rootfstype=hostfs",
            "rootflags=/",
            "ro",
            f"mem={MEMORY}",
            f"init={work / 'init'}",
        ),
        *("quiet", "con=null", "con0=null,fd:1", f"uml_dir={work}", "umid=guest"),
    ]
    with (work / "console").open("wb") as console:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
        )


def _note_end(kernel: subprocess.Popen[bytes], work: Path) -> None:
    kernel.wait()
    (work / ENDED).touch()

"""A second kernel on this machine: user-mode-linux, with links that the machine's own kernel may lack.

It needs no root and no virtualisation. The guest sees the machine's file tree by hostfs under an overlay in the guest's
memory: it may write where it likes, and of the machine's files only those of one work directory change.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MODULES = Path("/usr/lib/uml/modules")
INIT = Path(__file__).parents[1] / "kernel" / "init"
INSIDE = "NETATTACH_GUEST"
MEMORY = "1500M"

# Little of the machine's environment has a meaning for another machine.
_HANDED_ON = ("CI", "HOME", "LANG", "NETATTACH_CACHE", "NETATTACH_SOAK", "PATH", "XDG_CACHE_HOME")


@dataclass(frozen=True)
class Outcome:
    """What became of the command; no exit status where the guest died or ran out of time before it ended."""

    exit_status: int | None
    output: str
    console: str


def inside() -> bool:
    """Whether this is the guest."""
    return bool(os.environ.get(INSIDE))


def missing() -> str | None:
    """Why this machine cannot boot a second kernel."""
    if os.uname().machine != "x86_64":
        return f"user-mode-linux does not exist for {os.uname().machine}"
    if not shutil.which("linux.uml") or not MODULES.is_dir():
        return "user-mode-linux is not installed: make setup"
    if not any(Path(folder, "modprobe").exists() for folder in ("/sbin", "/usr/sbin")):
        return "kmod is not installed: make setup"
    return None


def kernel(choose: Callable[[Iterable[int]], int] = max) -> tuple[str, ...]:
    """The command's first words. The processes of such a kernel take turns; on one processor that is four times as fast.

    `choose` says which of the machine's processors: two kernels at once had better not share one.
    """
    return ("taskset", "--cpu-list", str(choose(os.sched_getaffinity(0))), "linux.uml")


class Guest:
    """A guest that is at work. Its kernel's processes are a session of their own, so all of them can be ended by its id."""

    def __init__(self, kernel: subprocess.Popen[bytes], work: Path) -> None:
        self._kernel = kernel
        self._work = work

    def outcome(self, seconds: float) -> Outcome:
        """Waits, for so long at most, until it has powered itself off."""
        late = ""
        try:
            self._kernel.wait(seconds)
        except subprocess.TimeoutExpired:
            late = f"\nended after {seconds:g} seconds of waiting\n"
        self.end()
        status, output = self._work / "status", self._work / "output"
        return Outcome(
            exit_status=int(status.read_text()) if status.exists() else None,
            output=output.read_text(errors="replace") if output.exists() else "",
            console=(self._work / "console").read_text(errors="replace") + late,
        )

    def end(self) -> None:
        """As a loss of power; nothing where it has powered off."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._kernel.pid, signal.SIGKILL)
        self._kernel.wait()


@contextlib.contextmanager
def booted(command: Sequence[str], *, folder: Path, work: Path) -> Iterator[Guest]:
    """Runs the command in `folder` as the guest's root, and powers off. The guest may write into `work`."""
    _write_script(work / "command", folder, command)
    script = f"#!/bin/sh\nexport WORK={shlex.quote(str(work))}\nexec sh {shlex.quote(str(INIT))}\n"
    (work / "init").write_text(script)
    (work / "init").chmod(0o700)
    guest = Guest(_boot(work), work)
    try:
        yield guest
    finally:
        guest.end()


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
        *(*kernel(min), "rootfstype=hostfs", "rootflags=/", "ro", f"mem={MEMORY}", f"init={work / 'init'}"),
        *("quiet", "con=null", "con0=null,fd:1", f"uml_dir={work}", "umid=guest"),
    ]
    with (work / "console").open("wb") as console:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True
        )

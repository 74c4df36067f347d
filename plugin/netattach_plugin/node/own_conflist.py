"""netattach's conflist in the CNI configuration directory: repaired, and left alone while another program contests it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from netattach_core.cni import conf_contest, netattach_conf
from netattach_core.cni.conf_contest import Action, Loss, Losses
from netattach_core.errors import ConfigError
from netattach_plugin.files import atomic_file

_MODE = 0o600


class OwnConflist:
    """`lost` is called whenever it is found lost, in whatever thread calls `write`. Every daemon begins without losses.

    `first_since` is the time of `clock` since which the runtime has used it without a break; None while it does not.
    """

    def __init__(
        self,
        conf_dir: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self.path = conf_dir / netattach_conf.FILE_NAME
        self._clock = clock
        self._report_loss = lost
        self._written = b""
        self._held: bytes | None = None
        self._losses = Losses()
        self._loss = Loss("", "")
        self.contest: str | None = None
        self.first_since: float | None = None

    def use(self, name: str) -> None:
        """The file's name from now on, one of `INSTALLED_FILE_NAMES`; what the former one is replaced by is no loss."""
        if name != self.path.name:
            self.path, self._held, self.first_since = self.path.with_name(name), None, None

    def write(self, content: bytes) -> None:
        """Writes it once, then where it is missing or differs. Raises ConfigError where another program contests it, OSError.

        Once even if it is there already, since the runtime may not have read it: containerd ignores a file that appears, as by a
        move (`cni_conf_syncer.go`), and reads the directory again after a rename in it, which writing is.

        `contest` says so then, None without a contest. A file under the other name is removed afterwards, so that one of them is
        there at each moment.
        """
        self._look_for_loss()
        action = self._losses.next_action(self._clock())
        self.contest = None if action is Action.UNCONTESTED else self._contest_text()
        if action is Action.YIELD:
            raise ConfigError(self._contest_text())
        if self._written:
            atomic_file.write_if_changed(self.path, content, _MODE)
        else:
            atomic_file.write(self.path, content, _MODE)
        for name in netattach_conf.INSTALLED_FILE_NAMES:
            if name != self.path.name:
                with contextlib.suppress(IsADirectoryError):  # which runtimes skip
                    self.path.with_name(name).unlink(missing_ok=True)
        self._written = content
        self._held = None if self._held is None else content

    def require_first(self) -> None:
        """Raises ConfigError where the runtime uses another file. From the first success on, the conflist can be lost."""
        before = netattach_conf.files_before(
            self.path.name, (path.name for path in self.path.parent.iterdir() if not path.is_dir())
        )
        if before:
            self.first_since = None
            raise ConfigError(
                f"the container runtime uses {self.path.with_name(before[0])}, which comes before {self.path.name}; "
                "rename or remove it"
            )
        self._held = self._written
        if self.first_since is None:
            self.first_since = self._clock()

    def _look_for_loss(self) -> None:
        if self._held is None:
            return
        loss = conf_contest.find_loss(self.path.name, self._held, dict(self._files()))
        if loss is not None:
            self._losses = self._losses.with_another(self._clock())
            self._loss, self._held, self.first_since = loss, None, None
            self._report_loss()

    def _files(self) -> Iterator[tuple[str, bytes]]:
        """CNI configs, and copies of ours under other names."""
        for path in self.path.parent.iterdir():
            is_candidate = path.suffix in netattach_conf.SUFFIXES or path.name.startswith(self.path.name)
            with contextlib.suppress(OSError):  # gone meanwhile, or not readable by the runtime either
                if is_candidate and path.is_file():
                    yield path.name, path.read_bytes()

    def _contest_text(self) -> str:
        return (
            f"another program contests {self.path}, the first CNI config: {self._loss.what}, again and again, so pods start "
            f"without their secondary networks; {self._loss.remedy}. netattach writes it again after some minutes, and is ready "
            f"when it stays for {conf_contest.TRIAL:.0f} s"
        )

"""What `kubectl get nad --watch` shows of one network, with the time of each change: a status that lasts a moment is seen too."""

from __future__ import annotations

import subprocess
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from e2e.lab.places import KUBECONFIG, WORK, binaries

_CONDITION = '{.status.conditions[?(@.type=="%s")].%s}'
_COLUMNS = f"{{.status.nodes.summary}} {_CONDITION % ('Ready', 'reason')} {_CONDITION % ('Valid', 'status')}"


class NadWatch:
    """`since` starts a measurement, and `seconds_to` ends it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lines: list[tuple[float, str]] = []
        self._more = threading.Condition()
        self._began = time.monotonic()
        self.measured: dict[str, float] = {}
        """Seconds, by what was waited for."""

    def __enter__(self) -> Self:
        words: list[str | Path] = [
            binaries() / "kubectl",
            "--kubeconfig",
            KUBECONFIG,
            "--cache-dir",
            WORK / "kubectl",
        ]
        words += ["get", "nad", self._name, "--watch", "--output", f'jsonpath={_COLUMNS}{{"\\n"}}']
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def since(self) -> None:
        """From now on."""
        self._began = time.monotonic()

    def seconds_to(self, expected: str, what: str, within: float = 60.0) -> float:
        """From `since` to the first line with this text after it: "1/2 InterfaceMissing True"."""
        deadline = time.monotonic() + within
        with self._more:
            while True:
                for when, line in self._lines:
                    if when >= self._began and expected in line:
                        self.measured[what] = when - self._began
                        return when - self._began
                left = deadline - time.monotonic()
                if left <= 0 or not self._more.wait(left):
                    raise AssertionError(
                        f"not within {within:g} s: {what}: {expected}; seen: {self._lines[-5:]}"
                    )

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._more:
                self._lines.append((time.monotonic(), line.strip()))
                self._more.notify_all()

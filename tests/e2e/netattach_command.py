"""`kubectl netattach` as a user runs it, and what it prints."""

from __future__ import annotations

import fnmatch
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from e2e.lab import places


class Netattach:
    """The plugin of kubectl, as a user runs it."""

    def __init__(self) -> None:
        self.environment = os.environ | {
            "KUBECONFIG": str(places.KUBECONFIG),
            "PATH": f"{places.binaries()}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["kubectl", "netattach", *words],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def data(self, *words: str) -> Any:
        """What -o json has."""
        return json.loads(self.run(*words, "--output=json").stdout)

    def wait_healthy(self) -> None:
        """Until nothing is wrong."""
        done = self.run("status", "--wait", "--timeout=3m")
        assert 0 == done.returncode, done.stdout + done.stderr


def lines(text: str) -> list[str]:
    """The lines of a table, with one space between columns."""
    return [re.sub(" +", " ", line).strip() for line in text.splitlines()]


def lacking(text: str, patterns: Iterable[str]) -> list[str]:
    """The patterns, as of file names, that no line of a table has."""
    found = lines(text)
    return [each for each in patterns if not fnmatch.filter(found, f"*{each}*")]

"""A script in the namespace of a node, next to that of a pod: both new and real."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support import require

_SHELL = """
unshare --net sh -c 'echo; exec sleep 300' > "$1" &
until [ -s "$1" ]; do sleep 0.01; done
shift
program=$1 script=$2
shift 2
"$program" -c "$script" $! "$@"
status=$?
kill $!
exit $status
"""


def output(script: str, place: Path, *arguments: str) -> list[str]:
    """The lines that a Python script prints. Its first argument is a process in the pod; `place`: an empty directory."""
    require.own_namespaces()
    command = require.in_new_namespace(
        "sh", "-c", _SHELL, "sh", str(place / "ready"), sys.executable, script, *arguments
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return done.stdout.splitlines()

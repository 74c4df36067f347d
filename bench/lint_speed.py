"""The time of `netattach lint`: of one file, and of 10,000 networks in one file and in as many files.

Each run is a process of its own, as in CI; the forms alternate.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests")]

from netattach_core.api import inventory
from unit.cli.lint import test_many_files
from unit.cli.samples import WORKER

FORMS = ("a folder", "one file", "one file of JSON")
DENIED = 1
NOT_OF_USERS = "rfc3987_syntax"
"""A parser that jsonschema takes a second to load where it is installed: for development, and not by `netattach[cli]`."""


def main() -> None:
    """Measures; prints and saves the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    now = dt.datetime.now(dt.UTC)
    result = {
        "date": now.isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cpus": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "networks": arguments.networks,
        "runs": arguments.runs,
        "seconds": measured(arguments.networks, arguments.runs),
    }
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    (ROOT / f"bench/results/{now.date()}-lint.json").write_text(text)


def measured(networks: int, runs: int) -> dict[str, dict[str, float]]:
    """Median seconds by the clock and of the processors, by form."""
    with tempfile.TemporaryDirectory() as directory:
        nodes = Path(directory, "nodes.json")
        nodes.write_text(json.dumps(inventory.to_dict(WORKER)))
        folders = {form: Path(directory, form) for form in FORMS}
        for form, folder in folders.items():
            test_many_files.write(folder, form, networks)
        folders["one network"] = Path(directory, "a folder/0.yaml")
        seconds: dict[str, list[tuple[float, float]]] = {form: [] for form in folders}
        Path(directory, f"{NOT_OF_USERS}.py").write_text("raise ImportError\n")
        environment = {**os.environ, "PYTHONPATH": directory}
        for _ in range(runs):
            for form, folder in folders.items():
                seconds[form].append(timed(["lint", str(folder), "--inventory", str(nodes)], environment))
    return {form: medians(each) for form, each in seconds.items()}


def timed(words: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float]:
    """Seconds of a run, from the start of the process to its end."""
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "netattach_cli", *words], env=environment, stdout=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != DENIED:
        raise SystemExit(f"netattach {' '.join(words)} ended with status {process.returncode}")
    return taken, usage.ru_utime + usage.ru_stime


def medians(seconds: Sequence[tuple[float, float]]) -> dict[str, float]:
    clock, processors = zip(*seconds, strict=True)
    return {"clock": round(statistics.median(clock), 2), "cpu": round(statistics.median(processors), 2)}


if __name__ == "__main__":
    main()

"""`make bench` on this machine: one repetition of two cases, by hand and with netattach."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from compare import sides
from support import require

BENCH = require.REPOSITORY / "bench"


@pytest.mark.soak
def test_the_benchmark_measures_all_sides_and_nothing_is_left(tmp_path: Path) -> None:
    if os.geteuid() != 0 or "cgroup2" not in Path("/proc/self/mounts").read_text():
        require.left_out("needs root and cgroup v2")
    options: list[str | Path] = [
        "--types",
        "macvlan",
        "--counts",
        "1",
        "--repetitions",
        "1",
        "--storms",
        "2",
        "--results",
        tmp_path,
    ]
    environment = {**os.environ, "PYTHONPATH": str(BENCH), "MULTUS_DAEMON": "", "MULTUS_SHIM": ""}
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "compare",
            "--cni-bin",
            require.plugins(),
            "--shim",
            require.shim(),
            *options,
            tmp_path,
        ],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == ran.returncode, ran.stderr
    [saved] = tmp_path.glob("*.json")
    run = json.loads(saved.read_text())
    samples = {side: sample for case in run["cases"] for side, sample in case["samples"].items()}
    assert {sides.ONE_BY_ONE, sides.FLOOR, sides.BY_PLUGINS} <= samples.keys()
    assert all(sample["add"] and sample["delete"] and not sample["errors"] for sample in samples.values())
    assert [0] * len(run["storms"]) == [storm["samples"][sides.BY_PLUGINS]["lost"] for storm in run["storms"]]
    assert {sides.MULTUS} <= run["left_out"].keys()

"""The fuzzer of the shim's parsers: the same few thousand inputs in every run, others for ten minutes a target in `make soak`.

A failure's message contains the input; add it to the seeds.
"""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from support import build, require

SEEDS = require.REPOSITORY / "tests/fuzz/seeds/shim"
TARGETS = ("json", "frames", "chain", "call", "run", "sysctl", "error")
INPUTS = 10_000
SECONDS = 600


def _fuzz(
    fuzzer: Path,
    target: str,
    crash: Path,
    *,
    inputs: int = 0,
    seconds: int = 0,
    seed: int = 1,
    planted: str = "",
) -> subprocess.CompletedProcess[str]:
    files = sorted(map(str, (SEEDS / target).iterdir()))
    options = "abort_on_error=1:detect_leaks=0"  # what a target allocates once stays
    return subprocess.run(
        [fuzzer, target, str(inputs), str(seconds), str(seed), crash, *files],
        env={**os.environ, "ASAN_OPTIONS": options, "UBSAN_OPTIONS": "abort_on_error=1", "PLANTED": planted},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds + 300,
        check=False,
    )


def _no_finding(done: subprocess.CompletedProcess[str], crash: Path, seed: int) -> tuple[int, int, int]:
    """The number of accepted files, of inputs, and of edges that were reached."""
    found = crash.read_bytes() if crash.exists() else b""
    assert 0 == done.returncode, f"seed {seed}, {found!r}:\n{done.stderr[-5000:]}"
    accepted, tried, edges = map(int, done.stdout.split())
    return accepted, tried, edges


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_breaks_a_parser(target: str, tmp_path: Path) -> None:
    seeds = len(list((SEEDS / target).iterdir()))

    done = _fuzz(build.shim_fuzzer(), target, tmp_path / "crash", inputs=INPUTS)

    assert (seeds, seeds + INPUTS) == _no_finding(done, tmp_path / "crash", 1)[:2]


@pytest.mark.parametrize("target", TARGETS)
def test_inputs_of_the_fuzzer_reach_more_code_than_the_seeds(target: str, tmp_path: Path) -> None:
    of_seeds = _fuzz(build.shim_fuzzer(), target, tmp_path / "crash")
    of_inputs = _fuzz(build.shim_fuzzer(), target, tmp_path / "crash", inputs=INPUTS)

    assert _no_finding(of_seeds, tmp_path / "crash", 1)[2] < _no_finding(of_inputs, tmp_path / "crash", 1)[2]


@pytest.mark.parametrize("bug", ["overflow", "undefined", "endless", "property"])
def test_a_planted_bug_is_found_with_its_input(bug: str, tmp_path: Path) -> None:
    """Or the other tests would prove nothing."""
    seeds = {path.read_bytes() for path in (SEEDS / "json").iterdir()}

    done = _fuzz(build.shim_fuzzer(planted=True), "json", tmp_path / "crash", inputs=2 * INPUTS, planted=bug)

    assert done.returncode < 0
    found = (tmp_path / "crash").read_bytes()
    assert found not in seeds
    assert {
        "overflow": found.endswith(b"\\"),
        "undefined": found[3] > 127,
        "endless": found[1:2] == b"\\",
        "property": found[1:2] == b"\\",
    }[bug]


@pytest.mark.soak
@pytest.mark.parametrize("target", TARGETS)
def test_no_input_breaks_a_parser_for_ten_minutes(target: str, tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)

    done = _fuzz(build.shim_fuzzer(), target, tmp_path / "crash", seconds=SECONDS, seed=seed)

    assert _no_finding(done, tmp_path / "crash", seed)[1] > 20 * SECONDS

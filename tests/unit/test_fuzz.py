"""The fuzz targets of tests/fuzz: their seeds in every run, ten minutes of libFuzzer for each target in `make soak`.

A failure's message contains the input; add it to the seeds.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from fuzz import words
from support import require

SECONDS = 600

FOLDER = require.REPOSITORY / "tests/fuzz"
TARGETS = ("annotation", "config", "review")
SEEDS = [(target, path) for target in TARGETS for path in sorted((FOLDER / "seeds" / target).iterdir())]

OPTIONS = (
    f"-max_total_time={SECONDS}",
    "-seed=0",  # another one each time
    "-timeout=5",  # seconds for one input, which takes milliseconds
    "-rss_limit_mb=512",
    "-max_len=4096",
    "-len_control=0",  # long inputs from the start: the seeds are long, too
    "-print_final_stats=1",
    "-verbosity=0",
)


@pytest.mark.parametrize(("target", "seed"), SEEDS, ids=[f"{target}-{path.name}" for target, path in SEEDS])
def test_a_seed_breaks_no_property(target: str, seed: Path) -> None:
    tried = importlib.import_module(f"fuzz.{target}").one_input

    assert tried(seed.read_bytes()) is None


@pytest.mark.soak
@pytest.mark.parametrize("target", TARGETS)
def test_libfuzzer_finds_no_input_that_breaks_a_property(target: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("atheris") is None:
        require.left_out(
            "needs atheris, which has no wheel for this Python or machine (requirements/dev.lock)"
        )
    found, dictionary = tmp_path / "found", tmp_path / "words"
    found.mkdir()
    for number, seed in enumerate(_examples(target)):
        (found / f"example-{number}").write_text(seed)
    dictionary.write_text(words.dictionary())

    options = (*OPTIONS, f"-dict={dictionary}", f"-artifact_prefix={tmp_path}/")
    ended = subprocess.run(
        [sys.executable, "-m", "fuzz", target, str(found), str(FOLDER / "seeds" / target), *options],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(require.REPOSITORY / "tests")},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=SECONDS + 120,
        check=False,
    )

    assert 0 == ended.returncode, f"{_inputs(tmp_path)}\n{ended.stdout[-5000:]}\n{ended.stderr[-5000:]}"
    assert _executed(ended.stderr) > 20 * SECONDS, ended.stderr[-5000:]


def _examples(target: str) -> Iterator[str]:
    """Configs and annotations that break a rule each, so that the fuzzer starts with every rule covered."""
    for path in sorted((require.REPOSITORY / "docs/rules/examples").glob("*.yaml")):
        body = yaml.safe_load(path.read_text())
        for key, own, letter in (("config", "config", "N"), ("networks", "annotation", "P")):
            if isinstance(body.get(key), str) and target in {own, "review"}:
                yield body[key] if target == own else letter + body[key]


def _inputs(folder: Path) -> str:
    """The inputs that failed, to be put among the seeds."""
    paths = [path for path in folder.iterdir() if re.match("crash|leak|oom|slow|timeout", path.name)]
    return "\n".join(f"{path.name}: {path.read_bytes()!r}" for path in paths)


def _executed(log: str) -> int:
    count = re.search(r"number_of_executed_units: (\d+)", log)
    return int(count[1]) if count else 0

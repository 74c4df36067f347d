"""What anybody may send to us, looked for by libFuzzer, which sees which branches an input takes (tests/fuzz).

Seconds in a test run, ten minutes each in `make soak`. A failure's message holds the input; put it among the seeds, which
every run tries, also where there is no libFuzzer.
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

SOAK = bool(os.environ.get("NETATTACH_SOAK"))
SECONDS = 600 if SOAK else 20

FOLDER = require.REPOSITORY / "tests/fuzz"
TARGETS = ("annotation", "config", "review")
SEEDS = [(target, path) for target in TARGETS for path in sorted((FOLDER / "seeds" / target).iterdir())]

OPTIONS = (
    f"-max_total_time={SECONDS}",
    f"-seed={0 if SOAK else 1}",  # 0: another one each time
    "-timeout=5",  # seconds for one input; an answer takes milliseconds
    "-rss_limit_mb=512",
    "-max_len=4096",
    "-len_control=0",  # long inputs from the start: the seeds are long, too
    "-print_final_stats=1",
    "-verbosity=0",
)


@pytest.mark.parametrize(("target", "seed"), SEEDS, ids=[f"{target}-{path.name}" for target, path in SEEDS])
def test_what_is_known_already_is_taken(target: str, seed: Path) -> None:
    tried = importlib.import_module(f"fuzz.{target}").one_input

    assert tried(seed.read_bytes()) is None


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_breaks_what_holds_for_all(target: str, tmp_path: Path) -> None:
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
    """The texts that break the validator's rules, which lead to each of them at once."""
    for path in sorted((require.REPOSITORY / "docs/rules/examples").glob("*.yaml")):
        body = yaml.safe_load(path.read_text())
        for key, own, letter in (("config", "config", "N"), ("networks", "annotation", "P")):
            if isinstance(body.get(key), str) and target in {own, "review"}:
                yield body[key] if target == own else letter + body[key]


def _inputs(folder: Path) -> str:
    """The inputs that failed, to be put among the seeds."""
    paths = [path for path in folder.iterdir() if re.match("crash|leak|oom|slow|timeout", path.name)]
    return "\n".join(f"{path.name}: {path.read_bytes()!r}" for path in paths)


def _executed(said: str) -> int:
    count = re.search(r"number_of_executed_units: (\d+)", said)
    return int(count[1]) if count else 0

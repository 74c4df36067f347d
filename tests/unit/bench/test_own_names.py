"""What a killed run of the benchmark has left."""

import os
from pathlib import Path

from compare import own_names


def test_what_a_killed_run_has_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = [f"{own_names.PREFIX}{os.getpid()}-0", "netattach-bench-others", "system.slice"]
    for name in [*kept, f"{own_names.PREFIX}{2**31}", f"{own_names.PREFIX}{2**31}-1"]:
        (tmp_path / name).mkdir()

    own_names.remove_of_killed_runs(tmp_path)

    assert sorted(kept) == sorted(path.name for path in tmp_path.iterdir())


def test_what_is_in_use_stays(tmp_path: Path) -> None:
    used = tmp_path / f"{own_names.PREFIX}{2**31}"
    (used / "inside").mkdir(parents=True)

    own_names.remove_of_killed_runs(tmp_path)

    assert used.exists()

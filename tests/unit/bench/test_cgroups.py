"""A daemon's control groups."""

import subprocess
from pathlib import Path

import pytest

from compare.cgroups import Cgroup, CgroupError


def test_a_command_is_in_all_groups_before_its_first_instruction(tmp_path: Path) -> None:
    groups = [tmp_path / name for name in ("unified", "with a space")]
    for group in groups:
        group.mkdir()
    command = ["sh", "-c", 'echo $$ "$1"', "sh", "an argument"]

    output = subprocess.run(
        Cgroup(groups[0], groups[1:]).inside(command), capture_output=True, text=True, check=True
    ).stdout

    pid, _, argument = output.strip().partition(" ")
    assert "an argument" == argument
    assert [pid] * 2 == [(group / "cgroup.procs").read_text().strip() for group in groups]


def test_a_command_does_not_run_outside_of_its_groups(tmp_path: Path) -> None:
    ran = subprocess.run(Cgroup(tmp_path / "gone", []).inside(["true"]), capture_output=True, check=False)

    assert 0 != ran.returncode


def test_processor_time_is_read_in_milliseconds(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 1500\nuser_usec 1000\n")

    assert 1.5 == Cgroup(tmp_path, []).cpu_ms()


def test_a_group_that_does_not_account_for_processor_time_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("nr_periods 0\n")

    with pytest.raises(CgroupError):
        Cgroup(tmp_path, []).cpu_ms()

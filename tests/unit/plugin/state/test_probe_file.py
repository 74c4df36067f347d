"""What the last probe found out, over restarts of the daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_core.api.node_state import Probe
from netattach_plugin.state.probe_file import ProbeFile

PROBE = Probe("boot-1", succeeded=True, time="2026-11-30T10:00:00Z")


def test_it_is_kept_in_the_same_boot_alone(tmp_path: Path) -> None:
    ProbeFile(tmp_path, "boot-1").put(PROBE, ("bridge", "veth"))

    again, rebooted = ProbeFile(tmp_path, "boot-1"), ProbeFile(tmp_path, "boot-2")
    assert (PROBE, ("bridge", "veth")) == (again.probe, again.link_kinds)
    assert (None, None) == (rebooted.probe, rebooted.link_kinds)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"probe": {}}', '{"probe": [], "linkKinds": 7}', "[" * 100_000]
)
def test_a_broken_file_is_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "last-probe").write_text(text)

    assert ProbeFile(tmp_path, "boot-1").probe is None


def test_a_disk_that_refuses_loses_nothing_else(tmp_path: Path) -> None:
    file = ProbeFile(tmp_path / "absent", "boot-1")

    file.put(PROBE, None)
    assert PROBE == file.probe


def test_it_is_no_entry_of_the_ledger(tmp_path: Path) -> None:
    ProbeFile(tmp_path, "boot-1").put(PROBE, None)

    assert [] == list(tmp_path.glob("*.json"))
    assert ["last-probe"] == [path.name for path in tmp_path.iterdir()]

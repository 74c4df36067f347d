"""What a killed daemon leaves on its node is removed by the next one."""

from __future__ import annotations

from pathlib import Path

from netattach_core.api.network_selection import SelectionSettings
from netattach_plugin.cluster.file_store import FileStore
from netattach_plugin.settings import Settings
from netattach_plugin.wiring.shared import Components, Outside
from netattach_plugin.wiring.standalone import LoggedEvents
from support.policy_twins import FixedPolicies, FixedSurroundings

DIRECTORIES = (
    "net.d",
    "net.d/cbr0",
    "multus",
    "multus/results",
    "cni/results",
    "store/pods/ns",
    "store/nodes",
)


def test_temporary_files_are_removed_from_every_directory_that_the_daemon_writes_to(tmp_path: Path) -> None:
    for name in DIRECTORIES:
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / ".netattach-1.tmp").write_text("half a fi")
        (tmp_path / name / "others.tmp").touch()
    settings = Settings(
        socket=tmp_path / "run/cni.sock",
        ledger=tmp_path / "ledger",
        multus=tmp_path / "multus",
        libcni=tmp_path / "cni",
        conf_dir=tmp_path / "net.d",
    )
    store = FileStore(tmp_path / "store")

    outside = Outside(
        store=store,
        events=LoggedEvents(),
        policies=FixedPolicies(),
        surroundings=FixedSurroundings(),
        selection=SelectionSettings,
    )
    components = Components(settings, outside)
    components.remove_leftovers()
    store.remove_leftovers()

    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(DIRECTORIES) == len(left)
    assert {"others.tmp"} == {path.name for path in left}

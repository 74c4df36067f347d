"""The device-info files on disk: copied, read, removed, and failures of these."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import stat
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.cni import request as cni_request
from netattach_core.devices import device_info
from netattach_core.errors import NetattachError
from netattach_plugin.state.device_info_files import DeviceInfoFiles

INFO = {"type": "pci", "version": "1.1.0", "pci": {"pci-address": "0000:3b:02.0"}}
CALL = cni_request.parse(
    {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_NETNS": "/n", "CNI_IFNAME": "eth0"},
    b'{"cniVersion":"1.0.0"}',
)
VF = Attachment(
    "lab/vf",
    "net1",
    '{"cniVersion":"1.0.0","type":"sriov"}',
    "vf",
    runtime_config={"deviceID": "0000:3b:02.0"},
    resource="intel.com/sriov",
)
MEMIF = Attachment("lab/m", "net2", '{"type":"userspace","capabilities":{"CNIDeviceInfoFile":true}}', "m")
PLAIN = Attachment("lab/p", "net3", '{"type":"macvlan"}', "p")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """With a device plugin's file."""
    path = tmp_path / "devinfo"
    (path / "dp").mkdir(parents=True)
    (path / "dp/intel.com-sriov-0000:3b:02.0-device.json").write_text(json.dumps(INFO))
    return path


def test_each_attachment_has_a_file_named_after_it(directory: Path) -> None:
    """If it has a device, or a plugin with the capability CNIDeviceInfoFile."""
    named = DeviceInfoFiles(directory).with_paths(CALL, (VF, MEMIF, PLAIN))

    assert [f"{directory}/cni/netattach-lab-vf-c1_net1", f"{directory}/cni/netattach-lab-m-c1_net2", ""] == [
        device_info.file_of(each) for each in named
    ]


def test_a_device_plugins_file_is_copied_read_and_removed(directory: Path) -> None:
    """The directory is created for plugins that write their files themselves, and is readable (with Multus its mode is 000)."""
    files = DeviceInfoFiles(directory)
    named = files.with_paths(CALL, (VF, MEMIF, PLAIN))

    files.prepare(named)
    assert 0o755 == stat.S_IMODE((directory / "cni").stat().st_mode)
    memif = directory / "cni/netattach-lab-m-c1_net2"
    memif.write_text('{"type":"memif","version":"1.1.0"}')  # as its plugin does
    assert {"net1": INFO, "net2": {"type": "memif", "version": "1.1.0"}} == files.read(named)

    files.remove(named)
    files.remove(named)
    assert [] == list((directory / "cni").iterdir())
    assert [f"{directory}/dp/intel.com-sriov-0000:3b:02.0-device.json"] == [
        str(p) for p in (directory / "dp").iterdir()
    ]


def test_a_file_of_an_earlier_attempt_is_not_read(directory: Path) -> None:
    files = DeviceInfoFiles(directory)
    (named,) = files.with_paths(CALL, (MEMIF,))
    files.prepare((named,))
    (directory / "cni/netattach-lab-m-c1_net2").write_text(json.dumps(INFO))

    files.prepare((named,))

    assert {} == files.read((named,))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"type":5}', '"pci"', "x" * (device_info.MAX_SIZE + 1), "\udc80"]
)
def test_an_invalid_file_is_ignored(directory: Path, text: str) -> None:
    """The network works; its status has no device-info."""
    files = DeviceInfoFiles(directory)
    named = files.with_paths(CALL, (VF,))
    (directory / "cni").mkdir()
    (directory / "cni/netattach-lab-vf-c1_net1").write_bytes(text.encode(errors="surrogateescape"))

    assert {} == files.read(named)


def test_a_file_that_cannot_be_written_is_an_error(directory: Path) -> None:
    """The plugin gets its path."""
    (directory / "cni").write_text("a file with the directory's name")

    files = DeviceInfoFiles(directory)
    named = files.with_paths(CALL, (VF,))

    with pytest.raises(NetattachError, match="network lab/vf: its device-info file cannot be written"):
        files.prepare(named)


def test_a_file_that_cannot_be_removed_is_no_error(directory: Path) -> None:
    files = DeviceInfoFiles(directory)
    (directory / "cni/netattach-lab-vf-c1_net1/full").mkdir(parents=True)

    files.remove(files.with_paths(CALL, (VF,)))

    assert (directory / "cni/netattach-lab-vf-c1_net1/full").exists()


@pytest.mark.parametrize("path", ["/etc/passwd", "cni/../../x", "", 5])
def test_a_file_outside_the_directory_is_never_touched(directory: Path, path: object) -> None:
    """Whatever the ledger contains."""
    victim = directory.parent / "x"
    victim.write_text(json.dumps(INFO))
    recorded = f"{directory}/{path}" if path and isinstance(path, str) and path[0] != "/" else path
    foreign = dataclasses.replace(VF, runtime_config={device_info.CAPABILITY: recorded})
    files = DeviceInfoFiles(directory)

    files.prepare((foreign,))
    files.remove((foreign,))

    assert ({}, True) == (files.read((foreign,)), victim.exists())


def _ids(*container_ids: str) -> Callable[[], Coroutine[Any, Any, tuple[str, ...]]]:
    """Those in the ledger."""

    async def in_ledger() -> tuple[str, ...]:
        return container_ids

    return in_ledger


def test_a_sweep_removes_the_files_of_deleted_sandboxes_alone(directory: Path) -> None:
    """The shim deletes sandboxes while the daemon is down. Files of Multus' pods and of sandboxes in the ledger stay."""
    (directory / "cni").mkdir()
    kept = ["netattach-lab-vf-c1_net1", "netattach-lab-m-c1-x-c2_net2", "lab-vf-c9_net1", "other.json"]
    for name in (*kept, "netattach-lab-vf-c9_net1", "netattach-lab-vf-c11_net1"):
        (directory / "cni" / name).write_text(json.dumps(INFO))

    asyncio.run(DeviceInfoFiles(directory).sweep(_ids("c1", "c2")))

    assert sorted(kept) == sorted(path.name for path in (directory / "cni").iterdir())


def test_a_sweep_without_a_directory(tmp_path: Path) -> None:
    asyncio.run(DeviceInfoFiles(tmp_path / "missing").sweep(_ids()))

    assert [] == list(tmp_path.iterdir())

"""What the inventory says of an interface: its alternative names from the kernel, its device from sysfs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from netattach_plugin.netlink import node_links
from support import require

SCRIPT = """
ip link add x0 type veth peer name x1 &&
ip link property add dev x0 altname alternative0 altname enp0s3 &&
exec "$0" -c '
import asyncio, json
from netattach_plugin.netlink.node_links import NetlinkLinks
found = asyncio.run(NetlinkLinks().interfaces())
print(json.dumps({each.name: list(each.alt_names) for each in found}))
'
"""


def test_an_interface_has_its_alternative_names() -> None:
    require.kernel_link("veth")

    shown = subprocess.run(
        require.in_new_namespace("sh", "-c", SCRIPT, sys.executable),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert {"lo": [], "x1": [], "x0": ["alternative0", "enp0s3"]} == json.loads(shown)


def test_the_device_of_an_interface_is_its_place_in_sysfs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path / "devices/pci0000:00/0000:00:03.0/virtio0"
    (device / "net/eth0").mkdir(parents=True)
    (device / "net/eth0/device").symlink_to(device)
    (tmp_path / "class").mkdir()
    (tmp_path / "class/eth0").symlink_to(device / "net/eth0")
    (tmp_path / "class/br0").mkdir()
    monkeypatch.setattr(node_links, "_SYSFS", tmp_path / "class")

    assert str(device) == node_links._device_path("eth0")
    assert "" == node_links._device_path("br0")
    assert "" == node_links._device_path("gone")

"""What the inventory says of interfaces: names, addresses and default routes from the kernel, devices from sysfs."""

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

ROUTES = """
ip link add br0 type bridge &&
for each in d0 d1 d2; do ip link add $each type veth peer name $each.p && ip link set $each.p up; done &&
ip link set d2 master br0 && for each in d0 d1 d2 br0; do ip link set $each up; done &&
ip address add 192.0.2.1 peer 192.0.2.9/32 dev d0 && ip address add 198.51.100.1/24 dev d1 &&
ip -6 address add 2001:db8::1/64 dev br0 nodad &&
ip route add default nexthop via 198.51.100.7 dev d1 nexthop dev d0 && ip route add unreachable default metric 9 &&
ip route add default dev br0 table 100 && ip -6 route add default via 2001:db8::7 dev br0 proto ra &&
exec "$0" -c '
import asyncio, json
from netattach_plugin.netlink.node_links import NetlinkLinks
links = NetlinkLinks()
addresses = {each.name: list(each.addresses) for each in asyncio.run(links.interfaces())}
print(json.dumps([addresses, {each.name: each.reasons for each in asyncio.run(links.default_interfaces())}]))
'
"""


def test_interfaces_have_their_own_addresses_and_the_default_routes_that_they_carry() -> None:
    require.kernel_link("veth")
    require.kernel_link("bridge")

    shown = subprocess.run(
        require.in_new_namespace("sh", "-c", ROUTES, sys.executable),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    addresses, reasons = json.loads(shown)
    assert ["192.0.2.1/32"] == [each for each in addresses["d0"] if "." in each]
    assert ["198.51.100.1/24"] == [each for each in addresses["d1"] if "." in each]
    assert "2001:db8::1/64" in addresses["br0"]
    assert reasons == {
        "d0": ["carries the IPv4 default route"],
        "d1": ["carries the IPv4 default route"],
        "br0": ["carries the IPv6 default route"],
        "d2": ["is a port of br0, which carries the IPv6 default route"],
    }


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

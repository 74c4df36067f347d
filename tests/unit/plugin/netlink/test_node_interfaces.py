"""What the inventory says of interfaces: names, addresses and default routes from the kernel, devices from sysfs."""

from __future__ import annotations

import dataclasses
import json
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from netattach_core.api.node_state import SriovFunction
from netattach_plugin.netlink import bridge_vlans, link_messages, node_links, wire
from netattach_plugin.netlink.link_messages import Link
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


@pytest.mark.parametrize("by_range", [True, False], ids=["as ranges", "one by one"])
def test_what_the_kernel_says_of_vlans(by_range: bool) -> None:  # noqa: FBT001
    """For a kernel without VLAN filtering."""
    bridge = Link(2, "br0", "bridge", 1500, "", up=True, controller=0, parent=0, filters_vlans=True)
    port = dataclasses.replace(bridge, index=3, name="d0", kind="veth", controller=2, filters_vlans=False)
    other = dataclasses.replace(port, index=4, name="d1", controller=0)
    vlans = [(8, 10), (16, 12)] if by_range else [(0, 10), (0, 12)]
    infos = [wire.attribute(2, struct.pack("=HH", *each)) for each in (*vlans, (6, 40))]

    class Route:
        def request(self, *_: object) -> list[tuple[int, bytes]]:
            return [
                (16, struct.pack("=BxHiII", 7, 0, index, 0, 0) + wire.nested(26, *infos)) for index in (3, 4)
            ]

    found = bridge_vlans.by_link(Route(), [bridge, port, other])  # type: ignore[arg-type]  # its part

    assert {3: ("10-12", "40") if by_range else ("10", "12", "40")} == found
    assert {} == bridge_vlans.by_link(Route(), [port, other])  # type: ignore[arg-type]  # its part


def test_the_vlan_of_a_vlan_interface() -> None:
    info = wire.nested(18, wire.attribute(1, b"vlan"), wire.nested(2, wire.short(1, 77)))
    body = struct.pack("=BxHiII", 0, 1, 5, 0, 0) + wire.text(3, "eth1.77") + info

    found = link_messages.link(body)

    assert ("vlan", 77, False) == (found.kind, found.vlan_id, found.filters_vlans)


@pytest.mark.parametrize(
    ("files", "function"),
    [
        ({"sriov_totalvfs": "8\n", "sriov_numvfs": "2\n"}, SriovFunction(8, 2)),
        ({"sriov_totalvfs": "0\n", "sriov_numvfs": "0\n"}, None),
        ({"sriov_totalvfs": "many"}, None),
        ({}, None),
    ],
    ids=["a physical function", "without virtual ones", "garbage", "another device"],
)
def test_physical_functions_are_found_in_sysfs(
    files: dict[str, str], function: SriovFunction | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_links, "_SYSFS", tmp_path)
    (tmp_path / "ens1f0/device").mkdir(parents=True)
    for name, text in files.items():
        (tmp_path / "ens1f0/device" / name).write_text(text)

    assert function == node_links._sriov("ens1f0")


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

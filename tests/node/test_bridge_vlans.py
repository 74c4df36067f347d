"""The VLANs of bridges that filter them, as the inventory has them. Not every kernel can do that."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from support import require

VLANS = """
ip link add br0 type bridge vlan_filtering 1 && ip link add br1 type bridge &&
for each in d0 d1 d2; do ip link add $each type veth peer name $each.p; done &&
ip link set d0 master br0 && ip link set d1 master br0 && ip link set d2 master br1 &&
bridge vlan add dev d0 vid 10-20 && bridge vlan add dev d0 vid 30 && bridge vlan del dev d1 vid 1 &&
exec "$0" -c '
import asyncio, json
from netattach_plugin.netlink.node_links import NetlinkLinks
found = asyncio.run(NetlinkLinks().interfaces())
print(json.dumps({each.name: list(each.vlans) for each in found if each.vlans}))
'
"""


@pytest.mark.kernel_link("filtering_bridge")
def test_the_vlans_of_bridges_that_filter_them() -> None:
    require.command("bridge")
    shown = subprocess.run(
        require.in_new_namespace("sh", "-c", VLANS, sys.executable),
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert {"br0": ["1"], "d0": ["1", "10-20", "30"]} == json.loads(shown)

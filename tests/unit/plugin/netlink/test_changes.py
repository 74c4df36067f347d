"""Which of the kernel's messages are about something that the inventory has."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from netattach_plugin.netlink import changes
from netattach_plugin.netlink.changes import Changes
from support import require

STEPS: tuple[tuple[str, bool], ...] = (
    ("ip link add br0 type bridge", True),
    ("ip link set br0 up", True),
    ("ip link add nic0 type veth peer name nic1", True),
    ("ip link set nic0 up && ip link set nic1 up", True),
    ("ip link add name veth0a type veth peer name in_pod netns pod", False),
    ("ip link set veth0a up", False),
    ("ip link set veth0a master br0", False),
    ("ip -n pod link set in_pod up", False),
    ("ip link set veth0a type bridge_slave hairpin on", False),
    ("ip -6 addr add fe80::1/64 dev veth0a", False),
    ("ip link set nic0 promisc on", False),
    ("ip route add 10.9.0.0/24 dev nic0", False),
    ("ip link del veth0a", False),
    ("ip link set nic0 mtu 1400", True),
    ("ip link set nic0 address 02:00:00:00:00:09", True),
    ("ip link property add dev nic0 altname other0", True),
    ("ip addr add 10.0.0.1/24 dev nic0", True),
    ("ip route add default via 10.0.0.2 dev nic0", True),
    ("ip route del default", True),
    ("ip link set nic0 master br0", True),
    ("ip link set nic0 nomaster", True),
    ("ip link set nic0 down", True),
    ("ip link del nic0", True),
    ("ip link add name veth0b type veth peer name in_pod netns pod", False),
    ("ip addr add 10.0.1.1/24 dev veth0b", True),
    ("ip addr del 10.0.1.1/24 dev veth0b", True),
)

SCRIPT = """
import asyncio, json, subprocess, sys
from netattach_plugin.netlink import changes

async def story(steps):
    told = asyncio.Event()
    differing = []
    with changes.watched(told.set):
        for command, matters in steps:
            told.clear()
            subprocess.run(["sh", "-c", command], check=True)
            if matters:
                await asyncio.wait_for(told.wait(), 60)
            await asyncio.sleep(4 * changes._INTERVAL)
            if told.is_set() != matters:
                differing.append(command)
    return differing

print(json.dumps(asyncio.run(story(json.loads(sys.argv[1])))))
"""


def test_what_comes_with_a_pod_is_no_change_and_what_the_inventory_has_is_one() -> None:
    """A step that is a change and goes unnoticed ends with a timeout."""
    require.kernel_link("bridge")
    prepare = 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && ip netns add pod && exec "$0" -c "$@"'
    shown = subprocess.run(
        require.in_new_namespace("--mount", "sh", "-c", prepare, sys.executable, SCRIPT, json.dumps(STEPS)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == shown.returncode, shown.stderr
    assert [] == json.loads(shown.stdout)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x14\0\0\0\x10\0\0\0" + bytes(12), id="a link message without a link"),
        pytest.param(b"\x12\0\0\0\x14\0\0\0" + bytes(10), id="an address message that is cut off"),
        pytest.param(b"\x11\0\0\0\x18\0\0\0" + bytes(9), id="a route message that is cut off"),
        pytest.param(b"\x10\0\0\0\x63\0\0\0" + bytes(8), id="another kind of message"),
    ],
)
def test_what_cannot_be_read_is_a_change(data: bytes) -> None:
    assert Changes().matter(data)


def test_the_memory_of_links_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "_MOST_LINKS", 2)
    seen = Changes()
    matter = [seen.matter(_new_link(index)) for index in (1, 2, 3, 1, 2, 3)]

    assert [True, True, True, False, False, True] == matter
    assert 2 == len(seen._links)


def _new_link(index: int) -> bytes:
    """RTM_NEWLINK of a link without attributes."""
    body = bytes(4) + index.to_bytes(4, sys.byteorder) + bytes(8)
    return (16 + len(body)).to_bytes(4, sys.byteorder) + b"\x10\0" + bytes(10) + body

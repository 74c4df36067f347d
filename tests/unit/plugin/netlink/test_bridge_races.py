"""The driver of bridge while others change the node: real namespaces, in a process of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from support import require

PRELUDE = """
import asyncio, ctypes, os
from netattach_core.errors import NetattachError
from netattach_core.native.recipe import Bridge
from netattach_plugin.netlink import links, readiness, route_socket
from netattach_plugin.netlink.drivers import bridge, veth
from netattach_plugin.netlink.drivers.driver import Namespaces
from netattach_plugin.netlink.links import NewLink

home = os.open("/proc/self/ns/net", os.O_RDONLY)
kernel, new_netns = ctypes.CDLL(None), 0x40000000
assert kernel.unshare(new_netns) == 0
inside = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
pod = route_socket.of_node()
assert kernel.setns(home, new_netns) == 0
node = route_socket.of_node()
namespaces = Namespaces(node, pod, inside, "/n")

def create():
    try:
        return bridge.create(namespaces, "net1", Bridge("br0"))
    except NetattachError as error:
        print(error.message)

def on_node():
    return sorted(name for _, name in __import__("socket").if_nameindex() if name != "lo")
"""

CASES = {
    "another ADD creates the bridge after it was looked for": (
        """
links.create(node, NewLink("bridge", "br0"))
real, links.find = links.find, lambda *_: None
print([each.name for each in create().interfaces][::2])
""",
        "['br0', 'net1']",
    ),
    "the bridge is deleted after it was looked up": (
        """
real = bridge._ensure
def ensure(node, recipe):
    found = real(node, recipe)
    links.delete(node, found.index)
    return found
bridge._ensure = ensure
create()
print(on_node(), links.find(pod, "net1"))
""",
        "plugin bridge failed: failed to make veth pair net1: invalid argument\n[] None",
    ),
    "the bridge is replaced before the port is ready": (
        """
created = create()
links.delete(node, links.by_name(node, "br0").index)
links.create(node, NewLink("bridge", "br0"))
try:
    created.on_node.interfaces()
except NetattachError as error:
    print(error.message.replace(created.interfaces[1].name, "veth"))
""",
        "plugin bridge failed: veth is no port of bridge br0 any more; somebody has deleted or replaced the bridge meanwhile",
    ),
    "the port never becomes operational": (
        """
created = create()
readiness._LONGEST = 0.01
async def at_once(action):
    return action()
try:
    asyncio.run(readiness.interfaces(created, at_once))
except NetattachError as error:
    print(error.message.partition(":")[0], "|", error.message.partition("state: ")[2].partition(";")[0])
""",
        "plugin bridge failed | the port is not operational after 0.01 seconds",
    ),
    "a random name is in use": (
        """
links.create(node, NewLink("bridge", "veth00000000"))
names = iter([bytes(4), bytes(4), b"\\1\\1\\1\\1"])
veth.os.urandom = lambda _: next(names)
print([each.name for each in create().interfaces])
""",
        "['br0', 'veth01010101', 'net1']",
    ),
    "no random name is free": (
        """
links.create(node, NewLink("bridge", "veth00000000"))
veth.os.urandom = lambda _: bytes(4)
create()
""",
        "plugin bridge failed: failed to find a unique veth name in 10 attempts",
    ),
    "the pod's name is taken meanwhile": (
        """
links.create(pod, NewLink("bridge", "net1"))
create()
print(on_node())
""",
        "plugin bridge failed: container veth name ('net1') already exists\n['br0']",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_others_do_meanwhile_is_met_or_reported_and_leaves_nothing(name: str) -> None:
    require.own_namespaces()
    require.kernel_link("veth")
    script, expected = CASES[name]

    done = subprocess.run(
        require.in_new_namespace(sys.executable, "-c", PRELUDE + script),
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
    assert expected == done.stdout.strip()

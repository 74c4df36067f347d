"""The driver of host-device where the pod gets an interface of that name at the same moment: real namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from support import pod_namespace, require

SCRIPT = """
import ctypes, os, subprocess, sys
from netattach_core.errors import DelegateError
from netattach_core.native.recipe import HostDevice
from netattach_plugin.netlink import links, route_socket
from netattach_plugin.netlink.drivers import host_device
from netattach_plugin.netlink.drivers.driver import Namespaces

process, state = sys.argv[1:]
def run(*command): subprocess.run(command, check=True)
run("ip", "link", "add", "nic", "type", "ifb")
run("ip", "link", "set", "nic", state)
run("nsenter", f"--net=/proc/{process}/ns/net", "ip", "link", "add", "net1", "type", "ifb")

libc = ctypes.CDLL(None)
own, netns = os.open("/proc/self/ns/net", os.O_RDONLY), os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
node = route_socket.of_node()
assert not libc.setns(netns, 0x40000000)
pod = route_socket.of_node()
assert not libc.setns(own, 0x40000000)

find = links.find
links.find = lambda route, name: None if (route, name) == (pod, "net1") else find(route, name)
try:
    host_device.create(Namespaces(node, pod, netns, "/pod"), "net1", HostDevice("nic"))
except DelegateError as error:
    print(error.message)
print("up" if links.by_name(node, "nic").up else "down")
print(find(pod, "nic"), find(pod, "net1").kind)
"""


@pytest.mark.parametrize("state", ["up", "down"])
def test_a_device_that_cannot_be_renamed_in_the_pod_is_moved_back(tmp_path: Path, state: str) -> None:
    """The kernel moves it first; it is on the node again, as it was, and the pod's interface is untouched."""
    require.kernel_link("ifb")
    problem = "plugin host-device failed: failed to move nic into the pod as net1: file exists"

    assert [problem, state, "None ifb"] == pod_namespace.output(SCRIPT, tmp_path, state)

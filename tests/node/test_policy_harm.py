"""What policy refuses of interfaces and addresses does harm on the node with the real plugins; legitimate neighbours do none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.policy import networks
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Severity
from netattach_core.validation.settings import ClusterNetworks
from support import require

BASELINE = NamespacePolicy("tenant", enforce=Level.BASELINE)
CLUSTER = ClusterNetworks(services=("10.96.0.0/12",))

LAB = """
mount -t sysfs sysfs /sys
ip link add eth0 address 02:00:5e:10:00:0a type veth peer name wire0
ip link add eth1 address 02:00:5e:10:00:0b type veth peer name wire1
ip link property add dev eth0 altname enp0s3
for each in lo eth0 wire0 eth1 wire1; do ip link set $each up; done
ip address add 192.0.2.7/24 dev eth0
ip route add default via 192.0.2.1
echo ready
exec sleep infinity
"""

INVENTORY = """
import asyncio, json
from netattach_core.api import inventory
from netattach_core.api.inventory import NodeInventory
from netattach_plugin.netlink.node_links import NetlinkLinks
links = NetlinkLinks()
found = NodeInventory("worker-1", asyncio.run(links.interfaces()), asyncio.run(links.default_interfaces()))
print(json.dumps(inventory.to_dict(found)))
"""


class Lab:
    """A node with eth0, which carries its default route, and eth1; and the namespace of a pod."""

    def __init__(self, node: int, pod: int) -> None:
        self._node, self._pod = node, pod

    def run(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command on the node."""
        enter = [require.command("nsenter"), f"--target={self._node}", "--net", "--mount", *_user()]
        given = {**os.environ, **environment}
        return subprocess.run(
            [*enter, *words], input=stdin, env=given, capture_output=True, text=True, check=False
        )

    def inventory(self) -> NodeInventory:
        """As the daemon collects it."""
        shown = self.run(sys.executable, "-c", INVENTORY)
        return inventory.from_dict(json.loads(shown.stdout))

    def add(self, config: dict[str, Any]) -> subprocess.CompletedProcess[str]:
        """ADD of the real plugin, as the runtime calls it without any validation."""
        text = json.dumps({"cniVersion": "1.0.0", "name": "n", **config})
        plugins = require.plugins()
        return self.run(
            str(plugins / config["type"]),
            stdin=text,
            CNI_COMMAND="ADD",
            CNI_CONTAINERID="c1",
            CNI_NETNS=f"/proc/{self._pod}/ns/net",
            CNI_IFNAME="net1",
            CNI_PATH=str(plugins),
        )

    def names(self) -> set[str]:
        """The links of the node."""
        return {link["ifname"] for link in json.loads(self.run("ip", "-json", "link").stdout)}

    def device_to(self, address: str) -> str:
        """The interface that the node would use for an address."""
        (route,) = json.loads(self.run("ip", "-json", "route", "get", address).stdout)
        return str(route.get("dev"))


def _user() -> list[str]:
    return [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]


@contextmanager
def _process(*words: str) -> Iterator[int]:
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert "ready\n" == process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


@pytest.fixture
def lab() -> Iterator[Lab]:
    require.kernel_link("veth")
    with _process(*require.in_new_namespace("--mount", "sh", "-ec", LAB)) as node:
        enter = [require.command("nsenter"), f"--target={node}", "--net", "--mount", *_user()]
        with _process(
            *enter, require.command("unshare"), "--net", "sh", "-c", "echo ready; exec sleep infinity"
        ) as pod:
            yield Lab(node, pod)


def refused(lab: Lab, config: dict[str, Any]) -> list[str]:
    """The rules by which policy refuses a network of a tenant, with what the daemon knows of its own node."""
    text = json.dumps({"cniVersion": "1.0.0", "name": "n", **config})
    around = Surroundings((lab.inventory(),), CLUSTER)
    found = networks.check(Nad("tenant", "net", text), BASELINE, around)
    return [each.rule.id for each in found if each.effective_severity is Severity.DENY]


@pytest.mark.parametrize(
    "selector",
    [
        {"device": "eth0"},
        {"device": "enp0s3"},
        {"device": "eth0\0.1"},
        {"device": "eth0", "linkInContainer": True},
        {"hwaddr": "02-00-5E-10-00-0A"},
        {"HWADDR": "0200.5e10.000A"},
        {"kernelpath": "/sys/devices/virtual"},
        {"kernelpath": "/sys/devices/system/../virtual/", "capabilities": {"deviceID": True}},
    ],
    ids=str,
)
def test_the_node_loses_its_default_interface(lab: Lab, selector: dict[str, Any]) -> None:
    config = {"type": "host-device", **selector}

    assert ["policy-default-interface"] == refused(lab, config)

    added = lab.add(config)

    assert 0 == added.returncode, added.stdout
    assert "eth0" not in lab.names()


def test_another_interface_may_be_taken(lab: Lab) -> None:
    config = {"type": "host-device", "hwaddr": "02:00:5e:10:00:0b"}

    assert [] == refused(lab, config)
    assert 0 == lab.add(config).returncode
    assert {"lo", "eth0", "wire0", "wire1"} == lab.names()


SERVICE = "10.96.0.1"


def _static(address: str, gateway: str) -> dict[str, Any]:
    return {"type": "static", "addresses": [{"address": address, "gateway": gateway}]}


@pytest.mark.parametrize(
    "config",
    [
        {"type": "ptp", "ipam": _static("10.96.0.1/12", "10.96.0.2")},
        {"type": "ptp", "ipam": _static("10.7.0.2/24", SERVICE)},
        {
            "type": "bridge",
            "isGateway": True,
            "ipam": _static("10.7.0.2/24", "10.7.0.1"),
            "args": {"cni": {"ips": ["10.96.0.9/12"]}},
        },
        {"type": "bridge", "bridge": "br1", "isGateway": True, "ipam": _static("10.96.0.9/12", SERVICE)},
        {"type": "bridge", "bridge": "br1", "isGateway": True, "ipam": _static("10.96.0.9/5", "10.97.0.1")},
    ],
    ids=["route", "address", "args", "gateway", "subnet"],
)
def test_the_node_sends_a_services_traffic_elsewhere(lab: Lab, config: dict[str, Any]) -> None:
    assert "eth0" == lab.device_to(SERVICE)
    assert ["policy-cluster-address"] == list(dict.fromkeys(refused(lab, config)))

    added = lab.add(config)

    assert "eth0" != lab.device_to(SERVICE), added.stdout


def test_other_addresses_leave_a_services_traffic_alone(lab: Lab) -> None:
    config = {"type": "ptp", "ipam": _static("10.7.0.2/24", "10.7.0.1")}

    assert [] == refused(lab, config)
    assert 0 == lab.add(config).returncode
    assert "eth0" == lab.device_to(SERVICE)
    assert "eth0" != lab.device_to("10.7.0.2")

"""What the real plugins do with configurations that policy refuses, and that it does refuse them; a neighbour passes.

The plugins run as the daemon runs them, in a network namespace that plays the node.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import policies, require
from support.node import CnitoolNode, NodePod

CONTAINER = "c0ffee"
RESULT = {
    "cniVersion": "1.0.0",
    "interfaces": [{"name": "cni0", "sandbox": "/run/netns/x"}],
    "ips": [{"address": "10.9.0.2/24", "interface": 0}],
}
"""As macvlan reports it for a pod that asks for an interface named cni0."""


@dataclass
class Pair:
    """A node and a pod, each a network namespace."""

    node: CnitoolNode
    host: NodePod
    pod: NodePod

    def add_link(self) -> None:
        """net1 in the pod."""
        words = ("link", "add", "net1", "type", "veth", "peer", "name", "peer")
        self.node.stage.run("ip", "-n", self.pod.name, *words)


@pytest.fixture
def pair(node: CnitoolNode) -> Iterator[Pair]:
    with node.pod() as host, node.pod() as pod:
        yield Pair(node, host, pod)


def run(pair: Pair, config: dict[str, Any], name: str = "net1", **more: Any) -> None:
    """ADD of one plugin with its configuration on standard input; it has to succeed."""
    kind = config["ipam"]["type"] if "ipam" in config else config["type"]
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": CONTAINER,
        "CNI_NETNS": pair.pod.netns,
        "CNI_IFNAME": name,
        "CNI_PATH": str(require.plugins()),
    }
    stdin = json.dumps({"cniVersion": "1.0.0", "name": "net", **config, **more})
    plugin = require.plugins() / kind
    pair.node.stage.run("ip", "netns", "exec", pair.host.name, plugin, env=environment, stdin=stdin)


def refused(*chain: dict[str, Any]) -> list[str]:
    return policies.rules(policies.baseline({"cniVersion": "1.0.0", "name": "net", "plugins": list(chain)}))


def test_host_local_writes_into_any_directory(pair: Pair, tmp_path: Path) -> None:
    def config(directory: str) -> dict[str, Any]:
        return {
            "type": "bridge",
            "ipam": {"type": "host-local", "subnet": "10.9.0.0/24", "dataDir": directory},
        }

    run(pair, config(str(tmp_path)))

    assert (tmp_path / "net/10.9.0.2").read_text().startswith(CONTAINER)
    assert ["policy-host-path"] == refused(config(str(tmp_path)))
    assert [] == refused(config("/var/lib/cni/team"))


def test_tuning_writes_a_file_that_a_runtime_takes_for_a_network(pair: Pair, tmp_path: Path) -> None:
    """`dataDir` could be the CNI config directory: the file's name ends in .json."""

    def config(directory: str) -> dict[str, Any]:
        return {"type": "tuning", "mtu": 1400, "dataDir": directory}

    pair.add_link()
    run(pair, config(str(tmp_path)), prevResult=RESULT)

    assert [f"{CONTAINER}_net1.json"] == [path.name for path in tmp_path.iterdir()]
    assert ["policy-host-path"] == refused(config("/etc/cni/net.d"))
    assert [] == refused(config("/run/cni/tuning"))


def test_a_condition_of_portmap_is_a_line_of_nfts_script(pair: Pair) -> None:
    require.command("nft")
    planted = "counter\nadd table ip planted\nadd rule ip cni_hostport prerouting counter"

    def config(*conditions: str) -> dict[str, Any]:
        capabilities = {"portMappings": True}
        return {"type": "portmap", "capabilities": capabilities, "conditionsV4": list(conditions)}

    ports = {"portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]}
    attack = {**config(planted), "backend": "nftables"}
    run(pair, attack, runtimeConfig=ports, prevResult=RESULT, name="cni0")

    assert "table ip planted" in pair.node.in_pod(pair.host, "nft", "list", "tables")
    assert ["policy-host-firewall"] == refused({"type": "bridge"}, attack)
    assert [] == refused({"type": "bridge"}, config("!", "-d", "192.0.2.0/24"))


@pytest.mark.parametrize("policy", ["isolated", "same-bridge"])
def test_an_ingress_policy_without_a_bridge_drops_packets_of_the_nodes_interface(
    pair: Pair, policy: str
) -> None:
    """The pod asks for an interface named cni0: then nothing is forwarded between pods of the node and others."""
    require.command("iptables")
    config = {"type": "firewall", "ingressPolicy": policy, "backend": "iptables"}
    run(pair, config, name="cni0", prevResult=RESULT)

    rules = pair.node.in_pod(pair.host, "iptables", "-S")
    assert "-A CNI-ISOLATION-STAGE-2 -o cni0" in rules
    assert "-j DROP" in rules
    assert ["policy-host-firewall"] == refused({"type": "macvlan", "master": "eth1"}, config)
    assert [] == refused({"type": "bridge", "bridge": "br1"}, config)


def test_tuning_sets_the_sysctls_that_policy_lets_pass(pair: Pair) -> None:
    def config(**sysctls: str) -> dict[str, Any]:
        return {"type": "tuning", "sysctl": sysctls}

    own, others = {"net.ipv4.conf.IFNAME.arp_filter": "1"}, {"net.unix.max_dgram_qlen": "7"}
    pair.add_link()
    run(pair, config(**own, **others), prevResult=RESULT)

    assert ["1", "7"] == [
        pair.node.in_pod(pair.pod, "cat", f"/proc/sys/net/{name}").strip()
        for name in ("ipv4/conf/net1/arp_filter", "unix/max_dgram_qlen")
    ]
    assert ["policy-sysctl"] == refused(config(**others))
    assert [] == refused(config(**own))

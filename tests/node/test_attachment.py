"""Networks of each kind in a real pod: interfaces in the kernel, network-status, and nothing left afterwards."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from netattach_core.api.networks_annotation import DEFAULT_NETWORK
from support.node import CnitoolNode, NodePod
from support.waiting import eventually

LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.119",
}
INNER = {"type": "host-local", "subnet": "192.168.12.0/24", "rangeStart": "192.168.12.100"}
MASTER: dict[str, dict[str, Any]] = {
    "macvlan": {"type": "macvlan", "master": "eth1", "mode": "bridge"},
    "bridge": {"type": "bridge", "bridge": "mybr0"},
    "ipvlan": {"type": "ipvlan", "master": "eth1", "mode": "l2"},
    "vlan": {"type": "vlan", "master": "eth1", "vlanId": 30},
}
STATUS = """[{
    "name": "cbr0",
    "interface": "eth0",
    "ips": [
        "ETH0_IP"
    ],
    "mac": "ETH0_MAC",
    "default": true,
    "dns": {},
    "gateway": [
        "10.244.1.1"
    ]
},{
    "name": "default/data",
    "interface": "net1",
    "ips": [
        "NET1_IP"
    ],
    "mac": "NET1_MAC",
    "dns": {}
}]"""
PAIRS = [
    pytest.param("macvlan", id="macvlan"),
    pytest.param("bridge", id="bridge"),
    pytest.param("ipvlan", id="ipvlan", marks=pytest.mark.kernel_link("ipvlan")),
]
SINGLES = [*PAIRS, pytest.param("vlan", id="vlan", marks=pytest.mark.kernel_link("vlan"))]


def _config(kind: str, ipam: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"cniVersion": "0.3.1", **MASTER[kind], "ipam": ipam, **more}


@pytest.mark.parametrize("kind", PAIRS)
def test_two_pods_reach_each_other_over_net1(node: CnitoolNode, kind: str) -> None:
    """The tutorial: an address of the range on net1 of both, and a ping to oneself, the other and the gateway."""
    bridged = kind == "bridge"
    prefix = "192.168.12" if bridged else "10.0.3"
    gateway = {"bridge": "mybr1", "isGateway": True} if bridged else {}
    node.create_nad(f"data-{kind}", _config(kind, INNER if bridged else LAN, **gateway))
    with node.pod(f"data-{kind}") as one, node.pod(f"data-{kind}") as two:
        node.add(one)
        node.add(two)

        assert [[f"{prefix}.100/24"], [f"{prefix}.101/24"]] == sorted(
            node.addresses(pod, "net1") for pod in (one, two)
        )
        assert ("veth" if bridged else kind) == node.kind(one, "net1")
        assert [True] * 3 == [node.pings(one, f"{prefix}.{host}") for host in (100, 101, 1)]
        assert 4 == len(node.leases())

        node.delete(one)
        node.delete(two)
        assert ["lo"] == node.link_names(one) == node.link_names(two)


@pytest.mark.kernel_link("ipvlan")
def test_ipvlan_shares_the_masters_mac(node: CnitoolNode) -> None:
    """Both pods have the MAC of eth1."""
    node.create_nad("data", _config("ipvlan", LAN))
    master = next(link for link in node.links() if link["ifname"] == "eth1")
    with node.pod("data") as pod:
        node.add(pod)

        assert master["address"] == node.link(pod, "net1")["address"] == node.status(pod)[1]["mac"]
        node.delete(pod)


@pytest.mark.parametrize("kind", SINGLES)
def test_a_static_address_of_the_config(node: CnitoolNode, kind: str) -> None:
    """IPAM plugin static."""
    node.create_nad("fixed", _config(kind, {"type": "static", "addresses": [{"address": "10.0.3.77/24"}]}))
    with node.pod("fixed") as pod:
        node.add(pod)

        assert ["10.0.3.77/24"] == node.addresses(pod, "net1") == [f"{node.status(pod)[1]['ips'][0]}/24"]
        node.delete(pod)


@pytest.mark.kernel_link("vlan")
def test_vlan_carries_its_id(node: CnitoolNode) -> None:
    """vlan with host-local; the master is an interface of the node."""
    node.create_nad("tagged", _config("vlan", LAN))
    with node.pod("tagged") as pod:
        node.add(pod)

        assert ("vlan", 30) == (node.kind(pod, "net1"), node.link(pod, "net1")["linkinfo"]["info_data"]["id"])
        assert ["10.0.3.100/24"] == node.addresses(pod, "net1")
        node.delete(pod)


@pytest.mark.parametrize(
    "ipam",
    [LAN, {"type": "static", "addresses": [{"address": "10.0.3.100/24"}]}],
    ids=["host-local", "static"],
)
def test_host_device_moves_an_interface_and_returns_it(node: CnitoolNode, ipam: dict[str, Any]) -> None:
    """The interface is not on the node while the pod exists."""
    node.stage.run("ip", "link", "add", "spare0", "type", "veth", "peer", "name", "spare1")
    node.create_nad("card", {"cniVersion": "0.3.1", "type": "host-device", "device": "spare0", "ipam": ipam})
    with node.pod("card") as pod:
        node.add(pod)

        assert ["10.0.3.100/24"] == node.addresses(pod, "net1")
        assert "spare0" not in node.link_names()
        node.delete(pod)
        assert "spare0" in node.link_names()
    node.stage.run("ip", "link", "delete", "spare0")


def test_the_annotation_names_the_interface(node: CnitoolNode) -> None:
    """`net@interface`."""
    node.create_nad("net1", _config("macvlan", LAN))
    with node.pod("net1@data") as pod:
        node.add(pod)

        assert ["lo", "eth0", "data"] == node.link_names(pod)
        assert "data" == node.status(pod)[1]["interface"]
        node.delete(pod)


@pytest.mark.parametrize("kind", ["macvlan", "bridge"])
def test_ips_and_mac_by_capability(node: CnitoolNode, kind: str) -> None:
    """In the JSON form; both reach the plugins that declare them, and the kernel has them."""
    capabilities = {"capabilities": {"ips": True, "mac": True}}
    node.create_nad("asked", _config(kind, {"type": "static"}, **capabilities))
    asked = {"name": "asked", "ips": ["10.0.3.55/24", "fd00:3::55/64"], "mac": "02:00:00:00:00:55"}
    with node.pod([asked]) as pod:
        node.add(pod)

        assert {"10.0.3.55/24", "fd00:3::55/64"} == set(node.addresses(pod, "net1"))
        assert "02:00:00:00:00:55" == node.link(pod, "net1")["address"] == node.status(pod)[1]["mac"]
        node.delete(pod)


def test_ips_and_mac_without_capabilities(node: CnitoolNode) -> None:
    """For NADs that rely on CNI_ARGS, as Multus sends them."""
    node.create_nad("legacy", _config("macvlan", {"type": "static"}))
    with node.pod([{"name": "legacy", "ips": ["10.0.3.56/24"], "mac": "02:00:00:00:00:56"}]) as pod:
        node.add(pod)

        assert ["10.0.3.56/24"] == node.addresses(pod, "net1")
        assert "02:00:00:00:00:56" == node.link(pod, "net1")["address"]
        node.delete(pod)


def test_a_network_of_another_namespace_and_one_without_a_configuration(node: CnitoolNode) -> None:
    """`namespace/name`; and a file of the node that has the NAD's name."""
    node.create_nad("there", _config("macvlan", LAN), namespace="other")
    node.create_nad("filed", "")
    config = node.stage.paths.conf_dir / "50-filed.conf"
    config.write_text(
        json.dumps(
            _config("bridge", {"type": "static", "addresses": [{"address": "10.9.0.1/24"}]}, name="filed")
        )
    )
    try:
        with node.pod("other/there,filed") as pod:
            node.add(pod)

            assert ["other/there", "default/filed"] == [entry["name"] for entry in node.status(pod)[1:]]
            assert ["10.9.0.1/24"] == node.addresses(pod, "net2")
            node.delete(pod)
    finally:
        config.unlink()


@pytest.mark.parametrize("networks", ["a,b", "b,a", "a,b,a,b"])
def test_interfaces_are_in_the_order_of_the_annotation(node: CnitoolNode, networks: str) -> None:
    """eth0 first, then in the order of the annotation, though the networks are attached at the same time."""
    node.create_nad("a", _config("macvlan", LAN))
    node.create_nad("b", _config("bridge", INNER))
    count = len(networks.split(","))
    for _ in range(3):
        with node.pod(networks) as pod:
            node.add(pod)

            assert ["lo", "eth0", *(f"net{i}" for i in range(1, count + 1))] == node.link_names(pod)
            kinds = ["macvlan" if name == "a" else "veth" for name in networks.split(",")]
            assert kinds == [node.kind(pod, f"net{i}") for i in range(1, count + 1)]
            names = [f"default/{name}" for name in networks.split(",")]
            assert ["cbr0", *names] == [entry["name"] for entry in node.status(pod)]
            node.delete(pod)


def test_a_chain_with_tuning_and_portmap(node: CnitoolNode) -> None:
    """A conflist: plugins run in order, each with the result of the one before; the host port belongs to this network only."""
    chain = [
        {"type": "bridge", "bridge": "mybr1", "isGateway": True, "ipam": INNER},
        {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}, "mtu": 1400},
        {"type": "portmap", "capabilities": {"portMappings": True}},
    ]
    node.create_nad("chain", {"cniVersion": "1.0.0", "name": "chain", "plugins": chain})
    asked = {"name": "chain", "portMappings": [{"hostPort": 8080, "containerPort": 80}]}
    with node.pod([asked]) as pod:
        node.add(pod)

        assert "1" == node.in_pod(pod, "cat", "/proc/sys/net/ipv4/conf/net1/arp_filter").strip()
        assert 1400 == node.link(pod, "net1")["mtu"]
        assert any("--dport 8080" in rule and "192.168.12." in rule for rule in node.nat_rules())
        node.delete(pod)
        assert [] == node.nat_rules()


def test_the_result_is_that_of_the_default_network_in_the_version_of_our_conflist(node: CnitoolNode) -> None:
    """The runtime reads the pod's address from it."""
    node.create_nad("data", _config("macvlan", LAN))
    with node.pod("data") as pod:
        result = node.add(pod)

        inside = [i["name"] for i in result["interfaces"] if i.get("sandbox") == pod.netns]
        assert ("1.0.0", ["eth0"]) == (result["cniVersion"], inside)
        assert node.addresses(pod, "eth0") == [ip["address"] for ip in result["ips"]]
        node.delete(pod)


def test_the_status_is_what_multus_would_write(node: CnitoolNode) -> None:
    """Byte for byte, apart from addresses, and with the effective gateway."""
    node.create_nad("data", _config("macvlan", LAN))
    with node.pod("data") as pod:
        node.add(pod)
        values = {f"{name.upper()}_IP": _ip(node, pod, name) for name in ("eth0", "net1")}
        values |= {f"{name.upper()}_MAC": node.link(pod, name)["address"] for name in ("eth0", "net1")}
        expected = STATUS
        for key, value in values.items():
            expected = expected.replace(key, value)

        assert expected == node.status_text(pod)
        node.delete(pod)


def test_a_pod_without_secondary_networks(node: CnitoolNode) -> None:
    """It has the default network only; its status is written asynchronously."""
    with node.pod() as pod:
        node.add(pod)

        assert ["lo", "eth0"] == node.link_names(pod)
        eventually(lambda: node.status_text(pod) is not None)
        assert [("cbr0", True)] == [(entry["name"], entry["default"]) for entry in node.status(pod)]
        node.delete(pod)


def test_another_default_network_than_the_nodes(node: CnitoolNode) -> None:
    """Its interface is the pod's eth0, with the requested address, and the runtime gets its result; no other is attached."""
    subnet = {"type": "host-local", "subnet": "192.168.77.0/24", "gateway": "192.168.77.1"}
    plugin = {"type": "bridge", "bridge": "mybr2", "isDefaultGateway": True, "capabilities": {"mac": True}}
    config = {"cniVersion": "0.3.1", "name": "own", "plugins": [{**plugin, "ipam": subnet}]}
    node.create_nad("own", config, "kube-system")
    node.create_nad("data", _config("macvlan", LAN))
    with node.pod("data") as pod:
        asked = {"ips": ["192.168.77.9"], "mac": "02:00:00:00:77:09", "default-route": ["192.168.77.254"]}
        pod.annotations[DEFAULT_NETWORK] = json.dumps([{"name": "own", **asked}])
        result = node.add(pod)

        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        assert ["192.168.77.9/24"] == node.addresses(pod, "eth0") == [ip["address"] for ip in result["ips"]]
        assert "02:00:00:00:77:09" == node.link(pod, "eth0")["address"]
        assert ["eth0 192.168.77.254"] == node.default_routes(pod)
        assert [("kube-system/own", "eth0", True), ("default/data", "net1", False)] == [
            (entry["name"], entry["interface"], entry.get("default", False)) for entry in node.status(pod)
        ]
        assert [f"data/{_ip(node, pod, 'net1')}", "own/192.168.77.9"] == node.leases()
        node.delete(pod)
        assert (["lo"], []) == (node.link_names(pod), node.leases())


def test_a_plugin_in_the_directory_of_the_default_networks_name(node: CnitoolNode) -> None:
    """The scenario of subdirectory chaining of Multus: a sysctl of the pod's eth0, in a file of its own."""
    beside = node.stage.paths.conf_dir / "cbr0"
    beside.mkdir()
    sysctl = {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}
    try:
        (beside / "sysctl.conf").write_text(json.dumps(sysctl))
        with node.pod() as pod:
            node.add(pod)

            assert "1" == node.in_pod(pod, "cat", "/proc/sys/net/ipv4/conf/eth0/arp_filter").strip()
            node.delete(pod)
    finally:
        shutil.rmtree(beside)


def test_check_finds_what_is_missing(node: CnitoolNode) -> None:
    """CHECK runs for every network, not only for the first."""
    node.create_nad("data", {**_config("macvlan", LAN), "cniVersion": "1.0.0"})
    with node.pod("data") as pod:
        node.add(pod)
        assert 0 == node.call("check", pod).returncode

        node.in_pod(pod, "ip", "address", "flush", "dev", "net1")

        checked = node.call("check", pod)
        assert 0 != checked.returncode
        assert "CHECK of network default/data (net1): plugin macvlan failed" in checked.stderr
        node.delete(pod)


def _ip(node: CnitoolNode, pod: NodePod, name: str) -> str:
    return node.addresses(pod, name)[0].partition("/")[0]

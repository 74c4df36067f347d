"""`netattach new`: the NAD it writes can be applied, and has comments that explain its defaults."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from netattach_core.api.inventory import Interface, NodeInventory, Plugin
from unit.cli.new.inventories import NODE, OTHER, VERSIONS, save, with_interfaces, without
from unit.cli.samples import Kubectl, Netattach


def generated(netattach: Netattach, *arguments: str) -> dict[str, Any]:
    """The CNI config of the NAD that the command writes to standard output."""
    status, out, _ = netattach("new", *arguments)
    assert 0 == status
    config = json.loads(yaml.safe_load(out)["spec"]["config"])
    assert isinstance(config, dict)
    return config


def test_the_nad_is_readable(netattach: Netattach) -> None:
    """With comments that explain its defaults."""
    expected = """\
# master eth1: on 2 of 2 nodes, and carries no traffic of the node itself, unlike eth0
# ipam whereabouts: is installed on the nodes, and its leases are valid on all of them
# subnet 10.200.79.0/24: private, and overlaps no network of the nodes
# cniVersion 1.0.0: supported by macvlan and whereabouts on the nodes
apiVersion: k8s.cni.cncf.io/v1
kind: NetworkAttachmentDefinition
metadata:
  name: macvlan-eth1
  namespace: lab
spec:
  config: |
    {
      "cniVersion": "1.0.0",
      "name": "macvlan-eth1",
      "type": "macvlan",
      "master": "eth1",
      "mode": "bridge",
      "ipam": {
        "type": "whereabouts",
        "range": "10.200.79.0/24"
      }
    }
"""
    assert (0, expected, "") == netattach("new", "macvlan", "-n", "lab", *save(NODE, OTHER))


def test_the_cluster_is_the_default_inventory(netattach: Netattach, kubectl: Kubectl) -> None:
    kubectl(NODE)

    assert "eth1" == generated(netattach, "macvlan")["master"]


def test_without_a_cluster_types_that_need_no_interface_are_generated(
    netattach: Netattach, kubectl: Kubectl
) -> None:
    """For others the message names the options that help."""
    kubectl(status=1, stderr="The connection to the server was refused\n", stdout="x")
    status, out, err = netattach("new", "bridge")

    assert 0 == status
    assert "br1" == json.loads(yaml.safe_load(out)["spec"]["config"])["bridge"]
    assert err.startswith("note: no inventory of the nodes (kubectl get ")
    status, out, err = netattach("new", "macvlan")
    assert (1, "") == (status, out)
    assert err.endswith(
        "error: the interfaces of the nodes are not known: name one with --master, or give --inventory\n"
    )


def test_an_inventory_that_is_named_must_be_readable(netattach: Netattach, kubectl: Kubectl) -> None:
    kubectl(status=1, stderr="refused\n", stdout="x")

    assert 2 == netattach("new", "bridge", "--inventory", "cluster")[0]
    assert (2, "", "error: none.json: no such file or directory\n") == netattach(
        "new", "bridge", "--inventory", "none.json"
    )


@pytest.mark.parametrize("kind", ["macvlan", "host-device"])
def test_if_no_interface_can_be_used_the_reason_for_each_is_printed(netattach: Netattach, kind: str) -> None:
    node = with_interfaces(
        *NODE.interfaces[:2],
        Interface("eth1", up=False),
        Interface("eth2", controller="bond0"),
        Interface("eth0.7", kind="vlan", parent="eth0"),
        Interface("veth1", kind="veth"),
        Interface("vxlan1", kind="vxlan"),
        NODE.interfaces[3],
    )
    status, out, err = netattach("new", kind, *save(node))
    vlan = (
        "is on top of eth0, which carries the node's own traffic"
        if kind == "macvlan"
        else "is a vlan, not a hardware interface"
    )

    assert (1, "") == (status, out)
    assert [
        f"error: no interface of the nodes can be used for {kind}:",
        "lo of node1 is the loopback interface",
        "eth0 of node1 carries the node's own traffic: it carries the IPv4 default route",
        "eth1 of node1 is down",
        "eth2 of node1 is a port of bond0",
        f"eth0.7 of node1 {vlan}",
        "veth1 of node1 leads to a pod",
    ] == [line.strip() for line in err.splitlines()][:7]
    assert 9 == len(err.splitlines())


def test_the_default_interface_is_refused_by_name_too(netattach: Netattach) -> None:
    """With the validator's finding."""
    status, out, err = netattach("new", "macvlan", "--master", "eth0", *save(NODE))

    assert (1, "") == (status, out)
    assert "error: master: `master` eth0 is a default interface of node1" in err
    assert "Fix: use eth1 [master-default-interface]" in err


def test_a_plugin_that_is_not_on_the_nodes_is_an_error(netattach: Netattach) -> None:
    status, out, err = netattach("new", "macvlan", *save(without("macvlan")))

    assert (1, "") == (status, out)
    assert "[plugin-missing]" in err


@pytest.mark.parametrize(
    ("kind", "nodes", "ipam"),
    [
        ("macvlan", [NODE, OTHER], "whereabouts"),
        ("macvlan", [without("whereabouts")], "host-local"),
        ("macvlan", [without("whereabouts"), OTHER], "static"),
        ("host-device", [without("whereabouts"), OTHER], "none"),
        ("bridge", [NODE, OTHER], "host-local"),
        ("tap", [NODE], "none"),
    ],
)
def test_the_default_ipam_gives_no_address_twice(
    netattach: Netattach, kind: str, nodes: list[NodeInventory], ipam: str
) -> None:
    """Leases on each node are only for networks that end at the node."""
    assert ipam == generated(netattach, kind, *save(*nodes)).get("ipam", {"type": "none"})["type"]


def test_with_static_a_comment_shows_the_annotation_of_a_pod(netattach: Netattach) -> None:
    """It can be copied."""
    _, out, _ = netattach("new", "macvlan", "--ipam", "static", "--subnet", "10.9.0.0/24", *save(NODE))

    assert (
        """# annotation of a pod: k8s.v1.cni.cncf.io/networks: '[{"name": "macvlan-eth1", "ips": ["10.9.0.2/24"]}]'"""
        in out
    )
    assert {"ips": True} == json.loads(yaml.safe_load(out)["spec"]["config"])["capabilities"]


@pytest.mark.parametrize(
    ("address", "expected"),
    [("10.200.79.9/24", "10.200.80.0/24"), ("10.200.0.1/16", "192.168."), ("10.0.0.1/8", "192.168.")],
)
def test_the_subnet_overlaps_no_address_of_any_node(
    netattach: Netattach, address: str, expected: str
) -> None:
    """Of no other node either."""
    node = with_interfaces(*NODE.interfaces, Interface("x", addresses=(address, "nonsense")))
    config = generated(netattach, "macvlan", *save(OTHER, node))

    assert config["ipam"]["range"].startswith(expected)


def test_two_networks_have_two_subnets(netattach: Netattach) -> None:
    """The name determines it, so that a second call does not return the subnet of the first one."""
    ranges = {
        generated(netattach, "macvlan", "--name", name, *save(NODE))["ipam"]["range"] for name in "abcd"
    }

    assert 4 == len(ranges)


def test_if_nodes_use_all_private_addresses_a_subnet_is_required(netattach: Netattach) -> None:
    node = with_interfaces(
        Interface("eth1"), Interface("x", addresses=("10.0.0.1/8", "192.168.0.1/16", "172.16.0.1/12"))
    )
    status, out, err = netattach("new", "macvlan", *save(node))

    assert (1, "") == (status, out)
    assert "name a subnet with --subnet" in err


@pytest.mark.parametrize(
    ("versions", "expected"),
    [(("0.3.1", "0.4.0"), "0.4.0"), (("1.0.0", "1.1.0"), "1.0.0"), (("1.1.0",), "1.1.0"), ((), "1.0.0")],
)
def test_the_version_is_one_that_the_plugins_support(
    netattach: Netattach, versions: tuple[str, ...], expected: str
) -> None:
    """Not the newest if they support an older one too: other nodes may not support it."""
    node = dataclasses.replace(NODE, plugins=(Plugin("bridge", versions), Plugin("host-local", VERSIONS)))

    assert expected == generated(netattach, "bridge", *save(node))["cniVersion"]


def test_plugins_without_a_common_version_are_an_error(netattach: Netattach) -> None:
    node = dataclasses.replace(NODE, plugins=(Plugin("bridge", ("0.4.0",)), Plugin("host-local", ("1.0.0",))))
    status, out, err = netattach("new", "bridge", *save(node))

    assert (1, "") == (status, out)
    assert "error: bridge and host-local on the nodes have no CNI version in common\n" == err


def test_a_bridge_gets_a_name_that_no_interface_has(netattach: Netattach) -> None:
    node = with_interfaces(*NODE.interfaces, Interface("br1", kind="bridge"))

    assert "br2" == generated(netattach, "bridge", *save(node))["bridge"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["vlan"], "the VLAN has no default: give its ID with --vlan"),
        (["macvlan", "--vlan", "5"], "macvlan has no VLAN option"),
        (["vlan", "--vlan", "5000"], "vlanId: `vlanId` is 5000"),
        (["ptp", "--master", "eth1"], "ptp uses no interface of the node"),
        (["bridge", "--subnet", "10.0.0.1/24"], "--subnet: 10.0.0.1/24 has host bits set"),
        (
            ["ptp", "--ipam", "static", "--subnet", "10.0.0.0/31"],
            "--subnet 10.0.0.0/31 is too small for a pod",
        ),
        (["macvlan", "--ipam", "dhcp", "--subnet", "10.0.0.0/24"], "--ipam dhcp takes no subnet"),
        (
            ["macvlan", "--dual-stack", "--ipam", "dhcp"],
            "--ipam dhcp takes no subnet: leave --dual-stack out",
        ),
        (
            ["bridge", "--subnet", "10.0.0.0/24", "--subnet", "10.1.0.0/24"],
            "--subnet: at most one of each IP version",
        ),
        (["dummy", "--mtu", "1400"], "dummy has no option for the MTU"),
        (["bridge", "--mtu", "60"], "mtu: `mtu` is 60"),
        (["bridge", "--mtu", "1000", "--dual-stack"], "mtu: `mtu` is 1000, but IPv6 requires at least 1280"),
        (["sriov"], "sriov gets its device from a device plugin: name the resource with --resource"),
        (["sriov", "--resource", "nics"], "sriov gets its device from a device plugin"),
        (["bridge", "--resource", "intel.com/nics"], "bridge takes no resource"),
        (["bond", "--links", "net1"], "a bond needs two links or more"),
        (["macvlan", "--links", "net1,net2"], "macvlan has no links"),
        (["bridge", "--name", "A_b"], "--name 'A_b' is not a valid object name"),
        (["bridge", "--namespace", "a.b"], "--namespace 'a.b' is not a valid namespace"),
    ],
)
def test_invalid_options_are_explained(netattach: Netattach, arguments: list[str], problem: str) -> None:
    status, out, err = netattach("new", *arguments, *save(NODE))

    assert (2, "") == (status, out)
    assert f"error: {problem}" in err


@pytest.mark.parametrize(
    ("link", "name"), [("eth1.100", "macvlan-eth1.100"), ("Wan_0", "macvlan-wan-0"), ("_", "macvlan")]
)
def test_the_default_name_is_a_valid_object_name(netattach: Netattach, link: str, name: str) -> None:
    assert name == generated(netattach, "macvlan", *save(with_interfaces(Interface(link))))["name"]


@pytest.mark.parametrize("name", ["10", "null", "1e3", "on", "a"])
def test_a_name_stays_a_string(netattach: Netattach, name: str) -> None:
    _, out, _ = netattach("new", "bridge", "--name", name, "--namespace", name, *save(NODE))

    assert {"name": name, "namespace": name} == yaml.safe_load(out)["metadata"]


def test_an_existing_file_is_not_overwritten(netattach: Netattach) -> None:
    arguments = ("new", "bridge", "-f", "a.yaml", *save(NODE))

    assert (0, "", "") == netattach(*arguments)
    text = Path("a.yaml").read_text()
    assert 0 == netattach("lint", "a.yaml", "--inventory", "nodes.json", "--strict")[0]
    assert (2, "", "error: a.yaml: file exists\n") == netattach(*arguments)
    assert text == Path("a.yaml").read_text()


DUAL = ("--dual-stack", "--subnet", "10.7.0.0/24")


@pytest.mark.parametrize("kind", ["host-local", "whereabouts", "static"])
@pytest.mark.parametrize("plugin", ["macvlan", "bridge", "ptp"])
def test_dual_stack_networks_have_a_subnet_of_each_version(
    netattach: Netattach, plugin: str, kind: str
) -> None:
    status, out, err = netattach("new", plugin, *DUAL, "--ipam", kind, *save(NODE))
    Path("net.yaml").write_text(out)

    assert (0, "") == (status, err)
    assert "# subnet 10.7.0.0/24: as given\n" in out
    (other,) = re.findall(r"# subnet (fd\S+)/64: unique local, by the name of the network\n", out)
    assert f"{other}" in out.partition("apiVersion")[2] or f"{other}2/64" in out
    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "--strict", "net.yaml", *save(NODE))


def test_two_subnets_are_taken_as_given(netattach: Netattach) -> None:
    subnets = ("--subnet", "fd00:7::/64", "--subnet", "10.7.0.0/24")
    config = generated(netattach, "bridge", *subnets, *save(NODE))

    assert [[{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]] == config["ipam"]["ranges"]


def test_a_network_of_ipv6_alone_has_one_subnet(netattach: Netattach) -> None:
    config = generated(netattach, "bridge", "--subnet", "fd00:7::/64", *save(NODE))

    assert {"type": "host-local", "subnet": "fd00:7::/64"} == config["ipam"]


def test_the_subnet_of_ipv6_overlaps_no_network_of_the_nodes(netattach: Netattach) -> None:
    """It is another one for each name, and the same one each time."""
    first, again = (generated(netattach, "bridge", *DUAL, *save(NODE))["ipam"]["ranges"] for _ in range(2))
    other = generated(netattach, "bridge", *DUAL, "--name", "b", *save(NODE))["ipam"]["ranges"]
    taken = ipaddress.IPv6Network(first[1][0]["subnet"])
    node = with_interfaces(Interface("eth0", addresses=(f"{taken[1]}/64",)))

    assert first == again
    assert first[1] != other[1]
    assert first[1] != generated(netattach, "bridge", *DUAL, *save(node))["ipam"]["ranges"][1]


@pytest.mark.parametrize("kind", ["macvlan", "ipvlan", "bridge", "ptp", "ovs", "bond"])
def test_the_mtu_is_as_given(netattach: Netattach, kind: str) -> None:
    assert 1400 == generated(netattach, kind, "--mtu", "1400", *save(NODE))["mtu"]


def test_a_network_of_sriov_names_its_resource(netattach: Netattach) -> None:
    _, out, _ = netattach("new", "sriov", "--resource", "intel.com/nics", "--vlan", "7", *save(NODE))
    metadata = yaml.safe_load(out)["metadata"]

    assert {"k8s.v1.cni.cncf.io/resourceName": "intel.com/nics"} == metadata["annotations"]
    assert "# a container of the pod requests a device: resources.limits: {intel.com/nics: 1}\n" in out
    assert 7 == json.loads(yaml.safe_load(out)["spec"]["config"])["vlan"]


def test_a_bridge_of_open_vswitch_is_one_of_the_nodes(netattach: Netattach) -> None:
    """But not the one of OVN-Kubernetes; without one, it has to be named."""
    assert "br-vm" == generated(netattach, "ovs", *save(NODE))["bridge"]
    status, _, err = netattach("new", "ovs", *save(with_interfaces(Interface("eth1"))))

    assert 1 == status
    assert "no bridge of Open vSwitch is known on the nodes: name one with --master" in err


def test_a_bond_combines_the_first_two_networks_of_a_pod(netattach: Netattach) -> None:
    config = generated(netattach, "bond", *save(NODE))

    assert [{"name": "net1"}, {"name": "net2"}] == config["links"]
    assert config["linksInContainer"] is True
    assert [{"name": "a"}, {"name": "b"}, {"name": "c"}] == generated(
        netattach, "bond", "--links", "a,b,c", *save(NODE)
    )["links"]


def test_the_file_has_the_name_of_kubectls_option_no_more(netattach: Netattach) -> None:
    """Of kubectl's commands, -f reads."""
    assert (0, "", "") == netattach("new", "bridge", "--write", "b.yaml", *save(NODE))
    assert Path("b.yaml").read_text().startswith("# bridge br1:")

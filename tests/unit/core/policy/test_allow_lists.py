"""restricted: what the lists of the settings do not name is refused."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from netattach_core.api.nad import Nad
from netattach_core.policy import networks
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import NO_LISTS, AllowLists, Level
from support import policies

LISTS = AllowLists(
    plugins=(
        "macvlan",
        "ipvlan",
        "vlan",
        "bridge",
        "host-device",
        "bond",
        "ovs",
        "tuning",
        "flannel",
        "team-*",
    ),
    ipam=("whereabouts", "host-local", "static"),
    masters=("eth1", "bond?"),
    bridges=("br-t-*",),
    subnets=("10.50.0.0/16", "fd00:50::/32"),
    sysctls=("net.ipv4.conf.IFNAME.arp_*",),
)
WHEREABOUTS = {"type": "whereabouts", "range": "10.50.1.0/24"}


def macvlan(**keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "type": "macvlan", "master": "eth1", **keys}


def bridge(**keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "br-t-a", **keys}


def plugin(kind: str, **keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "type": kind, **keys}


def found(config: Any, lists: AllowLists = LISTS) -> list[str]:
    return policies.rules(policies.restricted(config, lists))


def test_a_network_of_listed_parts_passes() -> None:
    assert [] == found(
        {
            "name": "net",
            "plugins": [
                macvlan(ipam=WHEREABOUTS),
                {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}},
            ],
        }
    )


@pytest.mark.parametrize("lists", [field.name for field in dataclasses.fields(AllowLists)])
def test_a_list_that_is_absent_allows_nothing(lists: str) -> None:
    sysctl = {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}
    config = {"name": "net", "plugins": [macvlan(ipam=WHEREABOUTS), {**bridge()}, sysctl]}
    rules = {
        "plugins": "policy-plugin",
        "ipam": "policy-ipam",
        "masters": "policy-master",
        "bridges": "policy-bridge",
        "subnets": "policy-subnet",
        "sysctls": "policy-sysctl-list",
    }

    assert [rules[lists]] == found(config, dataclasses.replace(LISTS, **{lists: ()}))


def test_baseline_has_no_lists() -> None:
    assert [] == policies.baseline(macvlan(ipam=WHEREABOUTS))


@pytest.mark.parametrize(
    "config",
    [
        plugin("ptp"),
        plugin("Macvlan", master="eth1"),
        plugin("macvlan ", master="eth1"),
        plugin("team"),
        plugin(""),
        {"name": "net"},
        {"name": "net", "type": 7},
        {"name": "net", "plugins": [macvlan(), {"type": "portmap"}]},
        {"name": "net", "plugins": [macvlan(), {}]},
        plugin("flannel", delegate={"type": "ptp"}),
        plugin("flannel", DELEGATE={"TYPE": "ptp"}),
        plugin("flannel", delegate={"type": "ptp", "TYPE": "macvlan", "master": "eth1"}),
        plugin("team-x", delegate={"type": "ptp"}),
        plugin("team-x", chain=[{"deep": {"Type": "ptp"}}]),
        '{"name": "net", "type": "ptp", "type": "macvlan", "master": "eth1"}',
        '{"name": "net", "type": "macvlan", "master": "eth1", "\\u0054ype": "ptp"}',
    ],
    ids=str,
)
def test_other_plugins_are_refused(config: Any) -> None:
    assert "policy-plugin" in found(config)


def test_another_binary_of_a_listed_plugin_passes() -> None:
    assert [] == found(plugin("cnv-bridge", bridge="br-t-a"))
    assert [] == found(plugin("team-x"))


@pytest.mark.parametrize(
    "config",
    [
        macvlan(ipam={"type": "dhcp"}),
        macvlan(ipam={"type": "Whereabouts"}),
        macvlan(IPAM={"TYPE": "dhcp"}),
        plugin("flannel", delegate={"type": "macvlan", "master": "eth1", "ipam": {"type": "dhcp"}}),
        plugin("team-x", nested={"ipam": {"type": "dhcp"}}),
        '{"name": "net", "type": "macvlan", "master": "eth1", "ipam": {"type": "dhcp"}, "ipam": {"type": "static"}}',
        '{"name": "net", "type": "macvlan", "master": "eth1", "ipam": {"type": "dhcp", "type": "static"}}',
    ],
    ids=str,
)
def test_other_ipam_plugins_are_refused(config: Any) -> None:
    assert ["policy-ipam"] == found(config)


@pytest.mark.parametrize(
    "config", [macvlan(), macvlan(ipam={}), macvlan(ipam=None), macvlan(ipam={"type": ""})]
)
def test_no_ipam_needs_no_list(config: Any) -> None:
    assert [] == found(config, dataclasses.replace(LISTS, ipam=()))


@pytest.mark.parametrize(
    "config",
    [
        macvlan(master="eth0"),
        macvlan(master="eth1.100"),
        macvlan(master="eth1 "),
        macvlan(master="ETH1"),
        macvlan(master="bond10"),
        macvlan(master=""),
        macvlan(master=None),
        macvlan(master="eth0", linkInContainer=False),
        plugin("macvlan"),
        plugin("ipvlan"),
        plugin("vlan"),
        plugin("macvlan", MASTER="eth0"),
        plugin("host-device", device="eth0"),
        plugin("host-device", hwaddr="02:00:00:00:00:01"),
        plugin("host-device", device="eth1", pciBusID="0000:00:1f.6"),
        plugin("host-device", kernelpath="/sys/devices/x"),
        plugin("ovs", bridge="br-t-a", deviceID="0000:00:1f.6"),
        macvlan(runtimeConfig={"deviceID": "0000:00:1f.6"}),
        plugin("bond", links=[{"name": "eth1"}, {"name": "eth0"}]),
        plugin("bond", links=[{"name": "eth1"}, {"NAME": "eth0"}], linksInContainer=False),
        plugin("flannel", delegate={"type": "macvlan"}),
        plugin("flannel", delegate={"type": "macvlan", "master": "eth0", "MASTER": "eth1"}),
        plugin("team-x", master="eth0"),
        plugin("team-x", parent_interface="eth0"),
        plugin("team-x", deep=[{"uplink": ["eth1", "eth0"]}]),
        plugin("team-x", delegate={"type": "macvlan"}),
        plugin("team-x", pciAddress="0000:00:1f.6"),
        '{"name": "net", "type": "macvlan", "master": "eth1", "master": "eth0"}',
        '{"name": "net", "type": "macvlan", "master": "eth0", "master": "eth1"}',
        '{"name": "net", "type": "macvlan", "master": "eth1", "Master": ""}',
        '{"name": "net", "type": "macvlan", "master": "eth0", "linkInContainer": true, "LinkInContainer": false}',
        '{"name": "net", "type": "macvlan", "ma\\u0073ter": "eth\\u0030"}',
        '{"name": "net", "type": "macvlan", "ma\\u017fter": "eth0"}',
    ],
    ids=str,
)
def test_other_interfaces_of_the_node_are_refused(config: Any) -> None:
    assert ["policy-master"] == found(config)


@pytest.mark.parametrize(
    "config",
    [
        macvlan(master="bond1"),
        plugin("macvlan", MASTER="eth1"),
        macvlan(master="net1", linkInContainer=True),
        plugin("macvlan", linkInContainer=True),
        plugin("host-device", device="eth1"),
        plugin("host-device"),
        plugin("bond", links=[{"name": "net1"}, {"name": "net2"}], linksInContainer=True),
        plugin("bond", links=[{"name": "bond1"}, {"name": "eth1"}]),
        plugin("team-x", parentInterface="eth1"),
        bridge(master="eth0"),
    ],
    ids=str,
)
def test_listed_interfaces_and_those_in_the_pod_pass(config: Any) -> None:
    assert [] == found(config)


@pytest.mark.parametrize(
    "config",
    [
        bridge(bridge="br-ex"),
        bridge(bridge="cni0"),
        bridge(bridge=""),
        plugin("bridge"),
        plugin("bridge", BRIDGE="br-ex"),
        plugin("ovs"),
        plugin("ovs", bridge="br-int"),
        plugin("flannel"),
        plugin("flannel", delegate={"isDefaultGateway": True}),
        plugin("team-x", bridgeName="br-ex"),
        plugin("team-x", nested={"type": "bridge"}),
        '{"name": "net", "type": "bridge", "bridge": "br-ex", "bridge": "br-t-a"}',
    ],
    ids=str,
)
def test_other_bridges_are_refused(config: Any) -> None:
    assert ["policy-bridge"] == found(config)


def whereabouts(**keys: Any) -> dict[str, Any]:
    return macvlan(ipam={"type": "whereabouts", **keys})


def host_local(**keys: Any) -> dict[str, Any]:
    return macvlan(ipam={"type": "host-local", **keys})


def static(**keys: Any) -> dict[str, Any]:
    return macvlan(ipam={"type": "static", "addresses": [keys]})


@pytest.mark.parametrize(
    "config",
    [
        host_local(subnet="10.51.0.0/24"),
        host_local(subnet="10.0.0.0/8"),
        host_local(subnet="0.0.0.0/0"),
        host_local(subnet="10.50.0.0/15"),
        host_local(subnet="::ffff:10.51.0.0/112"),
        host_local(subnet="::/0"),
        host_local(subnet="010.50.0.0/24"),
        host_local(subnet="10.50.0.0"[:-2] + "/24"),
        host_local(subnet="usePodCidr"),
        host_local(subnet="10.50.0.0/24", gateway="10.96.0.1"),
        host_local(subnet="10.50.0.0/24", rangeStart="10.96.0.1"),
        host_local(ranges=[[{"subnet": "10.50.0.0/24"}], [{"subnet": "10.51.0.0/24"}]]),
        host_local(RANGES=[[{"SUBNET": "10.51.0.0/24"}]]),
        static(address="10.51.0.1/24"),
        static(address="10.50.0.1/8"),
        static(address="10.50.0.1/24", gateway="10.96.0.1"),
        static(ADDRESS="10.51.0.1/24"),
        whereabouts(range="10.51.0.0/24"),
        whereabouts(range="10.50.0.5-10.51.0.9/24"),
        whereabouts(range="10.50.0.5-10.50.0.9/8"),
        whereabouts(range="10.50.0.0/24", range_end="10.51.0.9"),
        whereabouts(ipRanges=[{"range": "10.50.0.0/24"}, {"range": "fd00:51::/64"}]),
        whereabouts(range="10.50.0.0/24", addresses=[{"address": "10.51.0.1/24"}]),
        macvlan(args={"cni": {"ips": ["10.51.0.1/24"]}}),
        macvlan(runtimeConfig={"ips": ["10.51.0.1/24"]}),
        plugin("team-x", subnet="10.51.0.0/24"),
        plugin("team-x", cidrs=["10.51.0.0/24"]),
        plugin("team-x", subnets="10.50.0.0/24/28, 10.51.0.0/24/28"),
        json.dumps(host_local(subnet="10.50.0.0/24")).replace(
            '"subnet"', '"subnet": "10.51.0.0/24", "subnet"'
        ),
    ],
    ids=str,
)
def test_other_addresses_are_refused(config: Any) -> None:
    assert ["policy-subnet"] == found(config)


@pytest.mark.parametrize(
    "config",
    [
        host_local(subnet="10.50.0.0/16", rangeStart="10.50.0.9", gateway="10.50.0.1"),
        host_local(ranges=[[{"subnet": "10.50.3.0/24"}], [{"subnet": "fd00:50:1::/64"}]]),
        host_local(subnet="::ffff:10.50.0.0/112"),
        host_local(subnet="10.50.0.0/24", routes=[{"dst": "0.0.0.0/0", "gw": "10.50.0.1"}]),
        static(address="10.50.0.7/24", gateway=""),
        whereabouts(range="10.50.0.5-10.50.0.9/24", exclude=["10.50.0.6/32"], enable_overlapping_ranges=True),
        bridge(isGateway=True, isDefaultGateway="true"),
        plugin("team-x", subnets="10.50.0.0/24/28,fd00:50::/64", macAddress="02:00:00:00:00:01"),
    ],
    ids=str,
)
def test_addresses_inside_the_subnets_pass(config: Any) -> None:
    assert [] == found(config)


@pytest.mark.parametrize(
    "key", ["net.ipv4.conf.IFNAME.rp_filter", "net.ipv4.conf.all.arp_filter", "net/ipv4/conf/all/arp_filter"]
)
def test_other_sysctls_are_refused_even_where_they_are_safe(key: str) -> None:
    assert ["policy-sysctl-list"] == found(plugin("tuning", sysctl={key: "1"}))
    assert [] == policies.baseline(plugin("tuning", sysctl={key: "1"}))


@pytest.mark.parametrize("config", ["", " \n"])
def test_the_file_of_the_node_is_refused(config: str) -> None:
    """No list can be held against it: it may be any network of the cluster's owner."""
    assert ["policy-node-file"] == found(config)
    assert [] == policies.baseline(config)


def test_the_finding_names_the_list_of_the_settings() -> None:
    (finding,) = policies.restricted(macvlan(master="eth2", ipam=WHEREABOUTS), LISTS)

    assert ("master",) == finding.path
    assert "'eth2' is not on the list `masters`" == finding.problem
    assert finding.fix.startswith(
        "use one of the list (eth1, bond?), or ask your cluster's owner to list eth2 under policy.namespaces[0].masters"
    )


def test_an_omitted_master_is_explained() -> None:
    (finding,) = policies.restricted(plugin("macvlan", ipam=WHEREABOUTS), LISTS)

    assert "this names the interface of the node's default route" in finding.problem
    assert "name one of the list: eth1, bond?" in finding.fix


def test_one_finding_for_a_subnet_with_all_that_is_in_it() -> None:
    ipam = {
        "type": "host-local",
        "rangeStart": "10.51.0.5",
        "subnet": "10.51.0.0/24",
        "gateway": "10.51.0.1",
    }
    (finding,) = policies.restricted(macvlan(ipam=ipam), LISTS)

    assert ("ipam", "subnet") == finding.path
    assert "list 10.51.0.0/24 under policy.namespaces[0].subnets" in finding.fix


def test_without_an_entry_of_the_settings_the_lists_are_those_of_policy_restricted() -> None:
    policy = NamespacePolicy("lab", enforce=Level.RESTRICTED, allowed=NO_LISTS)
    found = networks.check(Nad("lab", "net", json.dumps(macvlan())), policy)

    assert "under policy.restricted.masters" in found[-1].fix


@pytest.mark.parametrize("name", ["eth0\0-t", "eth0\0"])
def test_a_name_counts_up_to_the_nul_at_which_the_kernel_ends_it(name: str) -> None:
    lists = AllowLists(plugins=("macvlan",), masters=("*-t",))

    assert ["policy-master"] == found({"type": "macvlan", "master": name}, lists)

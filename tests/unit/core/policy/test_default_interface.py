"""The node's default interface is refused by whatever selects it, and all else on the node is not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory
from netattach_core.api.nad import Nad
from netattach_core.policy import networks
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.text.finding import Finding, Severity

RULE = "policy-default-interface"
PCI = "/sys/devices/pci0000:00"
NODE = NodeInventory(
    "worker-1",
    interfaces=(
        Interface("lo", "loopback"),
        Interface(
            "eth0",
            mac="02:00:5e:10:00:0a",
            alt_names=("enp0s3",),
            device_path=f"{PCI}/0000:00:03.0/virtio0",
        ),
        Interface("eth1", mac="02:00:5e:10:00:0b", device_path=f"{PCI}/0000:00:04.0"),
        Interface("eth0.7", "vlan", parent="eth0"),
        Interface("br1", "bridge"),
    ),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
    labels={"network": "plain"},
)
OPENSHIFT = NodeInventory(
    "worker-2",
    interfaces=(
        Interface("br-ex", "openvswitch", mac="02:00:5e:20:00:01"),
        Interface("ens5", mac="02:00:5e:20:00:01", controller="ovs-system"),
        Interface("bond0", "bond", controller="br0"),
        Interface("bond0.100", "vlan", parent="bond0"),
        Interface("ens6", controller="bond0"),
        Interface("br0", "bridge"),
    ),
    default_interfaces=(
        DefaultInterface("br-ex", ("carries the IPv4 default route",)),
        DefaultInterface("bond0.100", ("carries the node's InternalIP 192.0.2.7",)),
    ),
    labels={"network": "fast"},
)
BOTH = (NODE, OPENSHIFT)


def findings(
    *chain: Any, nodes: Sequence[NodeInventory] = BOTH, annotations: Mapping[str, str] | None = None
) -> list[Finding]:
    """Those of this rule for a chain; a string is the text of a whole configuration."""
    text = (
        chain[0]
        if isinstance(chain[0], str)
        else json.dumps({"cniVersion": "1.0.0", "name": "n", "plugins": chain})
    )
    policy = NamespacePolicy("lab", enforce=Level.BASELINE)
    found = networks.check(Nad("lab", "net", text, annotations or {}), policy, Surroundings(tuple(nodes)))
    return [each for each in found if each.rule.id == RULE]


ATTACKS: dict[str, tuple[Any, ...]] = {
    "macvlan": ({"type": "macvlan", "master": "eth0"},),
    "in another case": ({"type": "macvlan", "MASTER": "eth0"},),
    "last of two keys": ('{"type": "macvlan", "master": "eth1", "master": "eth0"}',),
    "escaped": ('{"type": "macvlan", "master": "\\u0065th0"}',),
    "up to a NUL": ({"type": "macvlan", "master": "eth0\0.1"},),
    "alternative name": ({"type": "macvlan", "master": "enp0s3"},),
    "omitted": ({"type": "macvlan"},),
    "empty": ({"type": "ipvlan", "master": ""},),
    "null": ({"type": "ipvlan", "master": None},),
    "chained ipvlan": ({"type": "dummy"}, {"type": "ipvlan", "master": "eth0"}),
    "second of a chain": ({"type": "dummy"}, {"type": "macvlan", "master": "eth0"}),
    "vlan": ({"type": "vlan", "master": "eth0", "vlanId": 7},),
    "untagged on the parent": ({"type": "vlan", "master": "bond0"},),
    "macvlan on the parent": ({"type": "macvlan", "master": "bond0"},),
    "vlan on a port": ({"type": "vlan", "master": "ens6", "vlanId": 7},),
    "host-device": ({"type": "host-device", "device": "eth0"},),
    "linkInContainer, which it ignores": (
        {"type": "host-device", "device": "eth0", "linkInContainer": True},
    ),
    "hwaddr": ({"type": "host-device", "hwaddr": "02:00:5e:10:00:0a"},),
    "hwaddr in capitals": ({"type": "host-device", "hwaddr": "02-00-5E-10-00-0A"},),
    "hwaddr with dots": ({"type": "host-device", "HwAddr": "0200.5e10.000A"},),
    "hwaddr without separators": ({"type": "host-device", "hwaddr": "02005e10000a"},),
    "pciBusID": ({"type": "host-device", "pciBusID": "0000:00:03.0"},),
    "pciBusID, a path": ({"type": "host-device", "pciBusID": "../../../class/net/eth0/device"},),
    "pciBusID, a path, and a capability": (
        {
            "type": "host-device",
            "pciBusID": "0000:00:04.0/../0000:00:03.0",
            "capabilities": {"deviceID": True},
        },
    ),
    "kernelpath": ({"type": "host-device", "kernelpath": f"{PCI}/0000:00:03.0/virtio0"},),
    "kernelpath, double slashes": ({"type": "host-device", "kernelpath": f"{PCI}//0000:00:03.0/virtio0/"},),
    "kernelpath, dots": ({"type": "host-device", "kernelpath": "/sys/devices/../class/net/eth0/device"},),
    "kernelpath, a link": (
        {"type": "host-device", "kernelpath": f"{PCI}/0000:00:04.0/subsystem/devices/0000:00:03.0/virtio0"},
    ),
    "kernelpath, all virtual ones": ({"type": "host-device", "kernelpath": "/sys/devices/virtual"},),
    "runtimeConfig": ({"type": "host-device", "RuntimeConfig": {"DeviceID": "0000:00:03.0"}},),
    "sriov": ({"type": "sriov", "deviceID": "0000:00:03.0"},),
    "bridge": ({"type": "bridge", "bridge": "br-ex"},),
    "bridge by KubeVirt's name": ({"type": "cnv-bridge", "bridge": "br-ex"},),
    "bridge with the interface as a port": ({"type": "bridge", "bridge": "br0"},),
    "tap": ({"type": "tap", "bridge": "br0"},),
    "ovs": ({"type": "ovs", "bridge": "br-ex", "vlan": 7},),
    "bond": ({"type": "bond", "mode": "active-backup", "links": [{"name": "eth1"}, {"name": "eth0"}]},),
    "delegate of flannel": ({"type": "flannel", "delegate": {"type": "macvlan", "Master": "eth0"}},),
    "Delegate of flannel": ({"type": "flannel", "Delegate": {"bridge": "br-ex"}},),
    "unknown plugin": ({"type": "fancy", "Master": "eth0"},),
    "list in an unknown plugin": ({"type": "fancy", "Host-Bridges": 7, "masters": ["eth1", "eth0"]},),
    "unknown plugin's spelling": ({"type": "fancy", "parent_interface": "eth0"},),
    "deep in an unknown plugin": ({"type": "fancy", "nics": [{"a": {"pciBusID": "0000:00:03.0"}}]},),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_the_default_interface_is_refused_by_any_selector(name: str) -> None:
    found = findings(*ATTACKS[name])

    assert [Severity.DENY] == [each.effective_severity for each in found]
    assert "policy.namespaces" in found[0].fix or "write" in found[0].fix


NEIGHBOURS: dict[str, tuple[Any, ...]] = {
    "macvlan": ({"type": "macvlan", "master": "eth1"},),
    "VLAN of the default interface": ({"type": "macvlan", "master": "eth0.7"},),
    "in the pod": ({"type": "macvlan", "master": "eth0", "linkInContainer": True},),
    "omitted, in the pod": ({"type": "macvlan", "linkInContainer": True},),
    "host-device": ({"type": "host-device", "device": "eth1"},),
    "hwaddr": ({"type": "host-device", "hwaddr": "02:00:5e:10:00:0b"},),
    "pciBusID": ({"type": "host-device", "pciBusID": "0000:00:04.0"},),
    "kernelpath": ({"type": "host-device", "kernelpath": f"{PCI}/0000:00:04.0"},),
    "device of the kubelet": ({"type": "host-device", "capabilities": {"deviceID": True}},),
    "bridge": ({"type": "bridge", "bridge": "br1"},),
    "bridge of the plugin": ({"type": "bridge"},),
    "bond in the pod": ({"type": "bond", "linksInContainer": True, "links": [{"name": "eth0"}]},),
    "unknown plugin": ({"type": "fancy", "master": "eth1", "interface": "eth0"},),
    "address of the pod": ({"type": "fancy", "ipam": {"device": "eth0"}},),
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_other_interfaces_pass(name: str) -> None:
    assert [] == findings(*NEIGHBOURS[name])


def test_a_vlan_next_to_that_of_the_node_is_only_a_warning() -> None:
    """The kernel has one VLAN of a number on an interface: nobody can take the node's."""
    (found,) = findings({"type": "vlan", "master": "bond0", "vlanId": 200})

    assert Severity.WARN is found.effective_severity


def test_the_finding_names_the_interface_the_node_and_the_reason() -> None:
    (found,) = findings({"type": "host-device", "hwaddr": "0200.5e10.000A"})

    assert ("plugins", 0, "hwaddr") == found.path
    assert (
        "`hwaddr` '0200.5e10.000A' is eth0, which carries the own traffic of worker-1: it carries the IPv4 default route"
        in found.problem
    )
    assert (
        "ask your cluster's owner to give this namespace the level privileged in policy.namespaces"
        in found.fix
    )


def test_only_nodes_of_the_selector_count() -> None:
    selected = {"netattach.io/node-selector": "network=fast"}

    assert [] == findings({"type": "macvlan", "master": "eth0"}, annotations=selected)
    assert findings({"type": "bridge", "bridge": "br-ex"}, annotations=selected)


@pytest.mark.parametrize("selector", ["network=none", "a b c", "network in ("])
def test_a_selector_without_nodes_does_not_switch_the_rule_off(selector: str) -> None:
    annotations = {"netattach.io/node-selector": selector}

    assert findings({"type": "macvlan", "master": "eth0"}, annotations=annotations)


def test_without_paths_in_the_inventory_a_plain_device_path_passes() -> None:
    """Of daemons of earlier versions."""
    old = NodeInventory("old", (Interface("eth0"),), (DefaultInterface("eth0", ()),))

    assert [] == findings({"type": "host-device", "kernelpath": f"{PCI}/0000:00:03.0"}, nodes=[old])
    assert findings(
        {"type": "host-device", "kernelpath": "/sys/devices/../class/net/eth0/device"}, nodes=[old]
    )
    assert findings({"type": "host-device", "kernelpath": "/sys/devices/virtual"}, nodes=[old])


def test_interfaces_that_are_each_others_ports_and_parents_end() -> None:
    loop = NodeInventory(
        "odd",
        (
            Interface("a", "vlan", parent="b", controller="b"),
            Interface("b", "vlan", parent="a", controller="a"),
            Interface("c", parent="c", controller="c"),
        ),
        (DefaultInterface("a", ("is odd",)), DefaultInterface("c", ())),
    )

    assert findings({"type": "macvlan", "master": "b"}, nodes=[loop])


def others(count: int) -> tuple[NodeInventory, ...]:
    """Nodes whose eth0 carries none of their own traffic."""
    return tuple(NodeInventory(f"honest-{index}", interfaces=(Interface("eth0"),)) for index in range(count))


@pytest.mark.parametrize(
    ("config", "honest", "severity"),
    [
        ({"type": "macvlan", "master": "eth0"}, 2, Severity.WARN),
        ({"type": "bridge", "bridge": "eth0"}, 2, Severity.WARN),
        ({"type": "macvlan", "master": "eth0"}, 1, Severity.DENY),
        ({"type": "macvlan", "master": "eth0"}, 0, Severity.DENY),
        ({"type": "host-device", "device": "eth0"}, 5, Severity.DENY),
        ({"type": "somebodys", "master": "eth0"}, 5, Severity.DENY),
    ],
)
def test_what_one_node_alone_claims_is_a_warning_unless_the_node_would_lose_the_interface(
    config: dict[str, str], honest: int, severity: Severity
) -> None:
    (finding,) = findings(config, nodes=(NODE, *others(honest)))

    assert severity is finding.effective_severity
    assert ("Only worker-1 reports this" in finding.problem) == (severity is Severity.WARN)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "macvlan", "master": "eth0", "ma\ufb06er": "eth1"}',
        '{"type": "macvlan", "master": "eth0", "MASTER": null}',
        '{"type": "macvlan", "master": "eth0", "linkInContainer": true, "LINKINCONTAINER": false}',
        '{"type": "bond", "links": [{"name": "eth0"}], "LINKS": [{}]}',
        '{"type": "bond", "links": [{"name": "eth0"}, {"name": "eth1"}], "links": [{"name": "eth1"}]}',
        '{"type": "flannel", "delegate": {"type": "macvlan", "TYPE": "bridge", "master": "eth0"}}',
        '{"type": "flannel", "delegate": {"type": "macvlan", "master": "eth0", "MASTER": "eth1"}}',
        '{"type": "flannel", "delegate": {"type": "macvlan", "master": "eth0"}, "DELEGATE": {"type": "bridge"}}',
        '{"type": "flannel", "delegate": {"type": "flannel", "delegate": {"type": "macvlan", "master": "eth0"}}}',
        '{"type": "flannel", "delegate": {"type": "macvtap", "master": "eth0"}}',
        '{"type": "flannel", "delegate": {"type": "other", "run": {"type": "macvlan"}}}',
        '{"type": "other", "run": {"type": "flannel", "delegate": {"type": "macvlan"}}}',
        '{"type": "ptp", "ipam": {"type": "flannel"}, "delegate": {"type": "macvlan", "master": "eth0"}}',
    ],
)
def test_no_spelling_that_a_plugin_may_read_hides_the_default_interface(text: str) -> None:
    assert findings(text)


def test_parts_that_contain_each_other_in_many_ways_are_each_checked_once() -> None:
    """Flannel passes on `delegate`, an unknown plugin anything: without care that is 2**90 ways to the innermost part."""
    innermost = '{"type": "macvlan", "master": "eth0"}'
    depth = 90
    text = '{"type": "flannel", "TYPE": "other", "delegate": ' * depth + innermost + "}" * depth

    assert 1 == len(findings(f'{{"type": "flannel", "delegate": {text}}}'))

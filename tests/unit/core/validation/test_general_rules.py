"""The rules for all plugins: each reports a bad NAD, and does not report a similar good one."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core import plugins
from netattach_core.validation import (
    cluster_rules,
    custom_schemas,
    node_rules,
    node_selector,
    node_version_rules,
    object_rules,
)
from netattach_core.validation.validator import RULES
from support.validation import (
    HOST_LOCAL,
    STATIC,
    assert_fires,
    bridge,
    config,
    ids,
    macvlan,
    ranged,
    validated_as_written,
)


def chain(*others: dict[str, Any], version: str = "1.0.0") -> dict[str, Any]:
    return {"cniVersion": version, "name": "n", "plugins": [{"type": "bridge", "ipam": HOST_LOCAL}, *others]}


WHEREABOUTS = {"type": "whereabouts", "range": "10.1.2.0/24"}

CASES: list[tuple[str, str, Any, Any]] = [
    ("config-not-text", "YAML in place of a text", {"spec": {"config": {"type": "bridge"}}}, bridge()),
    ("config-not-text", "a list in place of a text", {"spec": {"config": []}}, {"spec": {"config": ""}}),
    ("json-syntax", "a trailing comma", '{"type":"bridge",}', bridge()),
    ("config-not-object", "a list of plugins without an object around it", "[]", bridge()),
    ("key-twice", "one key twice", '{"name":"a","name":"b","type":"x"}', '{"name":"a","type":"x"}'),
    ("schema", "a number in quotes", bridge(vlan="100"), bridge(vlan=100)),
    ("schema", "true in quotes", bridge(isGateway="true"), bridge(isGateway=True)),
    ("schema", "a mode of another plugin", macvlan(mode="l2"), macvlan(mode="private")),
    ("schema", "a mode in capitals", macvlan(mode="Bridge"), macvlan(mode="")),
    ("schema", "VLAN 4095", bridge(vlan=4095), bridge(vlan=4094)),
    ("schema", "a negative count", macvlan(bcqueuelen=-1), macvlan(bcqueuelen=0)),
    ("schema", "ipam as a text", macvlan(ipam="dhcp"), macvlan(ipam={"type": "dhcp"})),
    (
        "schema",
        "ipam as a text, of an unknown plugin",
        config("other", ipam="x"),
        config("other", ipam={"x": 1}),
    ),
    ("schema", "capabilities as a list", macvlan(capabilities=["ips"]), macvlan(capabilities={"ips": True})),
    ("schema", "dns as a list", macvlan(dns=["8.8.8.8"]), macvlan(dns={"nameservers": ["8.8.8.8"]})),
    ("schema", "half a number", bridge(mtu=1500.5), bridge(mtu=None)),
    (
        "schema",
        "a number beside an address",
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24", "version": 4}]}),
        macvlan(ipam={"type": "static", "addresses": [{"address": "10.1.2.3/24", "version": "4"}]}),
    ),
    ("meta-plugin", "ourselves as IPAM", bridge(ipam={"type": "netattach"}), bridge()),
    ("number-form", "a float that is whole", bridge(mtu=1500.0), bridge(mtu=1500)),
    (
        "key-misspelt",
        "another plugin's spelling",
        ranged(range_start="10.1.2.9"),
        ranged(rangeStart="10.1.2.9"),
    ),
    (
        "key-misspelt",
        "a word for a key",
        config("vlan", master="e", vlan=7, ipam=STATIC),
        config("vlan", vlanId=7),
    ),
    ("placeholder", "a variable of a shell", bridge(bridge="${BR}"), bridge(bridge="br$")),
    ("key-unknown", "a key that nobody reads", bridge(colour="red"), bridge(_colour="red")),
    ("key-case", "capitals in a key", bridge(MTU=1500), bridge(mtu=1500)),
    ("key-reserved", "a key of the runtime", bridge(runtimeConfig={"mac": "x"}), bridge(args={"cni": {}})),
    ("type-missing", "no type", {"cniVersion": "1.0.0", "tpye": "bridge"}, bridge()),
    ("type-missing", "a capital in plugins", {"Plugins": [bridge()]}, chain()),
    ("type-missing", "null as type", config("bridge", type=None), bridge()),
    ("type-missing", "plugin for type", {"plugin": "bridge"}, bridge()),
    (
        "type-missing",
        "a whole NAD",
        {"kind": "x", "spec": {"config": "{}"}},
        config("other", spec={"config": {}}),
    ),
    ("type-missing", "a path as type", config("../bridge"), config("other")),
    ("type-missing", "a path as IPAM's type", macvlan(ipam={"type": "/opt/cni/bin/dhcp"}), macvlan()),
    ("type-misspelt", "a letter too many", config("macvlann"), config("macvtap")),
    (
        "type-misspelt",
        "an IPAM with a letter too few",
        macvlan(ipam={"type": "whereabout"}),
        macvlan(ipam=WHEREABOUTS),
    ),
    ("plugins-shape", "an object as plugins", {"plugins": {"type": "bridge"}}, {"plugins": [bridge()]}),
    ("plugins-shape", "no plugin in plugins", {"plugins": []}, {"plugins": [bridge()]}),
    ("plugins-shape", "a text in plugins", {"plugins": ["bridge"]}, {"plugins": [bridge()]}),
    ("cni-version", "a version that does not exist", bridge(cniVersion="1.2.0"), bridge(cniVersion="1.1.0")),
    (
        "cni-version",
        "a number as version",
        bridge(cniVersion=1.0),
        bridge(cniVersion="1.0", cniVersions=["1.0.0"]),
    ),
    ("cni-version-missing", "no version", {"type": "bridge", "ipam": HOST_LOCAL}, bridge()),
    (
        "cni-version-too-old",
        "firewall in 0.3.1",
        chain({"type": "firewall"}, version="0.3.1"),
        chain({"type": "firewall"}),
    ),
    ("network-name", "a blank in the name", bridge(name="my net"), bridge(name="my_net.1")),
    ("chained-first", "tuning alone", config("tuning"), chain({"type": "tuning"})),
    ("chained-first", "an IPAM plugin as type", config("host-local", subnet="10.1.2.0/24"), bridge()),
    ("main-twice", "bridge after bridge", chain({"type": "bridge"}), chain({"type": "ipvlan"})),
    ("list-flag", "a number", {**chain(), "disableCheck": 1}, {**chain(), "disableCheck": "True"}),
    ("list-flag", "another word", {**chain(), "disableGC": "yes"}, {**chain(), "disableGC": False}),
    (
        "ipam-type",
        "a main plugin as IPAM",
        macvlan(ipam={"type": "bridge"}),
        macvlan(ipam={"type": "bridge2"}),
    ),
    ("ipam-type", "a chained one as IPAM", macvlan(ipam={"type": "tuning"}), macvlan()),
    ("ipam-missing", "ipvlan without ipam", config("ipvlan", master="eth1"), chain({"type": "ipvlan"})),
    ("ipam-missing", "layer 2 in an old version", macvlan(cniVersion="0.2.0", ipam={}), macvlan(ipam={})),
    (
        "ipam-missing",
        "ovs in an old version",
        config("ovs", bridge="b", cniVersion=None),
        config("ovs", bridge="b"),
    ),
    ("ipam-type-missing", "ipam without type", bridge(ipam={"subnet": "10.1.2.0/24"}), bridge(ipam={})),
    ("key-misplaced", "a key beside plugins", {**chain(), "vlan": 2}, {**chain(), "disableCheck": True}),
    (
        "schema",
        "a MAC in args that is no text",
        bridge(args={"cni": {"mac": 5}}),
        bridge(args={"cni": {"other": 5}}),
    ),
    (
        "key-reserved",
        "a key of the runtime with a domain",
        bridge(**{"cni.dev/x": []}),
        bridge(**{"lab.example/x": []}),
    ),
    (
        "capability-unread",
        "a capability of another plugin",
        bridge(capabilities={"portMappings": True}),
        {"cniVersion": "1.0.0", "plugins": [bridge(capabilities={"portMappings": True}), {"type": "other"}]},
    ),
]


@pytest.mark.parametrize(
    ("rule", "config"), [pytest.param(rule, bad, id=f"{rule}: {why}") for rule, why, bad, _ in CASES]
)
def test_a_rule_reports_the_bad_nad(rule: str, config: Any) -> None:
    assert_fires(rule, config)


@pytest.mark.parametrize(
    ("rule", "config"),
    [pytest.param(rule, good, id=f"{rule}, unlike: {why}") for rule, why, _, good in CASES],
)
def test_a_rule_does_not_report_the_good_nad(rule: str, config: Any) -> None:
    assert rule not in ids(validated_as_written(config))


def test_every_rule_has_a_case() -> None:
    """And every case has a rule; rule ids are unique. Other tests cover the rules of plugins, nodes and the cluster."""
    listed = [rule.id for rule in RULES]
    elsewhere = {
        rule.id
        for room in (
            node_rules,
            node_version_rules,
            node_selector,
            cluster_rules,
            custom_schemas,
            object_rules,
            plugins,
        )
        for rule in room.RULES
    }

    assert len(set(listed)) == len(listed)
    assert set(listed) - elsewhere == {rule for rule, *_ in CASES}

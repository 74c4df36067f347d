"""What a finding tells its reader to do: as their authors wrote the configs, and the fix that leads to a working network."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.validator import validate
from support.validation import HOST_LOCAL, bridge, config, macvlan, nad, ranged, validated

TAGGED = (
    'make a VLAN interface of the nodes the master: "master": "eth1.100"; or use the vlan plugin, for one pod per node: '
    '"type": "vlan", "master": "eth1", "vlanId": 100'
)
CHAIN = {"cniVersion": "0.3.1", "name": "n"}
WHEREABOUTS = {"type": "whereabouts", "range": "10.1.2.0/24"}
BOND = {"miimon": "100", "links": [{"name": "net1"}, {"name": "net2"}]}


def static(**entry: Any) -> dict[str, Any]:
    return macvlan(ipam={"type": "static", "addresses": [entry]})


FIXES: list[tuple[str, str, Any]] = [
    ("key-unknown", TAGGED, macvlan(vlan=100)),
    ("key-unknown", TAGGED, macvlan(vlanId="100")),
    ("key-unknown", TAGGED, config("ipvlan", master="eth1", vlan=100, ipam=HOST_LOCAL)),
    ("key-unknown", TAGGED, {**macvlan(vlan=[1]), "master": "/dev/x"}),
    ("key-unknown", TAGGED, macvlan(vlan=9999)),
    ("key-unknown", TAGGED, macvlan(vlan=100, master="enp59s0f1npf0")),
    ("schema", 'write one of bridge, private, vepa, passthru, or "type": "ipvlan"', macvlan(mode="l2")),
    (
        "schema",
        'write one of l2, l3, l3s, or "type": "macvlan"',
        config("ipvlan", master="eth1", mode="bridge", ipam=HOST_LOCAL),
    ),
    ("schema", "did you mean `balance-tlb`?", config("bond", mode="tlb", **BOND)),
    ("schema", "did you mean `802.3ad`?", config("bond", mode="LACP", **BOND)),
    ("schema", "did you mean `active-backup`?", config("bond", mode="1", **BOND)),
    ("schema", 'write "802.3ad"', config("bond", mode=4, **BOND)),
    ("range-subnet", 'write "172.72.0.0/24"', ranged(subnet="172.72.0.0/24 ")),
    ("range-subnet", 'write "172.72.0.0/24"', ranged(subnet="172.72.0.0/ 24")),
    ("range-subnet", 'write "10.1.2.0/24"', ranged(subnet="10.1.02.0/24")),
    ("range-subnet", 'write "10.1.2.0/24"', ranged(subnet="10.1.2.0/255.255.255.0")),
    ("range-subnet", 'add the prefix length: "10.1.2.0/24"', ranged(subnet="10.1.2.0")),
    ("range-subnet", 'write an address and a prefix length: "fd00:1:2::/64"', ranged(subnet="fd00:10:1:/64")),
    ("range-address", "write one IP address, for example fd00:1:2::1", ranged(gateway="fd00:10::1::2")),
    ("range-address", 'write it without the prefix length: "10.1.2.1"', ranged(gateway="10.1.2.1/24")),
    ("range-address", 'write "10.1.2.1"', ranged(gateway=" 10.1.2.1")),
    ("static-address", 'write "10.1.2.3/24"', static(address="10.1.2.3/24 ")),
    ("static-address", 'add the prefix length of its subnet: "fd00::5/64"', static(address="fd00::5")),
    (
        "static-address",
        'write an address and a prefix length: "fd00:1:2::3/64"',
        static(address="fd00:::5/64"),
    ),
    ("static-address", "write `address`", static(Address="10.1.2.3/24")),
    (
        "whereabouts-range",
        'write "10.1.2.0/24"',
        macvlan(ipam={"type": "whereabouts", "range": "10.1.2.0/24 "}),
    ),
    (
        "whereabouts-range",
        'write "10.1.2.5-10.1.2.9/24"',
        macvlan(ipam={"type": "whereabouts", "range": "10.1.2.5 - 10.1.2.9/24"}),
    ),
    (
        "whereabouts-range",
        'write start, end and the prefix length of the subnet: "fd00:1:2::10-fd00:1:2::20/64"',
        macvlan(ipam={"type": "whereabouts", "range": "fd00::5-fd00::9"}),
    ),
    (
        "whereabouts-range",
        "write `address`",
        macvlan(ipam={**WHEREABOUTS, "addresses": [{"Address": "10.1.2.3/24"}]}),
    ),
    ("key-misspelt", "write `gateway`", macvlan(ipam={**WHEREABOUTS, "Gateway": "10.1.2.1"})),
    ("route", 'write "0.0.0.0/0", or "::/0" for IPv6', ranged(routes=[{"dst": "default"}])),
    ("route", 'write an address and a prefix length: "fd00:1::/48"', ranged(routes=[{"dst": "fd00:::/48"}])),
    ("route-gateway", 'write "10.1.2.1"', ranged(routes=[{"dst": "10.2.0.0/16", "gw": "10.1.2.1 "}])),
    (
        "chained-first",
        "move it after `cnv-bridge`, which creates the interface",
        {**CHAIN, "plugins": [{"type": "cnv-tuning"}, {"type": "cnv-bridge", "bridge": "br1"}]},
    ),
    (
        "chained-first",
        'write "plugins": [ … ] with a plugin that creates an interface before it',
        {**CHAIN, "plugins": [{"type": "tuning"}, {"type": "sbr"}]},
    ),
    (
        "key-misplaced",
        "remove `type`, and the other keys of that plugin; or remove `plugins`",
        {**CHAIN, "type": "macvlan", "plugins": [bridge()]},
    ),
    (
        "config-not-object",
        'take the outer quotes away, and write " for each \\"',
        json.dumps(json.dumps(bridge())),
    ),
    (
        "config-not-object",
        'take the outer brackets away, or write { "plugins": [ … ] }',
        json.dumps([bridge()]),
    ),
    (
        "json-syntax",
        "take the outer quotes away, so that the text starts with { and ends with }",
        f"'{json.dumps(bridge())}'",
    ),
    (
        "json-syntax",
        "take the outer quotes away, so that the text starts with { and ends with }",
        f'"{json.dumps(bridge(), indent=2)}"\n',
    ),
    (
        "type-misspelt",
        "did you mean `ovn-k8s-cni-overlay`?",
        config("ovn-kube-cni-overlay", topology="layer2"),
    ),
    ("type-misspelt", "did you mean `sriov`?", config("sriov-cni")),
    (
        "key-value",
        "write domain, bus, device and function of the virtual function: 0000:af:06.1",
        config("sriov", deviceID="1017"),
    ),
]


@pytest.mark.parametrize(("rule", "fix", "config"), FIXES)
def test_the_fix_leads_to_what_is_meant(rule: str, fix: str, config: Any) -> None:
    assert fix in _fixes(validated(config), rule)


PROBLEMS: list[tuple[str, str, Any]] = [
    ("range-subnet", "(there is a blank at its end)", ranged(subnet="172.72.0.0/24 ")),
    ("range-subnet", "(there is a blank at its beginning)", ranged(subnet=" 172.72.0.0/24")),
    ("range-subnet", "(it contains a blank)", ranged(subnet="172.72.0.0 /24")),
    ("range-subnet", "(the prefix length is missing)", ranged(subnet="10.1.2.0")),
    ("schema", "`mode` `l2` is one of ipvlan, and not one of bridge", macvlan(mode="l2")),
    ("chained-first", "cnv-tuning changes the result", config("cnv-tuning")),
    ("key-unknown", "cnv-bridge does not read `colour`", config("cnv-bridge", colour="red")),
    (
        "key-misplaced",
        "nodes with netattach run the list, nodes with Multus only macvlan",
        {**CHAIN, "type": "macvlan", "plugins": [bridge()]},
    ),
    ("key-value", "the function is missing", config("sriov", deviceID="0000:af:06")),
    (
        "key-misspelt",
        "reads `Gateway` into a field of its own",
        macvlan(ipam={**WHEREABOUTS, "Gateway": "x"}),
    ),
]


@pytest.mark.parametrize(("rule", "text", "config"), PROBLEMS)
def test_the_problem_names_what_is_there(rule: str, text: str, config: Any) -> None:
    assert any(text in each.problem for each in validated(config) if each.rule.id == rule)


def test_the_keys_of_a_plugin_next_to_a_list_are_not_all_to_be_moved() -> None:
    """`type` decides which of the two is meant, so that there is one finding for what every plugin has."""
    found = validated({**CHAIN, "type": "bridge", "ipam": HOST_LOCAL, "plugins": [bridge()]})

    assert ["key-misplaced"] == [each.rule.id for each in found]


@pytest.mark.parametrize("key", ["ADDRESS", "aDDRESS"])
def test_other_spellings_of_address_are_read_as_it(key: str) -> None:
    """Go takes the first field with the name in any case; only `Address` is the exact name of another."""
    findings = validated(static(**{key: "10.1.2.3/24"}))

    assert ["key-case"] == [each.rule.id for each in findings]
    assert Severity.DENY not in {each.effective_severity for each in findings}


@pytest.mark.parametrize("value", ["x", "10.1.2.1/24"])
def test_a_gateway_that_whereabouts_ignores_is_not_denied(value: str) -> None:
    found = validated(macvlan(ipam={**WHEREABOUTS, "Gateway": value}))

    assert ["key-misspelt"] == [each.rule.id for each in found]


def test_a_device_is_checked_only_where_no_device_plugin_replaces_it() -> None:
    body = nad(config("sriov", deviceID="1017"), **{"k8s.v1.cni.cncf.io/resourceName": "intel.com/x"})

    assert [] == validate(body)


def _fixes(findings: list[Finding], rule: str) -> list[str]:
    return [each.fix for each in findings if each.rule.id == rule]

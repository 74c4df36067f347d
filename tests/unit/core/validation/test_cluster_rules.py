"""Rules about other networks and about the cluster's own subnets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory
from netattach_core.api.nad import ALLOW_DEFAULT_INTERFACE, Nad
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.text.finding import Finding
from netattach_core.validation import cluster_rules, footprint
from netattach_core.validation.footprint_index import FootprintIndex
from netattach_core.validation.settings import ClusterNetworks, ValidationSettings
from netattach_core.validation.validator import validate
from support.validation import config, ids, nad

LOW = {"type": "host-local", "subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.99"}
HIGH = {"type": "host-local", "subnet": "10.1.2.0/24", "rangeStart": "10.1.2.100"}
WHOLE = {"type": "host-local", "subnet": "10.1.2.0/24"}
SHARED = {"type": "whereabouts", "range": "10.1.2.0/24"}
CLUSTER = {rule.id for rule in cluster_rules.RULES}


def other(config: dict[str, Any], name: str = "other", namespace: str = "lab") -> Nad:
    return Nad(namespace, name, json.dumps(config))


def validated(config: dict[str, Any], *others: dict[str, Any]) -> list[Finding]:
    return validate(
        nad(config), footprints=FootprintIndex(other(each, f"other{i}") for i, each in enumerate(others))
    )


def macvlan(ipam: dict[str, Any], name: str = "mine", **keys: Any) -> dict[str, Any]:
    return {**config("macvlan", **{"master": "eth1", "ipam": ipam, **keys}), "name": name}


def bridge(ipam: dict[str, Any], name: str = "mine", **keys: Any) -> dict[str, Any]:
    return {**config("bridge", **{"bridge": "br1", "ipam": ipam, **keys}), "name": name}


PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "one range for two networks": (macvlan(WHOLE), macvlan(HIGH, "theirs"), {"addresses-shared"}),
    "separate ranges": (macvlan(LOW), macvlan(HIGH, "theirs"), set()),
    "one range on two interfaces": (macvlan(WHOLE), macvlan(WHOLE, "theirs", master="eth2"), set()),
    "one range on two VLANs": (
        {**config("vlan", master="eth1", vlanId=7, ipam=WHOLE), "name": "mine"},
        {**config("vlan", master="eth1", vlanId=8, ipam=WHOLE), "name": "theirs"},
        set(),
    ),
    "one range on one VLAN": (
        {**config("vlan", master="eth1", vlanId=7, ipam=WHOLE), "name": "mine"},
        {**config("vlan", master="eth1", vlanId=7, ipam=WHOLE), "name": "theirs"},
        {"addresses-shared"},
    ),
    "one pool of whereabouts": (macvlan(SHARED), macvlan(SHARED, "theirs"), set()),
    "two pools of whereabouts": (
        macvlan(SHARED),
        macvlan({**SHARED, "network_name": "theirs"}, "theirs"),
        {"addresses-shared"},
    ),
    "a static address in a range": (
        macvlan({"type": "static", "addresses": [{"address": "10.1.2.7/24"}]}),
        macvlan(WHOLE, "theirs"),
        {"addresses-shared"},
    ),
    "one static address in two networks": (
        macvlan({"type": "static", "addresses": [{"address": "10.1.2.7/24"}]}),
        macvlan({"type": "static", "addresses": [{"address": "10.1.2.7/24"}]}),
        {"addresses-shared"},
    ),
    "different ranges with one name": (macvlan(LOW), macvlan(HIGH), {"leases-shared"}),
    "the same network twice": (macvlan(WHOLE), macvlan(WHOLE), set()),
    "another gateway on one bridge": (
        bridge(WHOLE, isGateway=True),
        bridge({"type": "host-local", "subnet": "10.9.0.0/24"}, "theirs", isGateway=True),
        {"bridge-gateways-differ"},
    ),
    "another gateway with forceAddress": (
        bridge(WHOLE, isGateway=True, forceAddress=True),
        bridge({"type": "host-local", "subnet": "10.9.0.0/24"}, "theirs", isGateway=True),
        set(),
    ),
    "a bridge with another MTU": (bridge(LOW, mtu=1400), bridge(HIGH, "theirs"), {"bridge-settings-differ"}),
    "macvlan and ipvlan on one interface": (
        macvlan(LOW),
        {**config("ipvlan", master="eth1", ipam=HIGH), "name": "theirs"},
        {"master-kinds-differ"},
    ),
    "an interface in mode passthru": (
        macvlan(LOW, mode="passthru"),
        macvlan(HIGH, "theirs"),
        {"master-passthru-shared"},
    ),
    "a config that cannot be parsed": (macvlan(WHOLE), {"type": 7}, set()),
}


@pytest.mark.parametrize(("mine", "theirs", "rules"), PAIRS.values(), ids=PAIRS)
def test_findings_for_two_networks(mine: dict[str, Any], theirs: dict[str, Any], rules: set[str]) -> None:
    findings = [finding for finding in validated(mine, theirs) if finding.rule.id in CLUSTER]

    assert rules == ids(findings)
    assert all("lab/other0" in finding.problem for finding in findings)
    assert rules == ids(validated(theirs, mine)) & CLUSTER or mine.get("forceAddress")


def test_a_network_is_not_compared_with_its_earlier_version() -> None:
    before = other(macvlan(HIGH, "theirs"), "net")

    assert not ids(validate(nad(macvlan(WHOLE)), footprints=FootprintIndex([before]))) & CLUSTER


def test_three_networks_are_named_and_the_others_counted() -> None:
    (finding,) = (
        each
        for each in validated(macvlan(WHOLE), *(macvlan(WHOLE, f"n{i}") for i in range(5)))
        if each.rule.id == "addresses-shared"
    )

    assert finding.problem.startswith("lab/other0, lab/other1, lab/other2 and 2 more on the same link eth1 ")


def test_networks_of_isolated_namespaces_are_not_named() -> None:
    others = [
        Nad(namespace, "secret", json.dumps(macvlan(WHOLE, "theirs")))
        for namespace in ("one", "two", "shared")
    ]
    isolated = ValidationSettings(
        selection=SelectionSettings(isolated=True, global_namespaces=frozenset({"shared"}))
    )
    (finding,) = (
        each
        for each in validate(nad(macvlan(WHOLE)), footprints=FootprintIndex(others), settings=isolated)
        if each.rule is cluster_rules.ADDRESSES_SHARED
    )

    assert finding.problem.startswith("a network of another namespace, shared/secret on the same link eth1 ")


def test_braces_in_names_are_not_interpolated() -> None:
    assert "addresses-shared" in ids(
        validated(macvlan(WHOLE, master="{link}"), macvlan(WHOLE, "{x}", master="{link}"))
    )


NETWORKS = ClusterNetworks(pods=("10.244.0.0/16",), services=("10.96.0.0/12", "fd00::/108"), nodes=())


@pytest.mark.parametrize(
    ("subnet", "text"),
    [("10.244.7.0/24", "for pods"), ("10.96.0.0/16", "for Services"), ("fd00::/112", "for Services")],
)
def test_subnets_of_the_cluster(subnet: str, text: str) -> None:
    body = nad(macvlan({"type": "host-local", "subnet": subnet}))
    findings = validate(body, settings=ValidationSettings(networks=NETWORKS))

    assert any(each.rule is cluster_rules.CLUSTER_SUBNET and text in each.problem for each in findings)
    assert not ids(validate(body)) & CLUSTER


NODE = NodeInventory(
    "node1",
    interfaces=(Interface("eth0", addresses=("192.0.2.7/24", "fe80::1/64")), Interface("eth1")),
    default_interfaces=(DefaultInterface("eth0", ("carries the IPv4 default route",)),),
)


def test_the_subnet_of_a_default_interface() -> None:
    config = macvlan({"type": "host-local", "subnet": "192.0.2.0/25"})

    assert "subnet-of-cluster" in ids(validate(nad(config), [NODE]))
    assert "subnet-of-cluster" not in ids(validate(nad(config, **{ALLOW_DEFAULT_INTERFACE: "true"}), [NODE]))


def test_the_addresses_of_whereabouts_in_each_notation() -> None:
    forms: tuple[dict[str, Any], ...] = (
        {"range": "10.1.2.10-10.1.2.20/24"},
        {"range": "10.1.2.0/24", "range_start": "10.1.2.10", "range_end": "10.1.2.20"},
        {"ipRanges": [{"range": "10.1.2.10-10.1.2.20/24"}]},
    )
    spans = [footprint.from_nad(other(macvlan({"type": "whereabouts", **form}))).spans for form in forms]

    assert [("10.1.2.10", "10.1.2.20", 11)] * 3 == [
        (str(span.first), str(span.last), span.hosts) for (span,) in spans
    ]

"""policy-host-firewall: keys of portmap and firewall that reach beyond the pod's own traffic."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import policies

RULE = "policy-host-firewall"


def chain(kind: str, *, first: str = "bridge", **keys: Any) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": first}, {"type": kind, **keys}]}


def found(config: Any) -> list[str]:
    return policies.rules(policies.baseline(config))


@pytest.mark.parametrize("key", ["conditionsV4", "conditionsV6", "CONDITIONSV4"])
@pytest.mark.parametrize(
    "conditions",
    [
        ["--modprobe=/run/x"],
        ["--modprobe", "/run/x"],
        ["-M", "/run/x"],
        ["-s", "10.0.0.0/8", "-M", "/run/x"],
        ["-j", "ACCEPT"],
        ["-d", "10.0.0.1", "-j", "ACCEPT"],
        ["-t", "filter"],
        ["-F"],
        ["-m", "mark", "--mark", "1"],
        ["-s"],
        ["-s", "-j"],
        ["-i", "-j"],
        ["-i", "--modprobe=/run/x"],
        ["!", "-j", "ACCEPT"],
        ["!"],
        ["!", "!", "-s", "10.0.0.1"],
        ["-s=10.0.0.1"],
        ["-s 10.0.0.1"],
        ["-s", "10.0.0.1 -j ACCEPT"],
        ["-s", "10.0.0.1\n-F"],
        ["-s", "example.com"],
        ["-s", "fe80::1%eth0"],
        ["-i", "a name that is too long"],
        ["ip saddr 10.0.0.0/8"],
        ["counter\n}\nflush ruleset"],
        [""],
        [None],
        [7],
        ["-s", None],
    ],
    ids=json.dumps,
)
def test_conditions_beyond_addresses_and_interfaces_are_refused(key: str, conditions: list[Any]) -> None:
    portmap = {"type": "portmap", key: conditions}

    assert [RULE] == found({"name": "net", "plugins": [{"type": "bridge"}, portmap]})


@pytest.mark.parametrize(
    "conditions",
    [
        [],
        None,
        ["!", "-d", "192.0.2.0/24"],
        ["-s", "10.0.0.1", "!", "--destination", "10.0.0.0/8", "-i", "eth0"],
        ["-d", "fc00::/7"],
        ["-i", "eth+"],
    ],
    ids=json.dumps,
)
def test_matches_of_addresses_and_interfaces_pass(conditions: list[str]) -> None:
    assert [] == found(chain("portmap", conditionsV4=conditions, conditionsV6=conditions))


@pytest.mark.parametrize(
    "config",
    [
        chain("portmap", externalSetMarkChain="KUBE-SVC-ABC"),
        chain("portmap", externalSetMarkChain=["KUBE-SVC-ABC"]),
        chain("portmap", externalSetMarkChain=" KUBE-MARK-MASQ"),
        chain("portmap", ExternalSetMarkChain="PREROUTING"),
        chain("portmap", markMasqBit=15),
        chain("portmap", markMasqBit=0),
        chain("portmap", markmasqbit=15.0),
        chain("firewall", iptablesAdminChainName="DOCKER-USER"),
        chain("firewall", IPTABLESAdminChainName="CNI-FORWARD"),
        chain("firewall", iptablesAdminChainName="CNI-ADMIN "),
        chain("firewall", iptablesAdminChainName={}),
        chain("firewall", first="macvlan", ingressPolicy="isolated"),
        chain("firewall", first="macvlan", ingressPolicy="isolated", INGRESSPOLICY="open"),
        chain("ptp", first="macvlan", ingressPolicy="isolated", ipam={"type": "firewall"}),
        chain("firewall", first="somebodys", INGRESSPolicy="same-bridge"),
        {"name": "net", "type": "firewall", "ingressPolicy": "isolated"},
        {
            "name": "net",
            "type": "flannel",
            "delegate": {"type": "portmap", "conditionsV4": ["--modprobe=/run/x"]},
        },
        {"name": "net", "type": "somebodys", "chain": [{"conditionsV4": ["--modprobe=/run/x"]}]},
        '{"name": "net", "type": "portmap", "conditionsV4": ["-M", "/run/x"], "conditionsV4": []}',
        '{"name": "net", "type": "portmap", "condition\\u017fV4": ["\\u002dM", "/run/x"]}',
    ],
    ids=lambda config: (config if isinstance(config, str) else json.dumps(config))[-50:],
)
def test_chains_and_marks_of_others_are_refused(config: Any) -> None:
    assert [RULE] == found(config)


@pytest.mark.parametrize(
    "config",
    [
        chain("portmap", snat=True, masqAll=True),
        chain("portmap", externalSetMarkChain="KUBE-MARK-MASQ"),
        chain("portmap", externalSetMarkChain=None, markMasqBit=13),
        chain("firewall", iptablesAdminChainName="", firewalldZone="trusted"),
        chain("firewall", iptablesAdminChainName="CNI-ADMIN", ingressPolicy="same-bridge"),
        chain("firewall", first="ptp", ingressPolicy="same-bridge"),
        chain("firewall", first="macvlan", ingressPolicy="open"),
        chain("firewall", first="macvlan", ingressPolicy=""),
    ],
    ids=lambda config: json.dumps(config)[-50:],
)
def test_keys_about_the_pods_own_traffic_pass(config: Any) -> None:
    assert [] == found(config)


def test_the_finding_points_at_the_key() -> None:
    (finding,) = policies.baseline(chain("portmap", externalSetMarkChain="KUBE-SVC-ABC"))

    assert ("plugins", 1, "externalSetMarkChain") == finding.path
    assert finding.offset is not None
    assert "packets go to 'KUBE-SVC-ABC'" in finding.problem
    assert "ask your cluster's owner to" in finding.fix

"""Findings about ovn-k8s-cni-overlay."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from support.validation import RuleCase, assert_rule_case, config

DENY, WARN = Severity.DENY, Severity.WARN


def ovn(topology: str = "layer2", **keys: Any) -> dict[str, Any]:
    return config("ovn-k8s-cni-overlay", topology=topology, **{"netAttachDefName": "lab/net", **keys})


def layer3(subnets: str) -> dict[str, Any]:
    return ovn("layer3", subnets=subnets)


def listed(*plugins: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "1.0.0", "name": "n", "plugins": list(plugins)}


CASES: list[RuleCase] = [
    (
        "ovn-network",
        DENY,
        "persistent addresses in layer3",
        ovn(topology="layer3", allowPersistentIPs=True),
        ovn(allowPersistentIPs=True),
    ),
    ("ovn-network", DENY, "an ipam type", ovn(ipam={"type": "dhcp"}), ovn(ipam={})),
    ("ovn-network", DENY, "another NAD's name", ovn(netAttachDefName="lab/other"), ovn()),
    (
        "ovn-subnets",
        DENY,
        "an exclusion outside the range",
        ovn(subnets="10.1.0.0/16", excludeSubnets="10.2.0.0/24"),
        ovn(),
    ),
    (
        "ovn-subnets",
        DENY,
        "no subnet",
        ovn(subnets="10.1.0.0"),
        ovn(topology="layer3", subnets="10.1.0.0/16/24,fd01::/48"),
    ),
    ("no-effect", WARN, "a key without topology", ovn("", subnets="10.1.0.0/16"), ovn("")),
    ("ovn-network", WARN, "no topology", ovn(""), ovn("", name="ovn-kubernetes")),
    ("no-effect", WARN, "a VLAN in layer2", ovn(vlanID=5), ovn("localnet", vlanID=5)),
    ("key-value", WARN, "an invalid VLAN ID", ovn("localnet", vlanID=5000), ovn("localnet", vlanID=4094)),
    *[
        ("ovn-subnets", DENY, f"{bad} in layer3", layer3(bad), layer3(good))
        for bad, good in (
            ("10.1.0.0/16,", "10.1.0.0/16"),
            ("10.1.0.0/24", "10.1.0.0/24/25"),
            ("10.1.0.0/16/16", "10.1.0.0/16/17"),
            ("10.1.0.0/16/0", "0.0.0.0/0"),
            ("10.1.0.0/16/33", "10.1.0.0/16/28"),
            ("10.1.0.0/16/1_0", "10.1.0.0/16/024"),
            ("10.1.0.0/16/x", "10.1.0.0/16/24"),
            ("fd01::/64", "fd01::/63"),
            ("fd01::/48/80", "fd01::/48/64"),
        )
    ],
    (
        "ovn-subnets",
        WARN,
        "two prefix lengths for nodes",
        layer3("10.1.0.0/16,10.2.0.0/16/26"),
        layer3("10.1.0.0/16,10.2.0.0/16/24,fd01::/48"),
    ),
    (
        "ovn-subnets",
        DENY,
        "a prefix length for nodes in layer2",
        ovn(subnets="10.1.0.0/16/24"),
        ovn(subnets=""),
    ),
    (
        "ovn-subnets",
        DENY,
        "an exclusion without subnets",
        ovn(excludeSubnets="10.1.0.0/24"),
        ovn(excludeSubnets="10.1.0.0/24", subnets="10.1.0.0/16"),
    ),
    (
        "no-effect",
        WARN,
        "an exclusion in layer3",
        ovn("layer3", subnets="10.1.0.0/16", excludeSubnets="10.2.0.0/24"),
        layer3("10.1.0.0/16"),
    ),
    (
        "ovn-subnets",
        WARN,
        "a reserved subnet outside subnets",
        ovn(subnets="10.1.0.0/16", reservedSubnets="10.2.0.0/24"),
        ovn(subnets="10.1.0.0/16", reservedSubnets="10.1.2.0/24"),
    ),
    *[
        ("ovn-network", DENY, f"{key} in {topology}", ovn(topology, **{key: value}), ovn(**{key: value}))
        for key, topology, value in (
            ("joinSubnet", "localnet", "100.65.0.0/16"),
            ("reservedSubnets", "layer3", "10.1.2.0/24"),
            ("infrastructureSubnets", "localnet", "10.1.2.0/24"),
            ("defaultGatewayIPs", "layer3", "10.1.2.1"),
        )
    ],
    *[
        ("ovn-network", DENY, f"the name {name}", ovn(name=name), ovn(name=f"{name}-2"))
        for name in ("default", "ovn-kubernetes")
    ],
    ("ovn-network", DENY, "another plugin after it", listed(ovn(), {"type": "tuning"}), listed(ovn())),
    (
        "key-needed",
        DENY,
        "empty subnets of a primary network",
        ovn(role="primary", subnets=""),
        ovn(role="secondary", subnets=""),
    ),
    ("key-value", WARN, "an unsupported transport", ovn(transport="geneve"), ovn(transport="evpn")),
    (
        "key-value",
        WARN,
        "an unsupported outboundSNAT",
        ovn("layer3", transport="no-overlay", outboundSNAT="yes"),
        ovn("layer3", transport="no-overlay", outboundSNAT="enabled"),
    ),
    (
        "keys-exclude-each-other",
        WARN,
        "outboundSNAT with an overlay",
        ovn("layer3", outboundSNAT="enabled"),
        ovn("layer3", transport="no-overlay", outboundSNAT="disabled"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)

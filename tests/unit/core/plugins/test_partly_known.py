"""Findings about plugins of which only what certainly fails is known: as their authors wrote the configs."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core import plugins
from netattach_core.plugins import partly_known
from netattach_core.text.finding import Severity
from support.validation import HOST_LOCAL, RuleCase, assert_rule_case, bridge, config, ids, macvlan, validated

DENY, WARN = Severity.DENY, Severity.WARN

SOCKET = "/run/openvswitch/kube-ovn-daemon.sock"
KUBE_OVN = {"cniVersion": "0.3.0", "type": "kube-ovn", "provider": "ovn-nad.default.ovn"}
KUBE_OVN_IPAM = {"type": "kube-ovn", "server_socket": SOCKET, "provider": "macvlan.default"}
DEVICE = {"deviceID": "0000:03:02.0"}


def listed(*chain: dict[str, Any]) -> dict[str, Any]:
    return {"cniVersion": "0.4.0", "plugins": list(chain)}


def mirrored(*mirrors: Any, kind: str = "ovs-mirror-producer") -> dict[str, Any]:
    return listed({"type": "ovs", "bridge": "br1"}, {"type": kind, "bridge": "br1", "mirrors": list(mirrors)})


CASES: list[RuleCase] = [
    ("key-needed", DENY, "kube-ovn without its socket", KUBE_OVN, {**KUBE_OVN, "server_socket": SOCKET}),
    (
        "key-needed",
        DENY,
        "kube-ovn with a letter exchanged",
        {**KUBE_OVN, "server_socker": SOCKET},
        {**KUBE_OVN, "SERVER_SOCKET": SOCKET},
    ),
    (
        "key-needed",
        DENY,
        "kube-ovn in camel case",
        {**KUBE_OVN, "serverSocket": SOCKET},
        {**KUBE_OVN, "server_socket": SOCKET, "ipam": {"type": "kube-ovn"}},
    ),
    (
        "key-needed",
        DENY,
        "kube-ovn as IPAM without its socket",
        macvlan(ipam={"type": "kube-ovn", "provider": "macvlan.default"}),
        macvlan(ipam=KUBE_OVN_IPAM),
    ),
    (
        "schema",
        DENY,
        "kube-ovn with a number as provider",
        {**KUBE_OVN, "server_socket": SOCKET, "provider": 5},
        {**KUBE_OVN, "server_socket": SOCKET, "new_key": 5},
    ),
    (
        "device-missing",
        DENY,
        "accelerated-bridge without a device",
        config("accelerated-bridge"),
        config("accelerated-bridge", **DEVICE),
    ),
    (
        "schema",
        DENY,
        "accelerated-bridge in VLAN 4095",
        config("accelerated-bridge", vlan=4095, **DEVICE),
        config("accelerated-bridge", vlan=4094, **DEVICE),
    ),
    (
        "schema",
        DENY,
        "accelerated-bridge with VLAN 0 in its trunk",
        config("accelerated-bridge", trunk=[{"id": 0}], **DEVICE),
        config("accelerated-bridge", trunk=[{"id": 1}], **DEVICE),
    ),
    (
        "key-value",
        DENY,
        "accelerated-bridge with a device that is no PCI address",
        config("accelerated-bridge", deviceID="enp3s0f0v1"),
        config("accelerated-bridge", **DEVICE),
    ),
    (
        "schema",
        DENY,
        "mirrors as texts",
        mirrored("mirror-1"),
        mirrored({"name": "mirror-1", "ingress": True}),
    ),
    (
        "schema",
        DENY,
        "mirrors of a consumer as texts",
        mirrored("mirror-1", kind="ovs-mirror-consumer"),
        mirrored({"name": "mirror-1"}, kind="ovs-mirror-consumer"),
    ),
    (
        "chained-first",
        DENY,
        "spiderpool's coordinator first in a list",
        listed(
            {"type": "coordinator"}, {"type": "macvlan", "master": "ens192", "ipam": {"type": "spiderpool"}}
        ),
        listed(
            {"type": "macvlan", "master": "ens192", "ipam": {"type": "spiderpool"}}, {"type": "coordinator"}
        ),
    ),
    (
        "chained-first",
        DENY,
        "a mirror alone",
        config("ovs-mirror-producer", bridge="br1", mirrors=[]),
        mirrored(),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}: {case[2]}")
def test_a_rule_reports_the_bad_config_and_accepts_the_good_one(case: RuleCase) -> None:
    assert_rule_case(case)


@pytest.mark.parametrize(
    ("fix", "bad"),
    [
        ("write `server_socket`", {**KUBE_OVN, "server_socker": SOCKET}),
        (f'add the socket of its daemon: "server_socket": "{SOCKET}"', KUBE_OVN),
        ('write {"name": "mirror-1"}', mirrored("mirror-1")),
        ("move it after `macvlan`, which creates the interface", CASES[-2][3]),
    ],
)
def test_the_fix_names_what_is_there(fix: str, bad: Any) -> None:
    assert fix in [each.fix for each in validated(bad) if each.effective_severity is DENY]


@pytest.mark.parametrize("good", [case[-1] for case in CASES])
def test_a_valid_config_has_no_finding(good: dict[str, Any]) -> None:
    """Keys that are not known here may be known to the plugin; another spelling of a key is a matter of style."""
    assert ids(validated(good)) <= {"key-case", "leases-per-node"}


@pytest.mark.parametrize("plugin", partly_known.PLUGINS, ids=lambda plugin: plugin.type)
def test_policy_takes_a_partly_known_plugin_for_an_unknown_one(plugin: Any) -> None:
    """It may read more keys than those here, so its paths and interfaces are looked for everywhere."""
    assert plugins.main_plugin(plugin.type) is None
    assert plugins.ipam_plugin(plugin.type) is None
    assert plugin.schema["open"]
    assert "/" in plugin.source
    assert plugin.source.endswith(".go")


def test_no_finding_about_a_plugin_of_another_name() -> None:
    assert set() == ids(validated(bridge(ipam=HOST_LOCAL)))

"""policy-sysctl: only sysctls of the pod's own network stack."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.policy import sysctls
from support import policies

RULE = "policy-sysctl"


def chain(**tuning: Any) -> dict[str, Any]:
    return {"name": "net", "plugins": [{"type": "macvlan", "master": "eth1"}, {"type": "tuning", **tuning}]}


def found(config: Any) -> list[str]:
    return policies.rules(policies.baseline(config))


@pytest.mark.parametrize(
    "key",
    [
        "net.netfilter.nf_conntrack_max",
        "net.core.rmem_max",
        "net.bridge.bridge-nf-call-iptables",
        "net.ipv4.tcp_mem",
        "net.ipv4.IFNAME",
        "net.IFNAME.rmem_max",
        "net.ipv4.conf.IFNAME",
        "net.ipv4.conf..rp_filter",
        "net.ipv4.conf.IFNAME.rp_filter.",
        "net.ipv4.conf.eth0.100.rp_filter",
        "net/ipv4/conf/../../netfilter/nf_conntrack_max",
        "net/ipv4/conf/../../../kernel/core_pattern",
        "net/core/rmem_max",
        "/net/core/rmem_max",
        "../net/core/rmem_max",
        "net.ipv4/conf.all/rp_filter",
        "NET.IPV4.IP_FORWARD",
        " net.ipv4.ip_forward",
        "net.ipv4.ip_forward\n",
        "net.ipv4.conf.all.rp_filter ",
        "kernel.core_pattern",
        "",
    ],
)
def test_other_sysctls_are_refused(key: str) -> None:
    assert [RULE] == found(chain(sysctl={key: "1"}))
    assert not sysctls.is_safe(key)


@pytest.mark.parametrize(
    "key",
    [
        "net.ipv4.conf.IFNAME.arp_filter",
        "net.ipv4.conf.all.log_martians",
        "net.ipv6.conf.IFNAME.accept_ra",
        "net.ipv4.neigh.IFNAME.base_reachable_time_ms",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_forward",
        "net.core.somaxconn",
        "net/ipv4/conf/IFNAME/arp_filter",
        "/net/ipv4/conf/IFNAME/arp_filter",
        "net/core/somaxconn",
    ],
)
def test_sysctls_of_the_pods_own_stack_pass(key: str) -> None:
    assert [] == found(chain(sysctl={key: "1"}))


UNSAFE = {"net.core.rmem_max": "1"}


@pytest.mark.parametrize(
    "config",
    [
        chain(SysCtl=UNSAFE),
        chain(sysctl={}, args={"cni": {"sysctl": UNSAFE}}),
        chain(sysctl={}, ARGS={"CNI": {"SYSCTL": UNSAFE}}),
        {"name": "net", "type": "flannel", "delegate": {"type": "tuning", "sysctl": UNSAFE}},
        {"name": "net", "type": "somebodys", "tune": [{"sysctls": UNSAFE}]},
        {"name": "net", "type": "somebodys", "sysctls": ["net.core.rmem_max = 1"]},
        {"name": "net", "type": "somebodys", "sysctls": [{"Name": "net.core.rmem_max", "value": "1"}]},
        '{"name": "net", "type": "tuning", "sysctl": {"net.core.rmem_max": "1"}, "sysctl": {}}',
        '{"name": "net", "type": "tuning", "sysctl": {}, "\\u017fY\\u017fctl": {"net.core.rmem_max": "1"}}',
        '{"name": "net", "type": "tuning", "sysctl": {"net\\u002ecore.rmem_max": "1", "net.core.somaxconn": "1"}}',
    ],
    ids=lambda config: (config if isinstance(config, str) else json.dumps(config))[-60:],
)
def test_no_place_and_no_spelling_hides_a_sysctl(config: Any) -> None:
    assert [RULE] == found(config)


@pytest.mark.parametrize(
    "config",
    [
        chain(sysctl=7),
        chain(sysctl=None),
        {"name": "net", "type": "somebodys", "sysctl": "on", "sysctls": [True, None, {"value": "1"}]},
        {"name": "net", "type": "somebodys", "sysctls": ["net.ipv4.conf.IFNAME.rp_filter=1"]},
    ],
)
def test_what_names_no_unsafe_sysctl_passes(config: Any) -> None:
    assert [] == found(config)


def test_the_sysctls_in_the_cni_arguments_of_a_pod() -> None:
    given = {"x": [{"Sysctl": {"net.core.rmem_max": "1", "net.ipv4.ip_forward": "1"}}], "sysctl": "on"}

    assert ["net.core.rmem_max", "net.ipv4.ip_forward"] == list(sysctls.names_in(given))


def test_the_finding_points_at_the_sysctl() -> None:
    (finding,) = policies.baseline(chain(sysctl=UNSAFE))

    assert ("plugins", 1, "sysctl", "net.core.rmem_max") == finding.path
    assert finding.offset is not None
    assert "`net.core.rmem_max` is not a sysctl of the pod's own interfaces" in finding.problem
    assert "ask your cluster's owner to" in finding.fix

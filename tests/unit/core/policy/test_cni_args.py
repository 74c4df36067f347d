"""What a pod passes to plugins past the network's author."""

from __future__ import annotations

import json
from typing import Any

import pytest

from unit.core.policy.pod_requests import BASELINE, RESTRICTED, asked, restricted, rules

REFUSED: dict[str, dict[str, Any]] = {
    "a sysctl": {"sysctl": {"net.core.rmem_max": "1"}},
    "a sysctl in another case": {"SysCtl": {"net.core.rmem_max": "1"}},
    "a sysctl with a key that Go folds": {"\u017fysctl": {"net.core.rmem_max": "1"}},
    "a sysctl by path": {"sysctl": {"/proc/sys/net.core.rmem_max": "1"}},
    "a sysctl by another path": {"sysctl": {"net/ipv4/../../kernel/core_pattern": "|/x"}},
    "a path": {"logFile": "/etc/cron.d/job"},
    "a path after a blank": {"logFile": " /etc/passwd"},
    "a path out of its directory": {"dir": "a/../../etc"},
    "a path in a list in an object": {"a": [{"b": ["/etc"]}]},
    "a path as a key": {"files": {"/etc/x": 1}},
    "a URL of a file": {"config": "file:///etc/x"},
    "port mappings": {"portMappings": [{"hostPort": 1, "containerPort": 1}]},
    "a device": {"deviceID": "0000:3b:00.1"},
    "a runtime's values": {"RuntimeConfig": {"mac": "x"}},
    "a delegate": {"delegate": {"type": "bridge"}},
}


@pytest.mark.parametrize("args", REFUSED.values(), ids=REFUSED)
def test_it_is_refused_with_its_place_and_fix(args: dict[str, Any]) -> None:
    (finding,) = asked(BASELINE, [{"name": "net", "CNI-Args": args}])

    assert "policy-cni-args" == finding.rule.id
    assert ("k8s.v1.cni.cncf.io/networks", 0, "cni-args") == finding.path[:3]
    assert finding.fix


def test_each_one_is_reported_for_the_default_network_too() -> None:
    args = {"sysctl": {"net.core.rmem_max": "1", "net.unix.max_dgram_qlen": "1"}, "dir": "/etc"}

    assert ["policy-cni-args"] * 3 == rules(asked(BASELINE, default=[{"name": "net", "cni-args": args}]))


ADMITTED: dict[str, dict[str, Any]] = {
    "a MAC address and an MTU": {"mac": "02:00:5e:10:00:01", "mtu": 1400},
    "addresses": {"ips": ["10.1.2.3/24", "fd00::1/64"]},
    "routes": {"addroutes": [{"dst": "10.0.0.0/8", "gw": "10.1.2.1"}], "flushroutes": "all"},
    "a port of OVN": {"ovnPort": "de305d54-75b4-431b-adb2-eb6b9e546014"},
    "InfiniBand": {"mellanox.infiniband.app": "configured", "guid": "00:11:22:33:44:55:66:77"},
    "a sysctl of the interface": {"sysctl": {"net.ipv4.conf.IFNAME.arp_ignore": "1"}},
    "a namespaced name": {"owner": "lab/web", "version": "1..2"},
    "flags of the interface": {"promisc": True, "allmulti": True},
}


@pytest.mark.parametrize("args", ADMITTED.values(), ids=ADMITTED)
def test_what_concerns_the_pods_own_interface_is_admitted(args: dict[str, Any]) -> None:
    assert [] == asked(BASELINE, [{"name": "net", "cni-args": args}])


@pytest.mark.parametrize("key", ["promisc", "allmulti", "PROMISC"])
def test_a_restricted_pod_cannot_listen_to_what_is_sent_to_others(key: str) -> None:
    assert ["policy-cni-args"] == rules(asked(RESTRICTED, [{"name": "net", "cni-args": {key: True}}]))
    assert [] == asked(RESTRICTED, [{"name": "net", "cni-args": {key: False}}])


@pytest.mark.parametrize("listed", ["net.ipv4.conf.IFNAME.arp_ignore", "net.ipv4.conf.*", "net.*.arp_ignore"])
def test_a_restricted_pod_may_set_the_listed_sysctls(listed: str) -> None:
    args = {"sysctl": {"net.ipv4.conf.IFNAME.arp_ignore": "1"}}

    assert [] == asked(restricted(sysctls=(listed,)), [{"name": "net", "cni-args": args}])


@pytest.mark.parametrize("name", ["net.ipv4.conf.IFNAME.arp_ignore", "net.core.rmem_max"])
def test_a_restricted_pod_may_set_no_others(name: str) -> None:
    (finding,) = asked(RESTRICTED, [{"name": "net", "cni-args": {"SYSCTL": {name: "1"}}}])

    assert (*finding.path[-2:],) == ("SYSCTL", name)


def test_what_is_checked_is_what_plugins_get() -> None:
    """Of two equal keys the last one is passed on, and the last one counts."""
    text = '[{"name": "net", "cni-args": {"dir": "/etc", "dir": "x"}}]'

    assert [] == asked(BASELINE, text)
    assert ["policy-cni-args"] == rules(asked(BASELINE, text.replace('"x"', '"/etc"')))


def test_a_value_as_deep_as_an_annotation_allows_is_read() -> None:
    value: Any = "/etc"
    for _ in range(90):
        value = [value]

    assert ["policy-cni-args"] == rules(
        asked(BASELINE, json.dumps([{"name": "net", "cni-args": {"a": value}}]))
    )

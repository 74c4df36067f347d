"""The validator compared with the plugins: it denies nothing that a binary accepts, and most of what a binary refuses.

The configs are valid ones with one or two fields changed (`support.differential`). The real binary runs each of them, ADD and
DEL, in separate network namespaces, with the standard input that the daemon builds. Intended differences are listed here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings

from netattach_core.text.finding import Finding, Severity
from support import differential, uml
from support.differential import Gap, Lab, Outcomes, Subject
from support.differential_subjects import (
    BRIDGE_VLANS,
    FIRST_KERNEL,
    SECOND_KERNEL,
    STATIC,
    after_bridge,
    config,
)

MAX_EXAMPLES = 12 if uml.inside() else 32
SOAK_EXAMPLES = 100 if uml.inside() else 400
MAX_GAPS = 5


@dataclass(frozen=True)
class IntendedDenial:
    """A denial of a config that the plugin accepts: the rule, a key in its path where that matters, and the reason."""

    rule: str
    reason: str
    key: str = ""

    def is_reason(self, finding: Finding) -> bool:
        return finding.rule.id == self.rule and (not self.key or self.key in finding.path)


INTENDED_DENIALS = (
    IntendedDenial(
        "master-default-interface", "pods must not share an interface with the node's own traffic"
    ),
    IntendedDenial("range-gateway-outside-subnet", "no pod can reach the gateway"),
    IntendedDenial(
        "schema",
        "libcni refuses the wrong type, the daemon does not pass the key on",
        "capabilities",
    ),
)

# What a plugin refuses and the validator accepts, at most five for each plugin. The sources are those of CNI plugins 1.9.1.
NO_SUCH_LINK = "the inventories list only interfaces of nodes, not those of pods"

GAPS = (
    Gap(
        "bridge",
        config("bridge", bridge="eth1"),
        "already exists but is not a bridge",
        "plugins/main/bridge/bridge.go: bridgeByName",
        "it depends on the node's other interfaces",
    ),
    Gap(
        "macvlan",
        config("macvlan", master="eth1", linkInContainer=True),
        "Link not found",
        "plugins/main/macvlan/macvlan.go: getMTUByName",
        NO_SUCH_LINK,
    ),
    Gap(
        "host-local",
        config(
            "bridge",
            bridge="br1",
            ipam={"type": "host-local", "subnet": "10.1.2.0/24", "resolvConf": "/nowhere"},
        ),
        "open .*: no such file or directory",
        "plugins/ipam/host-local/dns.go: parseResolvConf",
        "it is a file of the node",
    ),
    Gap(
        "static",
        config("bridge", bridge="br1", ipam={"type": "static"}),
        "IPAM plugin returned missing IP config",
        "plugins/main/bridge/bridge.go: cmdAdd",
        "a pod can request addresses in its annotation (cni-args)",
    ),
    Gap(
        "tap",
        config("tap", selinuxContext="zzz"),
        "failed set socket label",
        "plugins/main/tap/tap.go: createLink",
        "it depends on the node's SELinux",
    ),
    Gap(
        "tap",
        config("tap", bridge="br9"),
        "failed to get bridge",
        "plugins/main/tap/tap.go: createTap",
        "the plugin looks for the bridge in the pod, where an earlier network may have created it",
    ),
    Gap(
        "host-device",
        config("host-device", pciBusID="0000:ff:1f.7"),
        "lstat /sys/bus/pci/devices/",
        "plugins/main/host-device/host-device.go: hasDpdkDriver",
        "it depends on the node's hardware",
    ),
    Gap(
        "host-device",
        config("host-device", hwaddr="02:00:00:00:00:07"),
        "failed to find physical interface",
        "plugins/main/host-device/host-device.go: getLink",
        "it depends on the node's hardware",
    ),
    Gap(
        "tuning",
        after_bridge(type="tuning", sysctl={"net.ipv4.nothing": "1"}),
        "no such file or directory",
        "plugins/meta/tuning/tuning.go: cmdAdd",
        "the available sysctls depend on the node's kernel",
    ),
    Gap(
        "bandwidth",
        after_bridge(type="bandwidth", ingressRate=1000000, ingressBurst=2**32),
        "create qdisc: invalid argument",
        "plugins/meta/bandwidth/ifb_creator.go: buffer",
        "a time that overflows 32 bits has another value on each processor architecture",
    ),
    Gap(
        "portmap",
        after_bridge(type="portmap", conditionsV4=["ip", "daddr", "10.1.2.3"]),
        "iptables backend was requested but configuration contains nftables-specific options",
        "plugins/meta/portmap/main.go: ensureBackend",
        "without `backend` the node decides",
    ),
    Gap(
        "vlan",
        config("vlan", master="eth1", vlanId=7, linkInContainer=True, ipam=STATIC),
        "Link not found",
        "plugins/main/vlan/vlan.go: getMTUByName",
        NO_SUCH_LINK,
    ),
    Gap(
        "vrf",
        after_bridge(type="vrf", vrfname="net1"),
        "is not a VRF",
        "plugins/meta/vrf/vrf.go: findVRF",
        "the pod's annotation decides on the name of the interface",
    ),
    Gap(
        "ipvlan",
        config("ipvlan", master="eth1", linkInContainer=True, ipam=STATIC),
        "Link not found",
        "plugins/main/ipvlan/ipvlan.go: createIpvlan",
        NO_SUCH_LINK,
    ),
)

ON_FIRST = [pytest.param(subject, id=subject.id) for subject in FIRST_KERNEL]
ON_SECOND = [
    pytest.param(subject, id=kind, marks=pytest.mark.kernel_link(kind))
    for kind, subject in SECOND_KERNEL.items()
]
# A kernel without the vlan driver has no VLAN filtering on bridges either.
VLANS = pytest.param(BRIDGE_VLANS, id=BRIDGE_VLANS.id, marks=pytest.mark.kernel_link("vlan"))
SUBJECTS = [*ON_FIRST, *ON_SECOND, VLANS]


def _gaps(subject: Subject) -> list[Gap]:
    return [gap for gap in GAPS if gap.subject == subject.id]


def _budget() -> int:
    return SOAK_EXAMPLES if os.environ.get("NETATTACH_SOAK") else MAX_EXAMPLES


def _wrong_denials(outcomes: Outcomes) -> list[Finding]:
    """Denials of a config that the plugin accepts, except for intended ones."""
    if outcomes.refusal is not None:
        return []
    denials = [finding for finding in outcomes.findings if finding.effective_severity is Severity.DENY]
    return [
        finding
        for finding in denials
        if not any(intended.is_reason(finding) for intended in INTENDED_DENIALS)
    ]


def _is_unlisted_gap(subject: Subject, outcomes: Outcomes) -> bool:
    """Whether the plugin refuses a config that the validator accepts, and no listed gap covers it."""
    if outcomes.refusal is None or outcomes.denied_by:
        return False
    return not any(gap.covers(outcomes) for gap in _gaps(subject))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_validator_and_the_plugin_agree(subject: Subject) -> None:

    def compare(lab: Lab, config: differential.Config) -> None:
        outcomes = lab.outcomes(config)
        assert [] == _wrong_denials(outcomes), str(outcomes)
        assert not _is_unlisted_gap(subject, outcomes), str(outcomes)

    with differential.lab() as lab:
        budget = settings(max_examples=_budget(), suppress_health_check=list(HealthCheck))
        budget(given(subject.configs())(lambda config: compare(lab, config)))()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_plugin_and_the_validator_accept_the_base_configs(subject: Subject) -> None:
    """Otherwise the comparison above would only compare refusals."""
    with differential.lab() as lab:
        outcomes = [lab.outcomes(base) for base in subject.bases]

    assert [] == [str(each) for each in outcomes if each.refusal is not None or each.denied_by]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_listed_gap_still_exists(subject: Subject) -> None:
    """A closed gap has to be removed from the list."""
    with differential.lab() as lab:
        outcomes = [(gap, lab.outcomes(gap.config)) for gap in _gaps(subject)]

    assert [] == [str(each) for gap, each in outcomes if each.denied_by or not gap.covers(each)]


@pytest.mark.parametrize(
    "subject", [*FIRST_KERNEL, *SECOND_KERNEL.values(), BRIDGE_VLANS], ids=lambda subject: subject.id
)
def test_gaps_are_few_and_name_source_and_reason(subject: Subject) -> None:
    gaps = _gaps(subject)

    assert len(gaps) <= MAX_GAPS
    assert [] == [gap for gap in gaps if ".go: " not in gap.source or not gap.why]

"""The validator beside the plugins themselves: what a binary takes we do not refuse, and what it refuses we mostly do.

Configurations are made of sound ones, with one or two fields changed (support.differential); each is run with the real binary,
ADD and DEL, in network namespaces of its own, by the road of the daemon. Where the two differ on purpose, it is listed here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings

from netattach_core.text.finding import Finding, Severity
from support import differential, uml
from support.differential import Gap, Lab, Subject, Verdicts
from support.differential_subjects import (
    BRIDGE_VLANS,
    FIRST_KERNEL,
    SECOND_KERNEL,
    STATIC,
    after_bridge,
    conf,
)

EXAMPLES = 12 if uml.inside() else 32
LONG = 100 if uml.inside() else 400
MOST_GAPS = 5


@dataclass(frozen=True)
class Safety:
    """A denial of what the plugin takes: the rule, a key of its place where that matters, and which rule of the design it is."""

    rule: str
    reason: str
    key: str = ""

    def is_reason(self, finding: Finding) -> bool:
        return finding.rule.id == self.rule and (not self.key or self.key in finding.path)


SAFETY = (
    Safety("master-default-interface", "rule group 4: pods share no interface with the node's own traffic"),
    Safety("range-gateway-outside-subnet", "rule group 3: a gateway that no pod reaches is not sane"),
    Safety(
        "schema",
        "rule group 2: wrong types; libcni refuses it, the daemon does not hand it on",
        "capabilities",
    ),
)

# What a plugin refuses and we let pass: at most five kinds a plugin. The sources are those of release 1.9.1.
NO_SUCH_LINK = "a node's interface is validated by its inventory, a pod's is not known before the pod is"

GAPS = (
    Gap(
        "bridge",
        conf("bridge", bridge="eth1"),
        "already exists but is not a bridge",
        "plugins/main/bridge/bridge.go: bridgeByName",
        "it depends on the node's other interfaces",
    ),
    Gap(
        "macvlan",
        conf("macvlan", master="eth1", linkInContainer=True),
        "Link not found",
        "plugins/main/macvlan/macvlan.go: getMTUByName",
        NO_SUCH_LINK,
    ),
    Gap(
        "host-local",
        conf(
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
        conf("bridge", bridge="br1", ipam={"type": "static"}),
        "IPAM plugin returned missing IP config",
        "plugins/main/bridge/bridge.go: cmdAdd",
        "a pod can bring addresses in its annotation (cni-args)",
    ),
    Gap(
        "tap",
        conf("tap", selinuxContext="zzz"),
        "failed set socket label",
        "plugins/main/tap/tap.go: createLink",
        "it depends on the node's SELinux",
    ),
    Gap(
        "tap",
        conf("tap", bridge="br9"),
        "failed to get bridge",
        "plugins/main/tap/tap.go: createTap",
        "the bridge is looked for in the pod, where an earlier network may have made it",
    ),
    Gap(
        "host-device",
        conf("host-device", pciBusID="0000:ff:1f.7"),
        "lstat /sys/bus/pci/devices/",
        "plugins/main/host-device/host-device.go: hasDpdkDriver",
        "it depends on the node's hardware",
    ),
    Gap(
        "host-device",
        conf("host-device", hwaddr="02:00:00:00:00:07"),
        "failed to find physical interface",
        "plugins/main/host-device/host-device.go: getLink",
        "it depends on the node's hardware",
    ),
    Gap(
        "tuning",
        after_bridge(type="tuning", sysctl={"net.ipv4.nothing": "1"}),
        "no such file or directory",
        "plugins/meta/tuning/tuning.go: cmdAdd",
        "which settings there are depends on the node's kernel",
    ),
    Gap(
        "bandwidth",
        after_bridge(type="bandwidth", ingressRate=1000000, ingressBurst=2**32),
        "create qdisc: invalid argument",
        "plugins/meta/bandwidth/ifb_creator.go: buffer",
        "a time that does not fit into 32 bits becomes another one on each processor",
    ),
    Gap(
        "portmap",
        after_bridge(type="portmap", conditionsV4=["ip", "daddr", "10.1.2.3"]),
        "iptables backend was requested but configuration contains nftables-specific options",
        "plugins/meta/portmap/main.go: ensureBackend",
        "without `backend` the node decides which one it is",
    ),
    Gap(
        "vlan",
        conf("vlan", master="eth1", vlanId=7, linkInContainer=True, ipam=STATIC),
        "Link not found",
        "plugins/main/vlan/vlan.go: getMTUByName",
        NO_SUCH_LINK,
    ),
    Gap(
        "vrf",
        after_bridge(type="vrf", vrfname="net1"),
        "is not a VRF",
        "plugins/meta/vrf/vrf.go: findVRF",
        "the interface's name is given with the pod's annotation",
    ),
    Gap(
        "ipvlan",
        conf("ipvlan", master="eth1", linkInContainer=True, ipam=STATIC),
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
# A kernel without the vlan driver has no filtering of VLANs on bridges either.
VLANS = pytest.param(BRIDGE_VLANS, id=BRIDGE_VLANS.id, marks=pytest.mark.kernel_link("vlan"))
SUBJECTS = [*ON_FIRST, *ON_SECOND, VLANS]


def _gaps(subject: Subject) -> list[Gap]:
    return [gap for gap in GAPS if gap.subject == subject.id]


def _budget() -> int:
    return LONG if os.environ.get("NETATTACH_SOAK") else EXAMPLES


def _refused_in_error(verdicts: Verdicts) -> list[Finding]:
    """Our denials of what the plugin takes, but for those that are meant."""
    if verdicts.refusal is not None:
        return []
    denials = [finding for finding in verdicts.findings if finding.effective_severity is Severity.DENY]
    return [finding for finding in denials if not any(safety.is_reason(finding) for safety in SAFETY)]


def _let_pass_in_error(subject: Subject, verdicts: Verdicts) -> bool:
    """Whether the plugin refuses what we let pass, and it is none of the listed gaps."""
    if verdicts.refusal is None or verdicts.denied_by:
        return False
    return not any(gap.covers(verdicts) for gap in _gaps(subject))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_the_validator_and_the_plugin_agree(subject: Subject) -> None:
    """Whatever field is wrong, in whatever way."""

    def compare(lab: Lab, config: differential.Config) -> None:
        verdicts = lab.verdicts(config)
        assert [] == _refused_in_error(verdicts), str(verdicts)
        assert not _let_pass_in_error(subject, verdicts), str(verdicts)

    with differential.lab() as lab:
        budget = settings(max_examples=_budget(), suppress_health_check=list(HealthCheck))
        budget(given(subject.configs())(lambda config: compare(lab, config)))()


@pytest.mark.parametrize("subject", SUBJECTS)
def test_what_the_plugin_takes_as_it_stands_is_sound_to_us(subject: Subject) -> None:
    """The configurations from which the others are made; without them the comparison would compare refusals only."""
    with differential.lab() as lab:
        told = [lab.verdicts(base) for base in subject.bases]

    assert [] == [str(verdicts) for verdicts in told if verdicts.refusal is not None or verdicts.denied_by]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_listed_gap_is_one(subject: Subject) -> None:
    """One that has closed has to leave the list."""
    with differential.lab() as lab:
        told = [(gap, lab.verdicts(gap.config)) for gap in _gaps(subject)]

    assert [] == [str(verdicts) for gap, verdicts in told if verdicts.denied_by or not gap.covers(verdicts)]


@pytest.mark.parametrize(
    "subject", [*FIRST_KERNEL, *SECOND_KERNEL.values(), BRIDGE_VLANS], ids=lambda subject: subject.id
)
def test_gaps_are_few_and_say_where_the_plugin_refuses(subject: Subject) -> None:
    """And why we do not."""
    gaps = _gaps(subject)

    assert len(gaps) <= MOST_GAPS
    assert [] == [gap for gap in gaps if ".go: " not in gap.source or not gap.why]

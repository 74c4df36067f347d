"""The leases of host-local: nobody gets those of the nodes' own networks, or corrupts those of another namespace."""

from __future__ import annotations

import json
from typing import Any

import pytest

from netattach_core.api.inventory import NetworkFile, NodeInventory, Primary
from netattach_core.api.nad import Nad
from netattach_core.policy import networks
from netattach_core.policy.case import Surroundings
from netattach_core.policy.levels import NamespacePolicy
from netattach_core.policy.settings import Level
from netattach_core.validation.footprint_index import FootprintIndex

NODE = NodeInventory(
    "worker-1",
    primary=Primary("cbr0", "10-flannel.conflist", ("flannel", "portmap")),
    networks=(NetworkFile("10-flannel.conflist", "cbr0"), NetworkFile("20-backup.conf", "backup")),
)
RANGE = {"type": "host-local", "subnet": "10.9.0.0/24"}
OTHER_RANGE = {"type": "host-local", "subnet": "10.8.0.0/24"}


def text(ipam: Any = None, name: str = "shared", **more: Any) -> str:
    return json.dumps(
        {
            "cniVersion": "1.0.0",
            "name": name,
            "type": "macvlan",
            "master": "eth1",
            "ipam": ipam or RANGE,
            **more,
        }
    )


def found(
    config: str, *others: Nad, level: Level = Level.BASELINE, created: str = "2026-02-01T00:00:00Z"
) -> list[str]:
    """The problems that this rule reports for a network of the namespace lab."""
    nad = Nad("lab", "net", config, created=created, uid="m")
    around = Surroundings((NODE,), footprints=FootprintIndex([*others, nad]))
    findings = networks.check(nad, NamespacePolicy("lab", enforce=level), around)
    return [each.problem for each in findings if each.rule.id == "policy-lease-store"]


STORES_OF_NODES: dict[str, str] = {
    "default network": text(name="cbr0"),
    "another file": text(name="backup"),
    "escaped": text(name="cbr0").replace("cbr0", "\\u0063br0"),
    "name in another case": text().replace('"name": "shared"', '"Name": "cbr0"'),
    "last of two names": text().replace('"name": "shared"', '"name": "shared", "name": "cbr0"'),
    "another directory, which the file may have too": text({**RANGE, "dataDir": "/run/leases"}, "cbr0"),
    "a longer way": text({**RANGE, "dataDir": "//var/lib/cni/x/../networks/"}, "cbr0"),
    "inside": text({**RANGE, "dataDir": "/var/lib/cni/networks/cbr0"}, "sub"),
    "relative": text({**RANGE, "dataDir": "var/lib/cni/networks"}, "cbr0"),
    "all of them": text({**RANGE, "dataDir": "/var/lib/cni"}, "networks"),
    "all of them, two levels up": text({**RANGE, "dataDir": "/var/lib"}, "cni"),
    "IPAM in capitals": json.dumps({"name": "cbr0", "type": "macvlan", "IPAM": {"TYPE": "host-local"}}),
    "second of a chain": json.dumps(
        {"name": "cbr0", "plugins": [{"type": "dummy"}, {"type": "macvlan", "ipam": RANGE}]}
    ),
    "flannel": json.dumps({"name": "cbr0", "type": "flannel"}),
    "unknown plugin": json.dumps({"name": "cbr0", "type": "fancy", "ipam": RANGE}),
}


@pytest.mark.parametrize("name", STORES_OF_NODES)
def test_the_stores_of_the_nodes_networks_are_refused(name: str) -> None:
    assert 1 == len(found(STORES_OF_NODES[name]))


def test_a_name_without_leases_may_be_that_of_a_nodes_network() -> None:
    assert [] == found(text({"type": "static", "addresses": [{"address": "10.9.0.9/24"}]}, "cbr0"))
    assert [] == found(text({"type": "whereabouts", "range": "10.9.0.0/24"}, "cbr0"))
    assert [] == found(text(name="cbr01"))


def other(
    ipam: Any = None, namespace: str = "victims", created: str = "2026-01-01T00:00:00Z", **more: Any
) -> Nad:
    return Nad(namespace, "net", text(ipam, **more), created=created, uid="a")


def test_other_ranges_in_the_store_of_an_older_network_of_another_namespace_are_refused() -> None:
    (problem,) = found(text(OTHER_RANGE), other())

    assert "an older network of another namespace" in problem
    assert "victims" not in problem


@pytest.mark.parametrize(
    "mine",
    [
        text({**OTHER_RANGE, "dataDir": "/var/lib/cni/networks/"}),
        text({**OTHER_RANGE, "dataDir": "/var/lib/./cni//networks"}),
        text({**RANGE, "rangeStart": "10.9.0.9"}),
        text({**RANGE, "gateway": "10.9.0.9"}),
        text({**RANGE, "ranges": [[{"subnet": "10.8.0.0/24"}]]}),
        text(runtimeConfig={"ipRanges": [[{"subnet": "10.8.0.0/24"}]]}),
        json.dumps(
            {"name": "shared", "plugins": [{"type": "dummy"}, {"type": "macvlan", "ipam": OTHER_RANGE}]}
        ),
    ],
)
def test_neither_spelling_nor_place_hides_other_ranges(mine: str) -> None:
    assert 1 == len(found(mine, other()))


def test_a_directory_below_the_two_names_of_run_is_the_same() -> None:
    victims = other({**RANGE, "dataDir": "/run/leases"})

    assert 1 == len(found(text({**OTHER_RANGE, "dataDir": "/var/run/leases"}), victims))


def test_a_copy_passes_under_baseline_alone() -> None:
    """Sharing a range across isolated namespaces needs one."""
    assert [] == found(text(), other())
    assert 1 == len(found(text(), other(), level=Level.RESTRICTED))


def test_the_older_network_keeps_its_store() -> None:
    assert [] == found(text(OTHER_RANGE), other(created="2026-03-01T00:00:00Z"))
    assert 1 == len(found(text(OTHER_RANGE), other(created="2026-03-01T00:00:00Z"), created=""))
    assert 1 == len(found(text(OTHER_RANGE), other(created="2026-02-01T00:00:00Z")))  # by uid


def test_networks_of_one_namespace_and_other_stores_are_not_compared() -> None:
    assert [] == found(text(OTHER_RANGE), Nad("lab", "other", text(), created="2026-01-01T00:00:00Z"))
    assert [] == found(text(OTHER_RANGE, "own"), other())
    assert [] == found(text({**OTHER_RANGE, "dataDir": "/var/lib/cni/mine"}), other())

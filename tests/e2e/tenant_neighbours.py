"""What a tenant is meant to do: the harmless variant of each family of attempts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from e2e.objects import config, nad, pod
from e2e.tenancy import BASELINE, LABELLED, RESTRICTED
from e2e.tenant_attempts import PLAIN, chain, host_local, macvlan


@dataclass(frozen=True)
class Neighbour:
    """A network, a pod with it, and the pod's interfaces next to lo and eth0. `config` None: the pod requests others."""

    name: str
    config: str | None = None
    request: str | Sequence[Mapping[str, Any]] = ""
    namespace: str = BASELINE
    interfaces: Sequence[str] = ("net1",)
    node: str = "node1"

    @property
    def network(self) -> dict[str, Any] | None:
        return None if self.config is None else nad(self.name, self.config, self.namespace)

    @property
    def pod(self) -> dict[str, Any]:
        request = json.loads(json.dumps(self.request or self.name))
        return pod(self.name, request, namespace=self.namespace, node=self.node)


def _baseline() -> Iterator[Neighbour]:
    bridge = {"type": "bridge", "bridge": "br-t-3", "isGateway": True, "ipam": host_local("10.50.30.0/24")}
    ports = {"type": "portmap", "capabilities": {"portMappings": True}, "conditionsV4": ["-s", "10.0.3.0/24"]}
    tuned = {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}
    yield Neighbour("own-leases", macvlan(ipam=host_local("10.50.31.0/24", dataDir="/var/lib/cni/tenant")))
    yield Neighbour("own-name", macvlan(name="tenant-net", ipam=host_local("10.50.32.0/24")), node="node2")
    yield Neighbour("free-interface", macvlan(ipam=host_local("10.50.33.0/24")), node="node2")
    yield Neighbour("own-sysctl", chain(json.loads(macvlan(ipam=host_local("10.50.34.0/24"))), tuned))
    tunings = itertools.repeat({"type": "tuning"}, 15)
    yield Neighbour("16-plugins", chain(json.loads(macvlan(ipam=host_local("10.50.35.0/24"))), *tunings))
    mapping = [{"hostPort": 18090, "containerPort": 80}]
    yield Neighbour("own-port", chain(bridge, ports), [{"name": "own-port", "portMappings": mapping}])
    routed = config(type="ptp", capabilities={"ips": True}, ipam=host_local("10.50.36.0/24"))
    yield Neighbour("own-address", routed, [{"name": "own-address", "ips": ["10.50.36.7/24"]}])
    three = ("net1", "net2", "net3")
    addresses = [{"name": PLAIN, "ips": [f"10.50.37.{last}/24"]} for last in (7, 8, 9)]
    yield Neighbour("three-networks", request=addresses, interfaces=three, namespace=LABELLED)


def _restricted() -> Iterator[Neighbour]:
    tuned = {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}}
    listed = chain(json.loads(macvlan(ipam=host_local("10.50.38.0/24"))), tuned)
    yield Neighbour("listed", listed, namespace=RESTRICTED)
    bridge = config(type="bridge", bridge="br-t-4", ipam=host_local("10.50.39.0/24"))
    yield Neighbour("listed-bridge", bridge, namespace=RESTRICTED)
    yield Neighbour(
        "listed-address", request=[{"name": PLAIN, "ips": ["10.50.40.7/24"]}], namespace=RESTRICTED
    )


NEIGHBOURS: Mapping[str, Neighbour] = {
    each.name: each for each in itertools.chain(_baseline(), _restricted())
}

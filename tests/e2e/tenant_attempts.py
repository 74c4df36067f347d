"""What a tenant tries, what it would reach, and the rule that refuses it: at admission, and without webhooks on the node."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from e2e.objects import config, nad, pod
from e2e.tenancy import BASELINE, LABELLED, RESTRICTED, VICTIM

MAC = "02:00:00:00:00:01"
"""Stands for the MAC address of the node's default interface."""

DEFAULT_NETWORK = "v1.multus-cni.io/default-network"
PLAIN, ROUTED, SHARED = "plain", "routed", "shared"
"""Networks that exist: of the tenants, and of somebody else."""

EXEMPT = {"netattach.io/allow-default-interface": "true"}

_NOT_HERE = "it is not used on node node1"
_DENIED, _MASTER = "policy-default-interface", "master-default-interface"


def host_local(subnet: str = "10.50.7.0/24", **keys: Any) -> dict[str, Any]:
    return {"type": "host-local", "subnet": subnet, **keys}


def static(address: str) -> dict[str, Any]:
    return {"type": "static", "addresses": [{"address": address}]}


def macvlan(**keys: Any) -> str:
    return config(**{"type": "macvlan", "master": "eth1", "mode": "bridge", "ipam": host_local(), **keys})


def chain(*plugins: Mapping[str, Any]) -> str:
    return json.dumps({"cniVersion": "1.0.0", "plugins": plugins})


_BRIDGE = {"type": "bridge", "bridge": "br-t-1", "ipam": host_local()}


@dataclass(frozen=True)
class Attempt:
    """A network, or a pod that requests one, in the tenant's namespace.

    `config` is None where the attempt is the pod's alone. `rule` is in the answer of the webhook and in the event of the daemon;
    `refused_by` is the webhook's rule where validation refuses it first, `on_node` what the event has where the daemon says it
    without a rule. `held`: the network is fine until it is being deleted, when a finalizer holds it.
    """

    name: str
    text: str
    reach: str
    rule: str
    config: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    request: str | Sequence[Mapping[str, Any]] = ""
    default: str | Sequence[Mapping[str, Any]] = ""
    namespace: str = BASELINE
    refused_by: str = ""
    on_node: str = ""
    held: bool = False

    @property
    def rule_at_admission(self) -> str:
        return self.refused_by or self.rule

    @property
    def said_on_node(self) -> str:
        return self.on_node or f"[{self.rule}]"

    @property
    def network(self) -> dict[str, Any] | None:
        if self.config is None:
            return None
        body = nad(self.name, self.config, self.namespace)
        body["metadata"]["annotations"] = dict(self.annotations)
        if self.held:
            body["spec"]["config"] = macvlan()
            body["metadata"]["finalizers"] = ["tenant.example/hold"]
        return body

    @property
    def pod(self) -> dict[str, Any]:
        request = self.request or ("" if self.default else self.name)
        body = pod(self.name, json.loads(json.dumps(request)), namespace=self.namespace)
        if self.default:
            body["metadata"]["annotations"][DEFAULT_NETWORK] = json.dumps(self.default)
        return body


def _host_paths() -> Iterator[Attempt]:
    rule = "policy-host-path"
    for name, text, keys in (
        ("cron", "`dataDir: /etc/cron.d` for host-local", {"dataDir": "/etc/cron.d"}),
        ("cron-other-case", "the same, written as `DATADIR`", {"DATADIR": "/etc/cron.d"}),
        ("cron-dots", "the same by `..`", {"dataDir": "/var/lib/cni/networks/../../../../etc/cron.d"}),
        ("cni-config", "`dataDir: /etc/cni/net.d`", {"dataDir": "/etc/cni/net.d"}),
    ):
        yield Attempt(name, text, "files of root in the directory", rule, macvlan(ipam=host_local(**keys)))
    yield Attempt(
        *(
            "whereabouts-log",
            "whereabouts logs into `/etc/ssh/authorized_keys.d/root`",
            "a login as root",
            rule,
        ),
        macvlan(
            ipam={
                "type": "whereabouts",
                "range": "10.50.7.0/24",
                "log_file": "/etc/ssh/authorized_keys.d/root",
            }
        ),
    )
    yield Attempt(
        *("flannel-shadow", "`subnetFile: /etc/shadow` for flannel", "a secret of the node", rule),
        config(type="flannel", subnetFile="/etc/shadow"),
    )
    yield Attempt(
        *("dhcp-socket", "the container runtime's socket for dhcp", "a socket of root", rule),
        macvlan(ipam={"type": "dhcp", "daemonSocketPath": "/run/containerd/containerd.sock"}),
    )
    yield Attempt(
        *("unknown-file", "a file of the node for an unknown plugin", "the kubelet's credentials", rule),
        config(type="fancy-nic", configFile="/var/lib/kubelet/pki/kubelet.key"),
    )
    yield Attempt(
        *("path-by-pod", "a path in a pod's `cni-args`", "files of root in the directory", "policy-cni-args"),
        request=[{"name": PLAIN, "cni-args": {"dataDir": "/etc/cron.d"}}],
    )


def _default_interface() -> Iterator[Attempt]:
    reach = "the node's own traffic"
    vlan = config(type="vlan", master="eth0", vlanId=7, ipam=host_local())
    for name, text, body, refused_by in (
        ("macvlan-eth0", "macvlan on the node's default interface", macvlan(master="eth0"), _MASTER),
        ("macvlan-no-master", "macvlan without `master`", config(type="macvlan", ipam=host_local()), _MASTER),
        ("vlan-eth0", "a VLAN of it", vlan, _MASTER),
        ("take-by-name", "the interface itself, by name", _host_device(device="eth0"), _MASTER),
        ("take-by-mac", "the interface itself, by its MAC address", _host_device(hwaddr=MAC), ""),
        ("bridge-eth0", "a bridge of its name", _bridge("eth0"), ""),
        ("delegate-eth0", "by flannel's delegate", config(type="flannel", delegate=_delegate("eth0")), ""),
    ):
        yield Attempt(name, text, reach, _DENIED, body, refused_by=refused_by)
    body = macvlan(master="eth0")
    yield Attempt(
        *("own-exemption", "an exemption of its own, `allow-default-interface`", reach, _DENIED, body),
        annotations=EXEMPT,
        refused_by=_MASTER,
    )
    yield Attempt(
        *("selects-nothing", "a `node-selector` that matches no node", reach, _DENIED, body),
        annotations={"netattach.io/node-selector": "no=where"},
        on_node=_NOT_HERE,
    )
    yield Attempt(
        *("finalizer", "a change while a finalizer holds the deleted network", reach, _DENIED, body),
        refused_by=_MASTER,
        held=True,
    )


def _host_device(**keys: Any) -> str:
    return config(type="host-device", **keys)


def _bridge(name: str, subnet: str = "10.50.7.0/24", **keys: Any) -> str:
    return config(type="bridge", bridge=name, ipam=host_local(subnet), **keys)


def _delegate(master: str) -> dict[str, Any]:
    return {"type": "macvlan", "master": master, "ipam": host_local()}


def _addresses() -> Iterator[Attempt]:
    rule, api = "policy-cluster-address", "the nodes' traffic for the API server"
    yield Attempt(
        *("ptp-api", "ptp with the static address `10.96.0.1/12`", api, rule),
        config(type="ptp", ipam=static("10.96.0.1/12")),
    )
    yield Attempt(
        *("gateway-services", "a bridge that is a gateway in the range of Services", api, rule),
        _bridge("br-t-2", "10.96.0.0/24", isGateway=True),
    )
    yield Attempt(
        *("ptp-pods", "ptp in the range of the node's pods", "traffic for other pods", rule),
        config(type="ptp", ipam=host_local("10.244.1.0/24")),
    )
    yield Attempt(
        *("pod-requests-api", "a pod that requests `10.96.0.1` from a ptp network", api, rule),
        request=[{"name": ROUTED, "ips": ["10.96.0.1/12"]}],
    )


def _leases() -> Iterator[Attempt]:
    rule = "policy-lease-store"
    yield Attempt(
        *("leases-default", "the name of the node's default network", "the leases of all pods", rule),
        macvlan(name="cbr0", ipam=host_local("10.50.8.0/24")),
    )
    yield Attempt(
        *(
            "leases-neighbour",
            "the name of another namespace's network, with other ranges",
            "its leases",
            rule,
        ),
        macvlan(name=SHARED, ipam=host_local("10.50.9.0/24")),
    )


def _reaching_others() -> Iterator[Attempt]:
    ports = [{"hostPort": 10250, "containerPort": 80}]
    yield Attempt(
        *("foreign-network", "another namespace's network, under isolation", "that network", "pod-isolated"),
        request=f"{VICTIM}/{SHARED}",
        on_node=f"cannot use networks in namespace '{VICTIM}'",
    )
    yield Attempt(
        *("host-port", "`portMappings` where Pod Security refuses host ports", "a port of the node"),
        "policy-host-port",
        request=[{"name": PLAIN, "portMappings": ports}],
        namespace=LABELLED,
    )
    yield Attempt(
        *("host-port-default", "the same for the default network", "a port of the node", "policy-host-port"),
        default=[{"name": PLAIN, "namespace": LABELLED, "portMappings": ports}],
        namespace=LABELLED,
    )
    yield Attempt(
        *("device", "`deviceID` in a pod's annotation", "another pod's device", "policy-device"),
        request=[{"name": PLAIN, "deviceID": "0000:3b:00.1"}],
    )
    yield Attempt(
        *("device-path", "`deviceID` as a path", "the node's own interface", "policy-device"),
        config(type="host-device", runtimeConfig={"deviceID": "../../devices/virtual/net/eth0"}),
    )


def _host_wide() -> Iterator[Attempt]:
    tuning = {"type": "tuning", "sysctl": {"net.core.rmem_max": "1"}}
    conditions = ["--modprobe=/tmp/tenant.sh"]
    yield Attempt(
        *("sysctl", "a sysctl of the whole node", "the limits of all pods", "policy-sysctl"),
        chain(json.loads(macvlan()), tuning),
    )
    yield Attempt(
        *("sysctl-dots", "the same, past `net.ipv4.conf`", "the limits of all pods", "policy-sysctl"),
        chain(json.loads(macvlan()), {**tuning, "sysctl": {"net/ipv4/conf/../../core/rmem_max": "1"}}),
    )
    yield Attempt(
        *("sysctl-by-pod", "the same by a pod's `cni-args`", "the limits of all pods", "policy-cni-args"),
        request=[{"name": PLAIN, "cni-args": {"sysctl": {"net.core.rmem_max": "1"}}}],
    )
    yield Attempt(
        *("modprobe", "`--modprobe` in portmap's conditions", "a command of root", "policy-host-firewall"),
        chain(
            _BRIDGE,
            {"type": "portmap", "capabilities": {"portMappings": True}, "conditionsV4": conditions},
        ),
    )
    yield Attempt(
        *("mark-bit", "another `markMasqBit` for portmap", "the firewall's marks of all packets"),
        "policy-host-firewall",
        chain(_BRIDGE, {"type": "portmap", "capabilities": {"portMappings": True}, "markMasqBit": 14}),
    )
    yield Attempt(
        *("17-plugins", "17 plugins in a network", "the node's memory", "policy-too-many-plugins"),
        chain(json.loads(macvlan()), *({"type": "tuning"} for _ in range(16))),
    )
    yield Attempt(
        *("33-networks", "33 networks for a pod", "the node's memory", "policy-too-many-networks"),
        request=", ".join([PLAIN] * 33),
    )
    meta = "netattach's or Multus' own calls, as root"
    for name, text, body in (
        ("ipam-netattach", "netattach as IPAM plugin", macvlan(ipam={"type": "netattach"})),
        ("type-multus", "Multus as plugin", config(type="multus")),
        ("delegate-multus", "Multus by a delegate", config(type="flannel", delegate={"type": "multus-shim"})),
    ):
        yield Attempt(name, text, meta, "meta-plugin", body, on_node="a meta-plugin")


def _restricted() -> Iterator[Attempt]:
    def network(name: str, text: str, reach: str, rule: str, body: str) -> Attempt:
        return Attempt(name, text, reach, rule, body, namespace=RESTRICTED)

    other = "what the owner has not listed"
    yield network(
        *("list-plugin", "a plugin that is not listed", other, "policy-plugin"),
        config(type="ipvlan", master="eth1", ipam=host_local()),
    )
    yield network(
        *("list-ipam", "an IPAM plugin that is not listed", other, "policy-ipam"),
        macvlan(ipam={"type": "dhcp"}),
    )
    yield network(
        *("list-master", "an interface that is not listed", "the pods' bridge", "policy-master"),
        macvlan(master="cbr0"),
    )
    yield network(
        *("list-bridge", "a bridge that is not listed", "the pods' bridge", "policy-bridge"),
        _bridge("cbr0"),
    )
    yield network(
        *("list-subnet", "a subnet that is not listed", "another tenant's addresses", "policy-subnet"),
        macvlan(ipam=host_local("10.60.0.0/24")),
    )
    yield network(
        *("list-address", "a static address outside of the listed subnets", "another tenant's address"),
        "policy-subnet",
        macvlan(ipam=static("10.60.0.7/24")),
    )
    yield network(
        *("list-sysctl", "a sysctl that is not listed", other, "policy-sysctl-list"),
        chain(json.loads(macvlan()), {"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.forwarding": "1"}}),
    )
    yield network("empty", "an empty config", "a network of the node's files", "policy-node-file", "")
    yield Attempt(
        *("request-address", "an address outside of the listed subnets", "another tenant's address"),
        "policy-requested-address",
        request=[{"name": PLAIN, "ips": ["10.60.0.7/24"]}],
        namespace=RESTRICTED,
    )
    yield Attempt(
        *("replace-default", "another default network", "a way round NetworkPolicies"),
        "policy-default-network",
        default=[{"name": PLAIN, "namespace": RESTRICTED}],
        namespace=RESTRICTED,
    )
    yield Attempt(
        *("restricted-host-port", "a host port", "a port of the node", "policy-host-port"),
        request=[{"name": PLAIN, "portMappings": [{"hostPort": 10250, "containerPort": 80}]}],
        namespace=RESTRICTED,
    )


ATTEMPTS: Mapping[str, Attempt] = {
    each.name: each
    for family in (
        _host_paths,
        _default_interface,
        _addresses,
        _leases,
        _reaching_others,
        _host_wide,
        _restricted,
    )
    for each in family()
}


ELSEWHERE = Attempt(
    *(
        "elsewhere",
        "a pod on a node that the network's own `node-selector` leaves out",
        "a node without validation",
        "",
    ),
    macvlan(),
    annotations={"netattach.io/node-selector": "kubernetes.io/hostname=node2"},
    on_node=_NOT_HERE,
)
"""The webhooks validate the network for the other node, and know no node of a new pod; so only the daemon refuses it."""

ON_NODE: Mapping[str, Attempt] = {**ATTEMPTS, ELSEWHERE.name: ELSEWHERE}


def existing(namespace: str) -> Iterator[dict[str, Any]]:
    """The networks that the pods of a tenant's attempts request: they are fine."""
    yield nad(PLAIN, macvlan(capabilities={"ips": True}, ipam={"type": "static"}), namespace)
    if namespace != RESTRICTED:
        routed = config(type="ptp", capabilities={"ips": True}, ipam={"type": "static"})
        yield nad(ROUTED, routed, namespace)

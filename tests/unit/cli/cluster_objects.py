"""The objects of a cluster with netattach, as the API server returns them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from netattach_core.api import inventory
from netattach_core.api.inventory import DefaultInterface, Interface, NodeInventory, Plugin, Primary
from netattach_core.api.node_state import Attached, AttachedNetwork, CniStatus, Probe, UnmetPod, UnmetPods
from netattach_core.api.objects import Body

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=UTC)

CONTROL, NODE = "netattach-system", "netattach-node"
NETWORKS = "k8s.v1.cni.cncf.io/networks"
STATUS = "k8s.v1.cni.cncf.io/network-status"

MACVLAN = json.dumps(
    {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": {"type": "host-local"}}
)
PLUGINS = (Plugin("macvlan", ("1.0.0", "1.1.0")), Plugin("host-local", ("1.0.0", "1.1.0")))


def body(kind: str, name: str, namespace: str = "", **parts: Any) -> Body:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **parts.pop("metadata", {})}
    return {"kind": kind, "metadata": metadata, **parts}


def certificate(expires: datetime, *, generalized: bool = False) -> bytes:
    """A certificate with this end of its validity and nothing else in it; as PEM."""
    times = [(expires - timedelta(days=90)), expires]
    shown = [
        _der(0x18, f"{each:%Y%m%d%H%M%SZ}") if generalized else _der(0x17, f"{each:%y%m%d%H%M%SZ}")
        for each in times
    ]
    fields = [
        _der(0xA0, b"\x02\x01\x02"),
        _der(0x02, b"\x07"),
        _der(0x30, b""),
        _der(0x30, b"issuer" * 40),
        _der(0x30, b"".join(shown)),
        _der(0x30, b"subject"),
    ]
    der = _der(0x30, _der(0x30, b"".join(fields)) + _der(0x30, b"") + _der(0x03, b"\x00"))
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


def _der(tag: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def base64_text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def daemons(ready: int = 2, total: int = 2, updated: int | None = None) -> Body:
    status = {
        "numberReady": ready,
        "desiredNumberScheduled": total,
        "updatedNumberScheduled": total if updated is None else updated,
    }
    return body("DaemonSet", "netattach-daemon", NODE, status=status)


def deployment(name: str, ready: int, total: int) -> Body:
    return body("Deployment", name, CONTROL, spec={"replicas": total}, status={"readyReplicas": ready})


def lease(holder: str = "netattach-operator-7d9f", renewed: datetime = NOW) -> Body:
    spec = {"holderIdentity": holder, "renewTime": f"{renewed:%Y-%m-%dT%H:%M:%S.000000Z}"}
    return body("Lease", "netattach-operator", CONTROL, spec=spec)


def webhook_configuration(kind: str, name: str, bundle: str | None = None, now: datetime = NOW) -> Body:
    expires = now + timedelta(days=300, hours=1)
    found = base64_text(certificate(expires)) if bundle is None else bundle
    return body(kind, name, webhooks=[{"clientConfig": {"caBundle": found}}])


def secret(expires: datetime = NOW + timedelta(days=80)) -> Body:
    return body(
        "Secret", "netattach-webhooks-tls", CONTROL, data={"tls.crt": base64_text(certificate(expires))}
    )


def daemon_pod(node: str, *, ready: bool = True, waiting: dict[str, str] | None = None) -> Body:
    condition = {"type": "Ready", "status": str(ready), **({} if ready else {"reason": "ContainersNotReady"})}
    statuses = [{"state": {"waiting": waiting}}] if waiting else [{"state": {"running": {}}}]
    return body(
        "Pod",
        f"netattach-daemon-{node}",
        NODE,
        metadata={"labels": {"app.kubernetes.io/component": "daemon"}},
        spec={"nodeName": node},
        status={"conditions": [condition], "containerStatuses": statuses, "phase": "Running"},
    )


def node(name: str, **labels: str) -> Body:
    return body(
        "Node",
        name,
        metadata={"labels": {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name, **labels}},
    )


def inventory_of(name: str, *unmet: UnmetPod, **changes: Any) -> Body:
    """What a node has: eth0 and eth1, the plugins of the sample networks."""
    fields: dict[str, Any] = {
        "interfaces": (
            Interface("eth0", mtu=1500, mac="52:54:00:00:00:01", addresses=("10.0.0.2/24",)),
            Interface("eth1", mtu=1500, mac="52:54:00:00:00:02"),
        ),
        "default_interfaces": (DefaultInterface("eth0", ("carries the IPv4 default route",)),),
        "plugins": PLUGINS,
        "primary": Primary("cbr0", "10-cbr0.conflist", ("bridge", "portmap")),
        "cni_status": CniStatus(ready=True),
        "attached": Attached(1, (AttachedNetwork("default/lan", 1),)),
        "unmet_pods": UnmetPods(len(unmet), unmet) if unmet else None,
        "probe": Probe("boot", succeeded=True),
        **changes,
    }
    status = inventory.to_dict(NodeInventory(name, **fields))
    versions = {"daemon": "0.2.0", "shim": "0.2.0"}
    return body("NodeNetworkInventory", name, status={**status, "kernel": "6.1.0", "versions": versions})


def network(name: str = "lan", namespace: str = "default", config: str = MACVLAN, **status: Any) -> Body:
    """With the status of a network that is ready on both nodes, or with other parts of it."""
    ready = {
        "plugins": "macvlan",
        "ipam": "host-local",
        "nodes": {"ready": 2, "total": 2, "summary": "2/2", "reasons": []},
        "pods": 2,
        "outdatedPods": 0,
        "conditions": conditions(),
    }
    return body(
        "NetworkAttachmentDefinition", name, namespace, spec={"config": config}, status={**ready, **status}
    )


def conditions(**failed: tuple[str, str]) -> list[dict[str, str]]:
    """Valid, Permitted and Ready; those given are False, with a reason and a message."""
    found = []
    for type_ in ("Valid", "Permitted", "Ready"):
        reason, message = failed.get(type_, (type_, "yes"))
        found.append(
            {"type": type_, "status": str(type_ not in failed), "reason": reason, "message": message}
        )
    return found


def not_ready(name: str, reason: str, message: str, summary: str = "1/2") -> Body:
    nodes = {
        "ready": 1,
        "total": 2,
        "summary": summary,
        "reasons": [{"reason": reason, "message": message, "nodes": 1}],
    }
    return network(name, nodes=nodes, conditions=conditions(Ready=(reason, message)))


def pod(
    name: str,
    networks: str = "lan",
    *entries: dict[str, Any],
    namespace: str = "default",
    node: str = "node1",
    phase: str = "Running",
    **annotations: str,
) -> Body:
    """A pod that asks for networks, with the entries of its network-status."""
    found = {
        **({NETWORKS: networks} if networks else {}),
        **({STATUS: json.dumps(entries)} if entries else {}),
        **annotations,
    }
    return body(
        "Pod",
        name,
        namespace,
        metadata={"annotations": found, "uid": f"uid-of-{name}"},
        spec={"nodeName": node},
        status={"phase": phase},
    )


def entry(
    name: str = "default/lan", interface: str = "net1", address: str = "10.0.3.200", **more: Any
) -> dict[str, Any]:
    return {
        "name": name,
        "interface": interface,
        "ips": [address],
        "mac": "02:00:00:00:00:01",
        "dns": {},
        **more,
    }


DEFAULT_ENTRY = entry("cbr0", "eth0", "10.88.0.2", default=True)


def healthy(now: datetime = NOW) -> list[Body]:
    """Two nodes with a network that a pod on each uses, at a time."""
    return [
        daemons(),
        deployment("netattach-operator", 1, 1),
        deployment("netattach-webhooks", 2, 2),
        lease(renewed=now),
        webhook_configuration("ValidatingWebhookConfiguration", "netattach", now=now),
        webhook_configuration("MutatingWebhookConfiguration", "pods.netattach.io", now=now),
        secret(now + timedelta(days=80, hours=1)),
        *(each for name in ("node1", "node2") for each in (node(name), daemon_pod(name), inventory_of(name))),
        network(),
        pod("web-1", "lan", DEFAULT_ENTRY, entry()),
        pod("web-2", "lan", DEFAULT_ENTRY, entry(address="10.0.3.201"), node="node2"),
    ]


def replaced(objects: list[Body], *others: Body) -> list[Body]:
    """With these objects instead of those of the same kind, namespace and name."""
    keys = {_key(each) for each in others}
    return [*(each for each in objects if _key(each) not in keys), *others]


def without(objects: list[Body], kind: str, name: str) -> list[Body]:
    return [each for each in objects if (each["kind"], each["metadata"]["name"]) != (kind, name)]


def _key(each: Body) -> tuple[str, str, str]:
    return each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]

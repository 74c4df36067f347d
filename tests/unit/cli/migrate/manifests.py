"""Objects of clusters with Multus, with the fields that count, as upstream, rke2's chart and OpenShift lay them out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

Body = dict[str, Any]

DAEMON_CONFIG = {
    "chrootDir": "/hostroot",
    "cniVersion": "0.3.1",
    "logLevel": "verbose",
    "logToStderr": True,
    "cniConfigDir": "/host/etc/cni/net.d",
    "multusAutoconfigDir": "/host/etc/cni/net.d",
    "multusConfigFile": "auto",
    "socketDir": "/host/run/multus/",
}
"""That of upstream's multus-daemonset-thick.yml."""

OPENSHIFT = {
    "cniVersion": "0.3.1",
    "chrootDir": "/hostroot",
    "binDir": "/var/lib/cni/bin",
    "cniConfigDir": "/host/etc/cni/net.d",
    "multusConfigFile": "auto",
    "multusAutoconfigDir": "/host/run/multus/cni/net.d",
    "namespaceIsolation": True,
    "globalNamespaces": "default,openshift-multus",
    "readinessindicatorfile": "/host/run/multus/cni/net.d/10-ovn-kubernetes.conf",
    "perNodeCertificate": {"enabled": True},
}
"""That of the operator's bindata/network/multus/multus.yaml."""


def thick(
    config: Mapping[str, Any],
    *,
    image: str = "ghcr.io/k8snetworkplumbingwg/multus-cni:v4.3.0-thick",
    namespace: str = "kube-system",
    command: Sequence[str] = ("/usr/src/multus-cni/bin/multus-daemon",),
    args: Sequence[str] = (),
    mounts: Mapping[str, str] | None = None,
) -> list[Body]:
    """The DaemonSet and its ConfigMap. `mounts` are directories of the host by their path in the container."""
    host = mounts or {"/host/etc/cni/net.d": "/etc/cni/net.d", "/var/lib/cni/multus": "/var/lib/cni/multus"}
    maps = [("multus-daemon-config", {"daemon-config.json": json.dumps(config)})]
    return _multus("kube-multus-ds", namespace, image, command, args, host, maps)


def thin(*args: str, conf: Mapping[str, Any] | None = None) -> list[Body]:
    maps = [("multus-cni-config", {"cni-conf.json": json.dumps(conf)})] if conf is not None else []
    host = {"/host/etc/cni/net.d": "/etc/cni/net.d", "/host/opt/cni/bin": "/opt/cni/bin"}
    image = "rancher/hardened-multus-cni:v4.2.2-build20251022"
    return _multus("multus", "kube-system", image, ["/thin_entrypoint"], args, host, maps)


def workload(kind: str, name: str, image: str, *command: str) -> Body:
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"template": {"spec": {"containers": [{"image": image, "command": list(command)}]}}},
    }


def node(**info: str) -> Body:
    return {"kind": "Node", "metadata": {"name": "n", "labels": {}}, "spec": {}, "status": {"nodeInfo": info}}


def namespace(name: str, **labels: str) -> Body:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def network(name: str, namespace: str = "default", **config: Any) -> Body:
    return {
        "apiVersion": "k8s.cni.cncf.io/v1",
        "kind": "NetworkAttachmentDefinition",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"config": json.dumps({"cniVersion": "1.0.0", **config})},
    }


def bridge(name: str, namespace: str = "default", **keys: Any) -> Body:
    """One without a finding."""
    ipam = {"type": "host-local", "subnet": "10.0.3.0/24"}
    return network(name, namespace, **{"type": "bridge", "bridge": f"br-{namespace}", "ipam": ipam, **keys})


def _multus(
    name: str,
    namespace: str,
    image: str,
    command: Sequence[str],
    args: Sequence[str],
    host: Mapping[str, str],
    maps: Sequence[tuple[str, Mapping[str, str]]],
) -> list[Body]:
    volumes = [{"name": f"v{index}", "hostPath": {"path": path}} for index, path in enumerate(host.values())]
    mounts = [{"name": f"v{index}", "mountPath": path} for index, path in enumerate(host)]
    container = {"image": image, "command": list(command), "args": list(args), "volumeMounts": mounts}
    spec = {
        "containers": [container],
        "volumes": [*volumes, *({"configMap": {"name": each}} for each, _ in maps)],
    }
    metadata = {"name": name, "namespace": namespace}
    return [
        {"kind": "DaemonSet", "metadata": metadata, "spec": {"template": {"spec": spec}}},
        *(
            {"kind": "ConfigMap", "metadata": {"name": each, "namespace": namespace}, "data": dict(data)}
            for each, data in maps
        ),
    ]

"""Tenants: accounts with `edit` rights and networks of their own in one namespace, and what their cluster's owner has there."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.lab.cluster import Cluster
from e2e.lab.control import PKI
from e2e.objects import created, wait_webhooks

BASELINE, LABELLED, RESTRICTED = "tenant-baseline", "tenant-labelled", "tenant-restricted"
"""Their namespaces: at the default level, the same with Pod Security at baseline, and restricted by an entry of the settings."""

VICTIM = "neighbour"
"""A namespace of somebody else."""

LABELS: Mapping[str, Mapping[str, str]] = {
    BASELINE: {},
    LABELLED: {"pod-security.kubernetes.io/enforce": "baseline"},
    RESTRICTED: {},
}

SETTINGS = f"""\
namespaceIsolation: true
policy:
  namespaces:
    - match: [{RESTRICTED}]
      level: restricted
      plugins: [macvlan, bridge, tuning]
      ipam: [host-local, static]
      masters: [eth1]
      bridges: [br-t-*]
      subnets: [10.50.0.0/16]
      sysctls: [net.ipv4.conf.IFNAME.arp_filter]
"""

_API = "https://127.0.0.1:6443"
_ACCOUNT = "tenant"
_RBAC = "rbac.authorization.k8s.io"
_REASON = "FailedAttachment"


@dataclass(frozen=True)
class Tenant:
    """A service account; `kubeconfig` has its token."""

    cluster: Cluster
    namespace: str
    kubeconfig: Path

    def kubectl(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        """As the tenant; the caller looks at the exit status."""
        identity = ("--kubeconfig", self.kubeconfig, "--namespace", self.namespace)
        return self.cluster.kubectl(*identity, *words, input=text, check=False)

    def create(self, *bodies: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        return self.kubectl("create", "-f", "-", text="\n---\n".join(map(json.dumps, bodies)))

    def created(self, *bodies: Mapping[str, Any]) -> str:
        """What kubectl prints for objects that are accepted, with warnings."""
        done = self.create(*bodies)
        assert 0 == done.returncode, done.stderr
        return done.stdout + done.stderr

    def patch(self, kind: str, name: str, body: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
        return self.kubectl("patch", kind, name, "--type=merge", f"--patch={json.dumps(body)}")


@contextlib.contextmanager
def tenants(cluster: Cluster, folder: Path) -> Iterator[dict[str, Tenant]]:
    """One for each namespace, which is deleted afterwards."""
    try:
        for namespace, labels in LABELS.items():
            created(cluster, *_namespace(namespace, labels))
        for namespace in LABELS:
            wait_for_account(cluster, namespace)
        yield {namespace: _tenant(cluster, namespace, folder) for namespace in LABELS}
    finally:
        for namespace in LABELS:
            _delete_contents(cluster, namespace)
        cluster.kubectl("delete", "namespaces", *LABELS, "--ignore-not-found", "--timeout=120s")


def _delete_contents(cluster: Cluster, namespace: str) -> None:
    """Also of networks that a finalizer holds."""
    for body in cluster.objects("network-attachment-definitions", "--namespace", namespace):
        if body["metadata"].get("finalizers"):
            words = (body["metadata"]["name"], "--namespace", namespace, "--type=merge")
            cluster.kubectl("patch", "nad", *words, '--patch={"metadata": {"finalizers": null}}')
    cluster.kubectl("delete", "pods", "--all", "--namespace", namespace)


def wait_for_account(cluster: Cluster, namespace: str) -> None:
    """A new namespace gets the account of its pods a moment later."""
    cluster.eventually(
        lambda: cluster.exists("serviceaccount", "default", namespace), f"the account of {namespace}"
    )


def _namespace(name: str, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """With the account, the built-in role `edit`, and all verbs for networks."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}
    metadata = {"name": _ACCOUNT, "namespace": name}
    networks = {
        "apiGroups": ["k8s.cni.cncf.io"],
        "resources": ["network-attachment-definitions"],
        "verbs": ["*"],
    }
    yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}
    yield {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": metadata, "rules": [networks]}
    for kind, role in (("ClusterRole", "edit"), ("Role", _ACCOUNT)):
        yield {
            "apiVersion": f"{_RBAC}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": f"{_ACCOUNT}-{role}", "namespace": name},
            "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": role},
            "subjects": [{"kind": "ServiceAccount", **metadata}],
        }


def _tenant(cluster: Cluster, namespace: str, folder: Path) -> Tenant:
    words = ("create", "token", _ACCOUNT, "--namespace", namespace, "--duration=2h")
    token = cluster.kubectl(*words).stdout.strip()
    file = folder / f"{namespace}.kubeconfig"
    access = {"server": _API, "certificate-authority": str(PKI / "ca.crt")}
    file.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": _ACCOUNT,
                "contexts": [{"name": _ACCOUNT, "context": {"cluster": "lab", "user": _ACCOUNT}}],
                "clusters": [{"name": "lab", "cluster": access}],
                "users": [{"name": _ACCOUNT, "user": {"token": token}}],
            }
        )
    )
    file.chmod(0o600)
    return Tenant(cluster, namespace, file)


@contextlib.contextmanager
def settings(cluster: Cluster, text: str) -> Iterator[None]:
    """In force in all programs meanwhile."""
    cluster.set_settings(text)
    try:
        yield
    finally:
        cluster.set_settings("")


@contextlib.contextmanager
def without_webhooks(cluster: Cluster, probe: Mapping[str, Any]) -> Iterator[None]:
    """Deletes their configuration until the end of the block; `probe` is an object that they refuse."""
    cluster.kubectl("delete", "validatingwebhookconfiguration", "netattach")
    try:
        words = ("create", "--dry-run=server", "-f", "-")
        cluster.eventually(
            lambda: cluster.kubectl(*words, input=json.dumps(probe), check=False).returncode == 0,
            "no webhook is asked",
        )
        yield
    finally:
        cluster.install()
        wait_webhooks(cluster)


def failures(cluster: Cluster, namespaces: Sequence[str]) -> dict[tuple[str, str], str]:
    """The daemons' events that pods were not attached: messages by namespace and pod."""
    found: dict[tuple[str, str], str] = {}
    for namespace in namespaces:
        for event in cluster.objects(
            "events", "--namespace", namespace, f"--field-selector=reason={_REASON}"
        ):
            key = (namespace, event["involvedObject"]["name"])
            found[key] = f"{found.get(key, '')}{event['message']}\n"
    return found

"""The operator's settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netattach_kube import environment as variables


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field but `api_server` is set by the variable NETATTACH_ and its name in capitals, `kubeconfig` by KUBECONFIG."""

    namespace: str = "netattach-system"
    """The namespace of the operator, its Lease, the webhooks' Service and the Secrets."""

    lease: str = "netattach-operator"
    """The name of the Lease: whoever holds it is the leader."""

    identity: str = ""
    """The holder in the Lease; by default the host name, which in a pod is the pod's name."""

    crds: Path = Path("/opt/netattach/crds")
    """The directory of the custom resource definitions that the operator applies."""

    health: str = "0.0.0.0:8081"
    """The address of probes, and of metrics without `metrics`."""

    metrics: str = ""
    """The address that serves metrics over TLS to clients that may read them; empty: `health` serves them, to everybody."""

    metrics_tls: Path | None = None
    """A directory with the certificate for it, tls.crt and tls.key; without it, a self-signed one is created at each start."""

    service: str = "netattach-webhooks"
    """The webhooks' Service; its names are in the certificate."""

    ca_secret: str = "netattach-ca"  # noqa: S105  # a name, no secret
    """The Secret of the CA."""

    tls_secret: str = "netattach-webhooks-tls"  # noqa: S105  # a name, no secret
    """The Secret of the webhooks' certificate."""

    webhooks: str = "netattach"
    """The ValidatingWebhookConfiguration into which the operator writes the CA."""

    mutating_webhooks: str = "pods.netattach.io"
    """The MutatingWebhookConfiguration into which the operator writes the CA."""

    kubeconfig: Path | None = None
    """For a process outside of the cluster."""

    api_server: str = ""
    """The URL of the API server for a pod, with its address, so that the operator does not need the cluster's DNS."""

    @property
    def names(self) -> tuple[str, ...]:
        """The DNS names in the webhooks' certificate; API servers use the first one."""
        within = f"{self.service}.{self.namespace}"
        return f"{within}.svc", f"{within}.svc.cluster.local", within, self.service


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    settings = variables.read(
        Settings,
        environment,
        named={"kubeconfig": "KUBECONFIG", "api_server": ""},
        identity=platform.node(),
        api_server=_api_server(host, port) if host and port else "",
    )
    variables.check_address("NETATTACH_HEALTH", settings.health)
    variables.check_address("NETATTACH_METRICS", settings.metrics, optional=True)
    return settings


def _api_server(host: str, port: str) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

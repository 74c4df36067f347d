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
    """Each field but the last two is set by the variable NETATTACH_ plus its name in capitals.

    `identity` is the holder in the Lease, by default the host name, which in a pod is the pod's name.
    """

    namespace: str = "netattach-system"
    lease: str = "netattach-operator"
    identity: str = ""
    crds: Path = Path("/opt/netattach/crds")
    health: str = "0.0.0.0:8081"
    service: str = "netattach-webhooks"
    ca_secret: str = "netattach-ca"  # noqa: S105  # a name, no secret
    tls_secret: str = "netattach-webhooks-tls"  # noqa: S105  # a name, no secret
    webhooks: str = "netattach"
    kubeconfig: Path | None = None
    """For a process outside of the cluster; from KUBECONFIG."""

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
    return settings


def _api_server(host: str, port: str) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

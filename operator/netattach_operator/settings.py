"""The operator's settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netattach_kube import environment as environment_settings


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field can be set by the variable NETATTACH_ and its name in capitals.

    `identity` is what the Lease names; in a pod the host's name is the pod's.
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
    """Where we do not run in a pod; from KUBECONFIG, as everywhere."""

    api_server: str = ""
    """The API server as a pod sees it: by its address, so that nothing waits for the cluster's DNS."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the webhooks' certificate is for. API servers ask for the first one."""
        within = f"{self.service}.{self.namespace}"
        return f"{within}.svc", f"{within}.svc.cluster.local", within, self.service


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    read = environment_settings.read(
        Settings,
        environment,
        named={"kubeconfig": "KUBECONFIG", "api_server": ""},
        identity=platform.node(),
        api_server=_api_server(host, port) if host and port else "",
    )
    environment_settings.check_address("NETATTACH_HEALTH", read.health)
    return read


def _api_server(host: str, port: str) -> str:
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"

"""The operator's settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


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
    values: dict[str, str | Path] = {"identity": platform.node()}
    for name in (
        "namespace",
        "lease",
        "identity",
        "health",
        "service",
        "ca_secret",
        "tls_secret",
        "webhooks",
    ):
        text = environment.get(f"NETATTACH_{name.upper()}")
        if text:
            values[name] = text
    for name, variable in (("crds", "NETATTACH_CRDS"), ("kubeconfig", "KUBECONFIG")):
        if environment.get(variable):
            values[name] = Path(environment[variable])
    host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
    if host and port:
        values["api_server"] = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    read = Settings(**values)  # type: ignore[arg-type]  # each was given what its field takes
    _check_address(read.health)
    return read


def _check_address(text: str) -> None:
    host, colon, port = text.rpartition(":")
    if (
        not colon
        or not port.isdecimal()
        or not 0 <= int(port) < 2**16
        or (":" in host and not host.startswith("["))
    ):
        raise ValueError(
            f"NETATTACH_HEALTH is {text!r}; it has to be an address and a port, as in 0.0.0.0:8081"
        )

"""The webhooks' settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netattach_kube import environment as environment_settings

_MAX_DRAIN = 600


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field is set by the variable NETATTACH_ and its name in capitals, `kubeconfig` by KUBECONFIG."""

    listen: str = "0.0.0.0:8443"
    """The address that serves the API servers' requests, with TLS."""

    health: str = "0.0.0.0:8081"
    """The address of probes, and of metrics without `metrics`."""

    namespace: str = "netattach-system"
    """The namespace of the Secret."""

    tls_secret: str = "netattach-webhooks-tls"  # noqa: S105  # a name, no secret
    """The Secret with the certificate to serve; a new one is served without a restart."""

    client_ca: Path | None = None
    """A file with CA certificates in PEM; then only clients with a certificate that one of them signed are served."""

    client_names: str = ""
    """The common names or subject alternative names that such a certificate may have, separated by commas; empty: any."""

    drain: float = 5.0
    """Seconds to continue serving after SIGTERM: API servers send requests until every node has removed this endpoint."""

    kubeconfig: Path | None = None
    """For a process outside of the cluster."""

    metrics: str = ""
    """The address that serves metrics over TLS to clients that may read them; empty: `health` serves them, to everybody."""

    metrics_tls: Path | None = None
    """A directory with the certificate for it, tls.crt and tls.key; without it, a self-signed one is created at each start."""

    def names_of_clients(self) -> frozenset[str]:
        """The names in `client_names`."""
        return frozenset(filter(None, map(str.strip, self.client_names.split(","))))


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    settings = environment_settings.read(Settings, environment, named={"kubeconfig": "KUBECONFIG"})
    if settings.drain > _MAX_DRAIN:
        raise ValueError(
            f"NETATTACH_DRAIN is {settings.drain:g}; it has to be a number of seconds, at most {_MAX_DRAIN}"
        )
    if settings.client_names and settings.client_ca is None:
        raise ValueError(
            "NETATTACH_CLIENT_NAMES has no effect without NETATTACH_CLIENT_CA; set both, or neither"
        )
    environment_settings.check_address("NETATTACH_LISTEN", settings.listen)
    environment_settings.check_address("NETATTACH_HEALTH", settings.health)
    environment_settings.check_address("NETATTACH_METRICS", settings.metrics, optional=True)
    return settings

"""The webhooks' settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netattach_kube import environment as environment_settings

_LONGEST_DRAIN = 600


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field can be set by the variable NETATTACH_ and its name in capitals."""

    listen: str = "0.0.0.0:8443"
    health: str = "0.0.0.0:8081"
    namespace: str = "netattach-system"
    tls_secret: str = "netattach-webhooks-tls"  # noqa: S105  # a name, no secret
    drain: float = 5.0
    """Seconds that we go on serving after SIGTERM: API servers send here until every node knows that we are leaving."""

    kubeconfig: Path | None = None
    """Where we do not run in a pod; from KUBECONFIG, as everywhere."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    read = environment_settings.read(Settings, environment, named={"kubeconfig": "KUBECONFIG"})
    if read.drain > _LONGEST_DRAIN:
        raise ValueError(
            f"NETATTACH_DRAIN is {read.drain:g}; it has to be a number of seconds, at most {_LONGEST_DRAIN}"
        )
    environment_settings.check_address("NETATTACH_LISTEN", read.listen)
    environment_settings.check_address("NETATTACH_HEALTH", read.health)
    return read

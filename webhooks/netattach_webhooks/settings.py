"""The webhooks' settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


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
    values: dict[str, str | float | Path] = {}
    for name in ("listen", "health", "namespace", "tls_secret"):
        text = environment.get(f"NETATTACH_{name.upper()}")
        if text:
            values[name] = text
    if environment.get("NETATTACH_DRAIN"):
        values["drain"] = _seconds("NETATTACH_DRAIN", environment["NETATTACH_DRAIN"])
    if environment.get("KUBECONFIG"):
        values["kubeconfig"] = Path(environment["KUBECONFIG"])
    read = Settings(**values)  # type: ignore[arg-type]  # each was given what its field takes
    _check_address("NETATTACH_LISTEN", read.listen)
    _check_address("NETATTACH_HEALTH", read.health)
    return read


def _seconds(variable: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= 600:
        raise ValueError(f"{variable} is {text!r}; it has to be a number of seconds, at most 600")
    return seconds


def _check_address(variable: str, text: str) -> None:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not 0 <= int(port) < 2**16 or (":" in host and not host.startswith("[")):
        raise ValueError(f"{variable} is {text!r}; it has to be an address and a port, as in 0.0.0.0:8443")

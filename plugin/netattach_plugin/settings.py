"""The daemon's settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field can be set by the variable NETATTACH_ and its name in capitals. Times are in seconds.

    With a `store` (a directory of JSON files) there is no cluster, and none of what only concerns one: `shim`, which is copied to
    `bin_dir`, `config`, the cluster's settings, `health`, where probes ask (host:port), `namespace` and `daemon_set`, which are
    our own, and `kubeconfig`, in place of the pod's own access.
    """

    socket: Path = Path("/run/netattach/cni.sock")
    ledger: Path = Path("/var/lib/cni/netattach")
    conf_dir: Path = Path("/etc/cni/net.d")
    bin_dir: Path = Path("/opt/cni/bin")
    store: Path | None = None
    shim: Path = Path("/opt/netattach/shim/netattach")
    config: Path = Path("/etc/netattach/config.yaml")
    kubeconfig: Path | None = None
    health: str = "127.0.0.1:9690"
    namespace: str = "netattach-node"
    daemon_set: str = "netattach-daemon"
    node: str = ""
    plugin_deadline: float = 120.0
    status_wait: float = 2.0
    drain: float = 10.0


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    values: dict[str, Path | str | float] = {"node": platform.node()}
    for name, default in ((f, getattr(Settings(), f)) for f in Settings.__slots__):
        text = environment.get(f"NETATTACH_{name.upper()}")
        if text:
            values[name] = _converted(name, text, Path if default is None else type(default))
    return Settings(**values)  # type: ignore[arg-type]  # each was converted to its own field's type


def _converted(name: str, text: str, kind: type) -> Path | str | float:
    if kind is float:
        try:
            return float(text)
        except ValueError as error:
            raise ValueError(
                f"NETATTACH_{name.upper()} is {text!r}; it has to be a number of seconds"
            ) from error
    return text if kind is str else Path(text)

"""The daemon's settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netattach_kube.environment import read


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field can be set by the variable NETATTACH_ and its name in capitals. Times are in seconds.

    With a `store` (a directory of JSON files) there is no cluster, and none of what only concerns one: `shim`, which is copied to
    `bin_dir`, `config`, the cluster's settings, `health`, where probes ask (host:port), `namespace` and `daemon_set`, which are
    our own, and `kubeconfig`, in place of the pod's own access. `multus` (its `cniDir`) and `libcni` are the caches of those who
    attached pods before us, `dhcp` the socket of the dhcp plugin's daemon.

    A call that waits for its turn longer than `call_deadline` fails, so that it may come again; `calls_at_once` act at a time. A
    sandbox whose namespace has been gone for `sweep_after` is detached without a call of the runtime. `leases` is where
    host-local keeps its own.
    """

    socket: Path = Path("/run/netattach/cni.sock")
    ledger: Path = Path("/var/lib/cni/netattach")
    multus: Path = Path("/var/lib/cni/multus")
    libcni: Path = Path("/var/lib/cni")
    conf_dir: Path = Path("/etc/cni/net.d")
    bin_dir: Path = Path("/opt/cni/bin")
    dhcp: Path = Path("/run/cni/dhcp.sock")
    pod_resources: Path = Path("/var/lib/kubelet/pod-resources/kubelet.sock")
    device_info: Path = Path("/var/run/k8s.cni.cncf.io/devinfo")
    store: Path | None = None
    shim: Path = Path("/opt/netattach/shim/netattach")
    config: Path = Path("/etc/netattach/config.yaml")
    kubeconfig: Path | None = None
    health: str = "127.0.0.1:9690"
    namespace: str = "netattach-node"
    daemon_set: str = "netattach-daemon"
    node: str = ""
    plugin_deadline: float = 120.0
    call_deadline: float = 200.0
    calls_at_once: int = 64
    sweep_after: float = 600.0
    leases: Path = Path("/var/lib/cni/networks")
    status_wait: float = 2.0
    drain: float = 10.0


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    return read(Settings, environment, node=platform.node())

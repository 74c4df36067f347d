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

    `config` is the file with the cluster's settings. With a `store` (a directory of JSON files) there is no cluster: without
    that file there is no policy then, and these settings are not used: `shim`, the file that is copied to `bin_dir`;
    `plugins`, the directory of the reference plugins that are copied there; `health`, the address for probes (host:port);
    `namespace` and `daemon_set`, those of this daemon; and `kubeconfig`, instead of the pod's service account.
    `multus` (its `cniDir`) and `libcni` are the caches of Multus and of the runtime, `dhcp` is the socket of the dhcp
    plugin's daemon, `leases` the directory of host-local's leases, `tuning` that of the list of sysctls that
    tuning may set.

    A call that is queued longer than `call_deadline` fails, and the runtime may retry it; `calls_at_once` run at a
    time. A sandbox is detached without a call of the runtime once its network namespace has been gone for
    `sweep_after`.
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
    plugins: Path = Path("/opt/netattach/cni-plugins")
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
    tuning: Path = Path("/etc/cni/tuning")
    status_wait: float = 2.0
    drain: float = 10.0


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    return read(Settings, environment, node=platform.node())

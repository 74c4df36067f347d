"""The daemon's settings: the only place that reads the environment, once, at the start."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from netattach_kube import environment as variables


@dataclass(frozen=True, slots=True)
class Settings:
    """Each field can be set by the variable NETATTACH_ and its name in capitals. Times are in seconds."""

    socket: Path = Path("/run/netattach/cni.sock")
    """The socket at which the shim calls the daemon."""

    ledger: Path = Path("/var/lib/cni/netattach")
    """The ledger: a file for each sandbox, with what has to be released."""

    multus: Path = Path("/var/lib/cni/multus")
    """Multus' cache, its `cniDir`: what its pods hold, and what Multus needs to release ours."""

    libcni: Path = Path("/var/lib/cni")
    """The runtime's cache of CNI results; `results` is below it."""

    conf_dir: Path = Path("/etc/cni/net.d")
    """The runtime's directory of CNI configs."""

    bin_dir: tuple[Path, ...] = (Path("/opt/cni/bin"),)
    """The directories of the CNI plugins, separated by colons; the shim is in the first. Those that the runtime names in its
    calls are added.
    """

    dhcp: Path = Path("/run/cni/dhcp.sock")
    """The socket of the dhcp plugin's daemon."""

    pod_resources: Path = Path("/var/lib/kubelet/pod-resources/kubelet.sock")
    """The socket at which the kubelet reports the devices of pods."""

    device_info: Path = Path("/var/run/k8s.cni.cncf.io/devinfo")
    """The directory of the device info files."""

    store: Path | None = None
    """A directory of JSON files instead of a cluster, for the demo and for tests. Without the file `config` there is no
    policy then; `shim`, `plugins`, `health`, `namespace`, `daemon_set` and `kubeconfig` have no effect.
    """

    shim: Path = Path("/opt/netattach/shim/netattach")
    """The file that is copied to the first `bin_dir`."""

    plugins: Path = Path("/opt/netattach/cni-plugins")
    """The directory of the reference plugins that are copied to the first `bin_dir`, where the node lacks them."""

    config: Path = Path("/etc/netattach/config.yaml")
    """The file with the cluster's settings."""

    kubeconfig: Path | None = None
    """For a process outside of the cluster; by default the pod's service account."""

    health: str = "127.0.0.1:9690"
    """The address of probes, and of metrics without `metrics`."""

    metrics: str = ""
    """The address that serves metrics over TLS to clients that may read them; empty: `health` serves them, to everybody."""

    metrics_tls: Path | None = None
    """A directory with the certificate for it, tls.crt and tls.key; without it, a self-signed one is created at each start."""

    namespace: str = "netattach-node"
    """The namespace of the daemon and of the settings."""

    daemon_set: str = "netattach-daemon"
    """The DaemonSet, whose deletion is an uninstall."""

    node: str = ""
    """The name of the node; by default the host name."""

    plugin_deadline: float = 120.0
    """Seconds that a plugin may take."""

    call_deadline: float = 200.0
    """Seconds that a call may be queued; then it fails, and the runtime may retry it."""

    calls_at_once: int = 64
    """The number of calls that run at a time."""

    sweep_after: float = 600.0
    """A sandbox is detached without a call of the runtime once its network namespace has been gone for so many seconds."""

    leases: Path = Path("/var/lib/cni/networks")
    """The directory of host-local's leases."""

    tuning: Path = Path("/etc/cni/tuning")
    """The directory of the list of sysctls that tuning may set."""

    status_wait: float = 2.0
    """Seconds that an ADD waits for its network-status to be written; it is written later otherwise."""

    drain: float = 10.0
    """Seconds that calls in progress may take after SIGTERM."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, which names the variable."""
    settings = variables.read(Settings, environment, node=platform.node())
    variables.check_address("NETATTACH_METRICS", settings.metrics, optional=True)
    return settings

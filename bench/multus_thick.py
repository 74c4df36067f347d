"""Runs Multus' thick daemon on node1 of a running cluster, from its own binaries: a process without its manifest's limits."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from e2e.lab.cluster import Cluster
from e2e.lab.places import API_ADDRESS, KUBECONFIG, WORK

_NODE = "node1"
_FOLDER = WORK / "multus"
_CONF = "/etc/cni/net.d/00-multus.conf"
_CONFIGURATION = {
    "cniVersion": "1.0.0",
    "logLevel": "error",
    "logToStderr": True,
    "cniConfigDir": "/etc/cni/net.d",
    "multusAutoconfigDir": "/etc/cni/net.d",
    "multusConfigFile": "auto",
    "socketDir": "/run/multus/",
}
"""That of its manifest, with the paths of a process in the node's own mounts, and without a log line for each step."""

_RUN = """
mkdir -p /run/multus /run/secrets/kubernetes.io/serviceaccount
cp {folder}/token {folder}/ca.crt /run/secrets/kubernetes.io/serviceaccount/
KUBERNETES_SERVICE_HOST={api} KUBERNETES_SERVICE_PORT=6443 MULTUS_NODE_NAME={node} PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    setsid {folder}/multus-daemon -config {folder}/daemon.json >{folder}/log 2>&1 </dev/null &
echo $! >/run/multus/pid
"""


@dataclass(frozen=True)
class Binaries:
    """Multus' own programs, built from its tree."""

    daemon: Path
    shim: Path


@contextlib.contextmanager
def installed(cluster: Cluster, binaries: Binaries) -> Iterator[None]:
    """It is the node's CNI config until the end of the block."""
    node = cluster.node(_NODE)
    _FOLDER.mkdir(exist_ok=True)
    for binary, name in ((binaries.daemon, "multus-daemon"), (binaries.shim, "multus-shim")):
        (_FOLDER / name).unlink(missing_ok=True)  # the daemon of the run before may not have ended yet
        shutil.copy(binary, _FOLDER / name)
    (_FOLDER / "daemon.json").write_text(json.dumps(_CONFIGURATION))
    access = json.loads(KUBECONFIG.read_text())
    (_FOLDER / "token").write_text(access["users"][0]["user"]["token"])
    shutil.copy(access["clusters"][0]["cluster"]["certificate-authority"], _FOLDER / "ca.crt")
    folder = shlex.quote(str(_FOLDER))
    node.sh(f"cp {folder}/multus-shim /opt/cni/bin/multus-shim")
    node.sh(_RUN.format(folder=folder, api=API_ADDRESS, node=_NODE))
    try:
        cluster.eventually(lambda: node.result(f"test -e {_CONF}").returncode == 0, "Multus' CNI config")
        yield
    finally:
        with contextlib.suppress(subprocess.SubprocessError):
            node.result(f"rm -f {_CONF}; kill $(cat /run/multus/pid); rm -f /opt/cni/bin/multus-shim")
            node.result("rm -rf /run/multus /run/secrets/kubernetes.io /var/lib/cni/multus")

"""A node made of namespaces: it changes nothing on the machine outside of them, and is removed together with them.

    world (namespace)            node (namespace)
      up0  172.30.0.1  ────────  eth0  172.30.0.11   carries the default route, and so the default network
      lan0 10.0.3.1    ────────  eth1  10.0.3.11     the second NIC, which is free

Root needs a network and a mount namespace; other users also a user namespace. The node has its own /run, and its own
/var/lib/cni, where plugins keep leases and the daemon its ledger.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from netattach_core.cni import netattach_conf

DEFAULT_NIC, SECOND_NIC = "eth0", "eth1"

_SOCKET = "/run/netattach/cni.sock"
_READY_SECONDS = 20.0

DEFAULT_NETWORK = (
    '{"cniVersion":"1.0.0","name":"cbr0","plugins":[{"type":"bridge","bridge":"cbr0","isGateway":true,"hairpinMode":true,'
    '"ipam":{"type":"host-local","subnet":"10.244.1.0/24","routes":[{"dst":"0.0.0.0/0"}]}}]}'
)

_ADD_NICS = """
ip link set lo up
ip netns add world
ip -n world link set lo up
add_nic() {  # add_nic NAME SWITCH GATEWAY ADDRESS
    ip -n world link add "$2" type bridge
    ip -n world addr add "$3/24" dev "$2"
    ip -n world link set "$2" up
    ip link add "$1" type veth peer name "to-$2" netns world
    ip -n world link set "to-$2" master "$2" up
    ip addr add "$4/24" dev "$1"
    ip link set "$1" up
}
add_nic eth0 up0 172.30.0.1 172.30.0.11
add_nic "$SECOND_NIC" lan0 10.0.3.1 10.0.3.11
ip route add default via 172.30.0.1
"""


class DemoNodeError(Exception):
    """This machine cannot run the demo node; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class NodePaths:
    """The files of a demo node: all below `root`, a temporary directory of the caller; plugins and shim come from elsewhere."""

    root: Path
    plugins: Path
    shim: Path

    @property
    def bin_dir(self) -> Path:
        return self.root / "opt-cni-bin"

    @property
    def conf_dir(self) -> Path:
        return self.root / "etc-cni-net.d"

    @property
    def var_lib_cni(self) -> Path:
        return self.root / "var-lib-cni"

    @property
    def store(self) -> Path:
        return self.root / "store"

    @property
    def ledger(self) -> Path:
        return self.var_lib_cni / "netattach"

    @property
    def kubelet(self) -> Path:
        """The kubelet's socket for pod resources; a demo node has no kubelet."""
        return self.root / "kubelet.sock"

    @property
    def device_info(self) -> Path:
        return self.root / "devinfo"

    @property
    def leases(self) -> Path:
        return self.var_lib_cni / "networks"

    @property
    def config(self) -> Path:
        """The cluster's settings; a demo node has none."""
        return self.root / "config.yaml"

    def sandbox_files(self) -> list[str]:
        """Files about sandboxes: ledger entries, compiled DELs, the shim's entries of pods without secondary networks."""
        kept = ("*.json", "*.tmp", "chains/plain/*", "chains/del/*", "chains/*/.*")
        return sorted(path.name for pattern in kept for path in self.ledger.glob(pattern))


class DemoNode:
    """A node that is set up; `run` runs commands on it."""

    def __init__(self, paths: NodePaths, holder: int, *, own_user_namespace: bool) -> None:
        self.paths = paths
        self._enter = ["nsenter", "--mount", "--net", "--root", "--wd", f"--target={holder}"]
        if own_user_namespace:
            self._enter += ["--user", "--preserve-credentials"]

    def command(self, *arguments: str | Path) -> list[str]:
        """The command line that runs this command on the node."""
        return [*self._enter, "--", *map(str, arguments)]

    def run(
        self,
        *arguments: str | Path,
        env: Mapping[str, str] | None = None,
        stdin: str = "",
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on the node. Raises DemoNodeError if it fails and `check` is set."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise DemoNodeError(
                f"{shlex.join(map(str, arguments))}: {done.stderr.strip() or done.stdout.strip()}"
            )
        return done

    @property
    def inventory(self) -> Path:
        """The inventory that the daemon reports of this node."""
        return self.paths.store / "nodes" / "node1.json"

    def daemon_environment(self) -> dict[str, str]:
        paths = self.paths
        return {
            "NETATTACH_SOCKET": _SOCKET,
            "NETATTACH_LEDGER": "/var/lib/cni/netattach",
            "NETATTACH_CONF_DIR": str(paths.conf_dir),
            "NETATTACH_BIN_DIR": str(paths.bin_dir),
            "NETATTACH_POD_RESOURCES": str(paths.kubelet),
            "NETATTACH_DEVICE_INFO": str(paths.device_info),
            "NETATTACH_CONFIG": str(paths.config),
            "NETATTACH_STORE": str(paths.store),
            "NETATTACH_NODE": "node1",
        }

    @contextlib.contextmanager
    def daemon(self, *setpriv: str) -> Iterator[subprocess.Popen[bytes]]:
        """Runs the daemon; the block begins when it serves and has reported its inventory. Its log is `daemon.log`.

        With more options of setpriv, which reduce its privileges.
        """
        with (self.paths.root / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                self.command(
                    "setpriv", "--pdeathsig=KILL", *setpriv, sys.executable, "-m", "netattach_plugin"
                ),
                env={**os.environ, **self.daemon_environment()},
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        try:
            self._wait_until_ready(process)
            yield process
        finally:
            process.terminate()
            process.wait()

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        """The socket is in the node's own /run, which only the daemon's root directory in /proc shows."""
        expected = [Path(f"/proc/{process.pid}/root{_SOCKET}"), self.inventory]
        deadline = time.monotonic() + _READY_SECONDS
        while not all(path.exists() for path in expected):
            if process.poll() is not None or time.monotonic() > deadline:
                log = (self.paths.root / "daemon.log").read_text()
                raise DemoNodeError(f"the daemon does not start; its log:\n{log}")
            time.sleep(0.01)


@contextlib.contextmanager
def build(paths: NodePaths, second_nic: str = SECOND_NIC) -> Iterator[DemoNode]:
    """A node with two NICs, plugins, a default network, and netattach's conflist before it; removed at the end of the block.

    Raises DemoNodeError if the machine does not allow it.
    """
    _create_files(paths)
    unprivileged = os.geteuid() != 0
    with _holder(unprivileged=unprivileged) as holder:
        node = DemoNode(paths, holder, own_user_namespace=unprivileged)
        for line in _mounts(paths):
            node.run(*shlex.split(line))
        node.run("sh", "-e", stdin=_ADD_NICS, env={"SECOND_NIC": second_nic})
        yield node


def _create_files(paths: NodePaths) -> None:
    for directory in (paths.bin_dir, paths.conf_dir, paths.var_lib_cni, paths.store):
        directory.mkdir(parents=True)
    for plugin in paths.plugins.iterdir():
        if plugin.is_file() and os.access(plugin, os.X_OK):
            (paths.bin_dir / plugin.name).symlink_to(plugin.resolve())
    (paths.bin_dir / netattach_conf.TYPE).symlink_to(paths.shim.resolve())
    (paths.conf_dir / netattach_conf.FILE_NAME).write_text(netattach_conf.text("1.0.0"))
    (paths.conf_dir / "10-default.conflist").write_text(DEFAULT_NETWORK)


def _mounts(paths: NodePaths) -> list[str]:
    mounts = ["mount -t tmpfs demo /run"]
    if not Path("/var/lib/cni").is_dir():
        mounts += ["mount -t tmpfs demo /var/lib", "mkdir /var/lib/cni"]
    return [*mounts, f"mount --bind {shlex.quote(str(paths.var_lib_cni))} /var/lib/cni"]


@contextlib.contextmanager
def _holder(*, unprivileged: bool) -> Iterator[int]:
    """A process that keeps the namespaces: `cat` reads a pipe from this process, and so exits whenever this one does."""
    options = ["--user", "--map-root-user"] if unprivileged else []
    holder = subprocess.Popen(
        ["unshare", "--mount", "--net", *options, "sh", "-c", "echo ready; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with holder:
        if holder.stdout is None or holder.stdout.readline() != "ready\n":
            refusal = holder.stderr.read().strip() if holder.stderr else ""
            raise DemoNodeError(f"this machine allows no new namespaces: {refusal}")
        try:
            yield holder.pid
        finally:
            holder.kill()

"""A node of its own, made of namespaces: nothing on the machine outside of them is touched, and all ends with them.

    world (namespace)            node (namespace)
      up0  172.30.0.1  ────────  eth0  172.30.0.11   carries the default route, and so the default network
      lan0 10.0.3.1    ────────  eth1  10.0.3.11     the spare card

Root needs a network and a mount namespace; anybody else a user namespace too. /run is the stage's own, and so is
/var/lib/cni, where plugins keep leases and we the ledger.
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

_SOCKET = "/run/netattach/cni.sock"
_READY_SECONDS = 20.0

DEFAULT_NETWORK = (
    '{"cniVersion":"1.0.0","name":"cbr0","plugins":[{"type":"bridge","bridge":"cbr0","isGateway":true,"hairpinMode":true,'
    '"ipam":{"type":"host-local","subnet":"10.244.1.0/24","routes":[{"dst":"0.0.0.0/0"}]}}]}'
)

_CARDS = """
ip link set lo up
ip netns add world
ip -n world link set lo up
card() {  # card NAME SWITCH GATEWAY ADDRESS
    ip -n world link add "$2" type bridge
    ip -n world addr add "$3/24" dev "$2"
    ip -n world link set "$2" up
    ip link add "$1" type veth peer name "to-$2" netns world
    ip -n world link set "to-$2" master "$2" up
    ip addr add "$4/24" dev "$1"
    ip link set "$1" up
}
card eth0 up0 172.30.0.1 172.30.0.11
card "$SPARE" lan0 10.0.3.1 10.0.3.11
ip route add default via 172.30.0.1
"""


class StageError(Exception):
    """The machine does not let us build a stage; the message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where a stage keeps what; all below one temporary directory that the caller owns."""

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
        """Where a kubelet would be asked for the devices of a pod; there is none on a stage."""
        return self.root / "kubelet.sock"

    @property
    def device_info(self) -> Path:
        return self.root / "devinfo"

    @property
    def leases(self) -> Path:
        return self.var_lib_cni / "networks"

    def of_sandboxes(self) -> list[str]:
        """What the daemon and the shim keep of sandboxes: entries of the ledger, their deletions, notes of plain pods."""
        kept = ("*.json", "*.tmp", "chains/plain/*", "chains/del/*", "chains/*/.*")
        return sorted(path.name for pattern in kept for path in self.ledger.glob(pattern))


class Stage:
    """A node that stands; commands are run on it with `run`."""

    def __init__(self, places: Places, holder: int, *, own_user_namespace: bool) -> None:
        self.places = places
        self._enter = ["nsenter", "--mount", "--net", "--root", "--wd", f"--target={holder}"]
        if own_user_namespace:
            self._enter += ["--user", "--preserve-credentials"]

    def command(self, *words: str | Path) -> list[str]:
        """The command as it is run on the node."""
        return [*self._enter, "--", *map(str, words)]

    def run(
        self, *words: str | Path, env: Mapping[str, str] | None = None, stdin: str = "", check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Runs a command on the node. Raises StageError where it fails and `check` is set."""
        done = subprocess.run(
            self.command(*words),
            input=stdin,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode:
            raise StageError(f"{shlex.join(map(str, words))}: {done.stderr.strip() or done.stdout.strip()}")
        return done

    @property
    def inventory(self) -> Path:
        """What the daemon has told of this node."""
        return self.places.store / "nodes" / "node1.json"

    def daemon_environment(self) -> dict[str, str]:
        places = self.places
        return {
            "NETATTACH_SOCKET": _SOCKET,
            "NETATTACH_LEDGER": "/var/lib/cni/netattach",
            "NETATTACH_CONF_DIR": str(places.conf_dir),
            "NETATTACH_BIN_DIR": str(places.bin_dir),
            "NETATTACH_POD_RESOURCES": str(places.kubelet),
            "NETATTACH_DEVICE_INFO": str(places.device_info),
            "NETATTACH_STORE": str(places.store),
            "NETATTACH_NODE": "node1",
        }

    @contextlib.contextmanager
    def daemon(self) -> Iterator[subprocess.Popen[bytes]]:
        """The daemon, from the moment when it serves and has told its inventory. Its log is `daemon.log`."""
        with (self.places.root / "daemon.log").open("ab") as log:
            process = subprocess.Popen(
                self.command("setpriv", "--pdeathsig=KILL", sys.executable, "-m", "netattach_plugin"),
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
        """The socket lies in the node's own /run, so the look has to go through the daemon's eyes."""
        awaited = [Path(f"/proc/{process.pid}/root{_SOCKET}"), self.inventory]
        give_up = time.monotonic() + _READY_SECONDS
        while not all(path.exists() for path in awaited):
            if process.poll() is not None or time.monotonic() > give_up:
                log = (self.places.root / "daemon.log").read_text()
                raise StageError(f"the daemon does not start; its log says:\n{log}")
            time.sleep(0.01)


@contextlib.contextmanager
def build(places: Places, spare: str = "eth1") -> Iterator[Stage]:
    """A node with two cards, plugins, our conf before the default network's; gone when the context is left.

    `spare` is the second card's name. Raises StageError where the machine refuses.
    """
    _lay_out(places)
    unprivileged = os.geteuid() != 0
    with _holder(unprivileged=unprivileged) as holder:
        stage = Stage(places, holder, own_user_namespace=unprivileged)
        for line in _mounts(places):
            stage.run(*shlex.split(line))
        stage.run("sh", "-e", stdin=_CARDS, env={"SPARE": spare})
        yield stage


def _lay_out(places: Places) -> None:
    for directory in (places.bin_dir, places.conf_dir, places.var_lib_cni, places.store):
        directory.mkdir(parents=True)
    for plugin in places.plugins.iterdir():
        if plugin.is_file() and os.access(plugin, os.X_OK):
            (places.bin_dir / plugin.name).symlink_to(plugin.resolve())
    (places.bin_dir / netattach_conf.TYPE).symlink_to(places.shim.resolve())
    (places.conf_dir / netattach_conf.FILE_NAME).write_text(netattach_conf.text("1.0.0"))
    (places.conf_dir / "10-default.conflist").write_text(DEFAULT_NETWORK)


def _mounts(places: Places) -> list[str]:
    mounts = ["mount -t tmpfs stage /run"]
    if not Path("/var/lib/cni").is_dir():
        mounts += ["mount -t tmpfs stage /var/lib", "mkdir /var/lib/cni"]
    return [*mounts, f"mount --bind {shlex.quote(str(places.var_lib_cni))} /var/lib/cni"]


@contextlib.contextmanager
def _holder(*, unprivileged: bool) -> Iterator[int]:
    """A process that holds the namespaces open: `cat` on a pipe of ours, which ends when we do, however we end."""
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
            raise StageError(f"this machine gives us no namespaces: {refusal}")
        try:
            yield holder.pid
        finally:
            holder.kill()

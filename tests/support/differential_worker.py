"""A test node: runs lists of the reference plugins, each in a new network namespace.

`differential.lab` starts it in separate namespaces. It reads one config per line of standard input, and writes one line: the
error of the plugins, or null. It cleans up after each config.

    eth0  the node's default route      eth1, eth2  more NICs, with an MTU of 1500
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from netattach_core.cni import config as cni_config
from netattach_core.errors import ConfigError

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
SECONDS = 20
IFNAME = "net1"

NICS = {"eth0": "far0", "eth1": "far1", "eth2": "far2"}
FIRST = """
link set lo up
link set eth0 up
link set far0 up
addr add 172.30.0.11/24 dev eth0
route add default via 172.30.0.1
"""
_libc = ctypes.CDLL(None, use_errno=True)


class Worker:
    """The node, with the plugins in `bin_dir`; `scratch` is a directory for their files."""

    def __init__(self, bin_dir: Path, scratch: Path) -> None:
        self._bin_dir = bin_dir
        self._scratch = scratch
        self._node = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._count = 0
        self._own_links = {*_links(), *NICS, *NICS.values()}
        _without_dad()
        self._restore()
        _ip(FIRST)

    def refusal(self, text: str) -> str | None:
        """The error of ADD for a pod with this network; None after a successful ADD and DEL."""
        try:
            network = cni_config.parse(text, "lab")
        except ConfigError as error:
            return f"daemon: {error}"
        self._count += 1
        pod = self._namespace()
        try:
            return self._attach(network, f"/proc/{os.getpid()}/fd/{pod}")
        finally:
            os.close(pod)
            self._restore()
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch.mkdir()

    def _attach(self, network: cni_config.NetworkConfig, netns: str) -> str | None:
        previous: str | None = None
        for plugin in network.plugins:
            stdin = cni_config.plugin_stdin(network, plugin, {}, {})
            done = self._run("ADD", plugin.type, cni_config.with_previous(stdin, previous), netns)
            if done.returncode:
                return f"{plugin.type}: {_message(done)}"
            previous = done.stdout
        for plugin in reversed(network.plugins):
            stdin = cni_config.plugin_stdin(network, plugin, {}, {})
            self._run("DEL", plugin.type, cni_config.with_previous(stdin, previous), netns)
        return None

    def _run(self, verb: str, plugin: str, stdin: str, netns: str) -> subprocess.CompletedProcess[str]:
        binary = self._bin_dir / plugin
        if not binary.is_file():
            return subprocess.CompletedProcess([plugin], 1, "", "no such plugin")
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": f"c{self._count}",
            "CNI_NETNS": netns,
            "CNI_IFNAME": IFNAME,
            "CNI_PATH": str(self._bin_dir),
            "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin",
        }
        return subprocess.run(
            [binary],
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
            cwd=self._scratch,
        )

    def _namespace(self) -> int:
        """A new network namespace with its loopback up, as every runtime creates it; it exists as long as this descriptor."""
        _checked(_libc.unshare(CLONE_NEWNET))
        pod = os.open("/proc/self/ns/net", os.O_RDONLY)
        _without_dad()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
        _checked(_libc.setns(self._node, CLONE_NEWNET))
        return pod

    def _restore(self) -> None:
        """Removes leftover interfaces, and creates a NIC again that disappeared with a pod."""
        present = _links()
        lines = [f"link del {name}" for name in present - self._own_links]
        for nic, far in NICS.items():
            if nic not in present:
                lines += (
                    [f"link del {far}"] if far in present else []
                )  # the kernel has not yet destroyed the namespace of its peer
                lines += [
                    f"link add {nic} address {_mac(1, nic)} type veth peer name {far} address {_mac(2, nic)}",
                    f"link set {nic} up",
                    f"link set {far} up",
                ]
        if lines:
            _ip("\n".join(lines))


def _mac(side: int, nic: str) -> str:
    """Always the same, for comparisons."""
    return f"02:00:00:00:0{side}:0{nic[-1]}"


def _links() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


def _ip(lines: str) -> None:
    done = subprocess.run(
        ["ip", "-force", "-batch", "-"], input=lines, capture_output=True, text=True, check=False
    )
    if "Operation not permitted" in done.stderr:
        raise PermissionError(done.stderr)


def _without_dad() -> None:
    """Disables duplicate address detection for IPv6, which takes two seconds and is not needed here."""
    for path in Path("/proc/sys/net/ipv6/conf").glob("*/accept_dad"):
        path.write_text("0")


def _checked(status: int) -> None:
    if status:
        raise OSError(ctypes.get_errno(), "no network namespace")


def _message(done: subprocess.CompletedProcess[str]) -> str:
    """The message of the plugin's error object, or its output where that is not JSON, as after a panic."""
    try:
        body = json.loads(done.stdout)
    except ValueError:
        return (done.stderr or done.stdout or f"exit status {done.returncode}")[:400]
    return " ".join(str(body.get(key) or "") for key in ("msg", "details")).strip()


def lines() -> Iterator[str]:
    """The configs, one JSON string per line."""
    for line in sys.stdin:
        yield json.loads(line)


def main() -> None:
    worker = Worker(Path(sys.argv[1]), Path(sys.argv[2]))
    for text in lines():
        sys.stdout.write(json.dumps(worker.refusal(text)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

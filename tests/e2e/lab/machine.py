"""Changes on the machine itself, recorded so that `down` reverts exactly these."""

from __future__ import annotations

import contextlib
import json
import socket
from ipaddress import IPv4Network
from pathlib import Path

from e2e.lab.places import API_ADDRESS, PODS, SERVICES, SWITCH_ADDRESS, WORK
from e2e.lab.process import run

UP, LAN = "netattach-up", "netattach-lan"
"""The bridges that the nodes' eth0 and eth1 are connected to."""

_MOUNT_POINTS = ("/etc/cni", "/opt/cni", "/var/lib/cni", "/var/lib/kubelet", "/var/lib/containerd")
_NOTES = WORK / "machine.json"
_SYSTEM = Path("/proc/sys")
_FORWARD = "net/ipv4/ip_forward"

# node1's kubelet sets all but the first; they belong to the machine, not to a namespace.
_SETTINGS = (
    _FORWARD,
    *("vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops"),
    *("kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"),
)
_PORTS = (2379, 2380, 6443, 10257, 10259)


def prepare() -> None:
    """Two switches, forwarding, and the directories over which the nodes mount their own."""
    _check_ports_and_routes()
    made = [path for path in _MOUNT_POINTS if not Path(path).exists()]
    settings = {name: (_SYSTEM / name).read_text().strip() for name in _SETTINGS}
    _NOTES.write_text(json.dumps({"settings": settings, "made": made}))
    for path in made:
        Path(path).mkdir(parents=True)
    (_SYSTEM / _FORWARD).write_text("1")
    for bridge, address in ((UP, API_ADDRESS), (LAN, SWITCH_ADDRESS)):
        run("ip", "link", "add", bridge, "type", "bridge")
        run("ip", "address", "add", f"{address}/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")


def restore() -> None:
    """Reverts the changes; what is gone already is no error."""
    for link in (UP, LAN, "na-n2-eth0", "na-n2-eth1"):
        run("ip", "link", "delete", link, check=False)
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
        notes = json.loads(_NOTES.read_text())
        for name, value in notes["settings"].items():
            (_SYSTEM / name).write_text(value)
        for path in notes["made"]:
            with contextlib.suppress(OSError):  # somebody uses it by now
                Path(path).rmdir()


def _check_ports_and_routes() -> None:
    """Before anything is changed: the ports of our programs are free, and no route is hidden by ours. Raises RuntimeError."""
    for port in _PORTS:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                raise RuntimeError(
                    f"port {port} is in use here: is that another cluster or an etcd?"
                ) from None
    networks = (f"{API_ADDRESS}/24", f"{SWITCH_ADDRESS}/24", PODS, SERVICES)
    ours = [IPv4Network(text, strict=False) for text in networks]
    for route in json.loads(run("ip", "-json", "-4", "route", "show").stdout or "[]"):
        if route["dst"] != "default" and any(IPv4Network(route["dst"]).subnet_of(each) for each in ours):
            raise RuntimeError(
                f"{route['dst']} is routed to {route.get('dev')} here, and the cluster needs it"
            )

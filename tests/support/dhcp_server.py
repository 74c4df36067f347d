"""A real DHCP server next to a node: dnsmasq in the namespace `world`, on the switch of the node's second NIC."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from netattach_cli.demo.demo_node import DemoNode
from support.waiting import eventually

FIRST, LAST = "10.0.3.200", "10.0.3.219"

_SNIFFER = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
wire.bind(("lan0", 0))
print("ready", flush=True)
while True:
    packet = wire.recv(4096)
    udp = packet[4 * (packet[0] & 15):]
    if packet[9] == 17 and udp[2:4] == bytes([0, 67]) and bytes([53, 1, 7]) in udp[8 + 236:]:
        print(socket.inet_ntoa(udp[8 + 12:8 + 16]), flush=True)
"""
"""Prints the address of each DHCPRELEASE (message type 7) that reaches the server's interface (RFC 2131, 4.4.4)."""


class DhcpServer:
    """Reads the leases from dnsmasq's file, and releases from the wire.

    The reference plugin up to 1.9.1 sends a release from 0.0.0.0, which Linux drops before dnsmasq receives it
    (containernetworking/plugins issue #1278).
    """

    def __init__(self, leases: Path, released: Path) -> None:
        self._leases = leases
        self._released = released

    def released(self) -> list[str]:
        """The addresses that clients released."""
        return self._released.read_text().split()[1:]

    def addresses(self) -> list[str]:
        """The addresses that are leased now."""
        return [line.split()[2] for line in self._lines()]

    def expiry(self, address: str) -> int:
        """The end of a lease, in seconds since the epoch; 0 without a lease."""
        return next((int(line.split()[0]) for line in self._lines() if line.split()[2] == address), 0)

    def _lines(self) -> list[str]:
        return self._leases.read_text().splitlines() if self._leases.exists() else []


def options(interface: str, leases: Path, *more: str) -> list[str]:
    """Of dnsmasq, whose shortest lease is two minutes, its shortest renewal time three seconds."""
    text = (
        f"--no-daemon --conf-file=/dev/null --port=0 --bind-interfaces --interface={interface} --no-ping --dhcp-authoritative "
        f"--dhcp-range={FIRST},{LAST},255.255.255.0,120 --dhcp-leasefile={leases} --pid-file= --user=root "
        "--dhcp-option=option:T1,3 --dhcp-option=option:T2,60"
    )
    return [*text.split(), *more]


@contextlib.contextmanager
def serving(stage: DemoNode, directory: Path) -> Iterator[DhcpServer]:
    leases, released = directory / "leases", directory / "released"
    dnsmasq = _running(stage, directory / "dnsmasq.log", "dnsmasq", *options("lan0", leases))
    sniffer = _running(stage, released, sys.executable, "-c", _SNIFFER)
    with dnsmasq, sniffer:
        eventually(lambda: _listens(stage) and released.read_text() != "")
        yield DhcpServer(leases, released)


@contextlib.contextmanager
def _running(stage: DemoNode, output: Path, *arguments: str) -> Iterator[None]:
    """In the namespace `world`, until the context is left."""
    command = stage.command("ip", "netns", "exec", "world", "setpriv", "--pdeathsig=KILL", *arguments)
    with output.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(stage: DemoNode) -> bool:
    """/proc/net/udp has ports in hexadecimal."""
    return ":0043 " in stage.run("ip", "netns", "exec", "world", "cat", "/proc/net/udp").stdout

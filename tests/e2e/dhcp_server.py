"""A DHCP server in the network of the nodes' eth1: dnsmasq on the machine, on their switch."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

from e2e.lab import places, process
from e2e.lab.machine import LAN
from support import dhcp_server, require
from support.waiting import eventually


@contextlib.contextmanager
def serving(directory: Path, mac: str, address: str) -> Iterator[None]:
    """Its client with this MAC address always gets this address."""
    require.command("dnsmasq")
    options = dhcp_server.options(LAN, directory / "leases", f"--dhcp-host={mac},{address}")
    with (directory / "dnsmasq.log").open("wb") as log:
        server = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", "dnsmasq", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"PATH": places.path()},
        )
    try:
        eventually(
            lambda: f"0.0.0.0%{LAN}:67 " in process.run("ss", "-Hlun").stdout, "the DHCP server listens"
        )
        yield
    finally:
        server.terminate()
        server.wait()

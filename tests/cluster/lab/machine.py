"""What the cluster changes on the machine itself, written down so that `down` gives exactly that back."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from cluster.lab.places import API_ADDRESS, SWITCH_ADDRESS, WORK
from cluster.lab.process import run

UP, LAN = "netattach-up", "netattach-lan"
"""The bridges behind the nodes' eth0 and eth1."""

_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_MOUNT_POINTS = ("/etc/cni", "/opt/cni", "/var/lib/cni", "/var/lib/kubelet", "/var/lib/containerd")
_NOTES = WORK / "machine.json"


def prepare() -> None:
    """Two switches, forwarding, and the directories over which the nodes mount their own."""
    made = [path for path in _MOUNT_POINTS if not Path(path).exists()]
    _NOTES.write_text(json.dumps({"forward": _FORWARD.read_text().strip(), "made": made}))
    for path in made:
        Path(path).mkdir(parents=True)
    _FORWARD.write_text("1")
    for bridge, address in ((UP, API_ADDRESS), (LAN, SWITCH_ADDRESS)):
        run("ip", "link", "add", bridge, "type", "bridge")
        run("ip", "address", "add", f"{address}/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")


def give_back() -> None:
    """Succeeds on what is gone already."""
    for link in (UP, LAN, "na-n1-eth0", "na-n1-eth1", "na-n2-eth0", "na-n2-eth1"):
        run("ip", "link", "delete", link, check=False)
    run("ip", "netns", "delete", "netattach-node1", check=False)
    with contextlib.suppress(FileNotFoundError, ValueError, KeyError):
        notes = json.loads(_NOTES.read_text())
        _FORWARD.write_text(notes["forward"])
        for path in notes["made"]:
            with contextlib.suppress(OSError):  # somebody uses it by now
                Path(path).rmdir()

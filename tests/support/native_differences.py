"""Where native drivers do something else than the reference plugins, after an ADD that fails.

Each difference has a call that shows it, so that a test fails once it has disappeared.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from support.native_configs import Call
from support.native_twins import Report

LEASED = {"type": "host-local", "subnet": "10.1.2.0/24"}

_NIC = (
    "nsenter --net=/proc/$PPID/ns/net sh -c 'ip link add nic address 02:00:00:00:00:0c type ifb; "
    "ip address add 10.5.5.5/24 dev nic; ip link set nic up'"
)


@dataclass(frozen=True)
class Difference:
    """`paths`: a regular expression for those whose values differ. `source`: why, and where the plugin's source does so."""

    name: str
    source: str
    kinds: Collection[str]
    paths: str
    call: Call = field(compare=False)

    def explains(self, kind: str, program: Report, line: str) -> bool:
        """`line`: one of `native_twins.differences`."""
        failed = "error" in program["add"]
        return kind in self.kinds and failed and re.fullmatch(self.paths, line.partition(": ")[0]) is not None


DIFFERENCES = (
    Difference(
        "a NIC keeps its addresses where the pod has an interface of the wanted name",
        "the plugin moves it before it finds out, and back: plugins/main/host-device/host-device.go, moveLinkIn",
        ("host-device",),
        r"/deleted/node/(addresses|routes4|routes6|links\[\d+\]/ifalias).*",
        Call(
            {"cniVersion": "1.0.0", "type": "host-device", "device": "nic"},
            {"before": f"{_NIC}; ip link add net1 type ifb"},
        ),
    ),
    Difference(
        "DEL needs no master",
        "the plugin's DEL fails for ever, and starts no IPAM plugin: plugins/main/vlan/vlan.go, loadConf in cmdDel",
        ("vlan",),
        r"/delete/(code|error|result)|/deleted/files/[^/]+/lock",
        Call({"cniVersion": "1.0.0", "type": "vlan", "master": "eth9", "vlanId": 5, "ipam": LEASED}),
    ),
)


def unexplained(kind: str, program: Report, lines: Collection[str]) -> list[str]:
    """Those of `native_twins.differences` for a plugin's call that no listed difference explains."""
    return [line for line in lines if not any(each.explains(kind, program, line) for each in DIFFERENCES)]

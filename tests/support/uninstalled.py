"""Calls of the shim on a node without a daemon, with any configuration."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from support import build


def call(
    root: Path, command: str, plugin: Mapping[str, Any], variables: Mapping[str, str] = MappingProxyType({})
) -> subprocess.CompletedProcess[str]:
    """For the container c1. The ledger is `root`/ledger, and nobody listens at the socket."""
    environment = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": "",
        "CNI_IFNAME": "eth0",
        "CNI_PATH": str(root),
        "NETATTACH_SOCKET": str(root / "run/cni.sock"),
        "NETATTACH_CHAINS": str(root / "ledger/chains"),
        "NETATTACH_WAIT_MS": "60000",
        **variables,
    }
    return subprocess.run(
        [build.shim_under_test()],
        input=f" {json.dumps({'cniVersion': '1.0.0', 'name': 'cbr0', **plugin})}\n",
        env=environment,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )

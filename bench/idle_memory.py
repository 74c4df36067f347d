"""The memory of each program in an idle cluster. Needs a running cluster: `make cluster`."""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from e2e.lab.nodes import NODES

PROGRAMS = ("netattach-daemon", "netattach-dhcp", "netattach-operator", "netattach-webhooks")


def main() -> None:
    """Measures; prints and saves the result."""
    found: dict[str, list[int]] = {name: [] for name in PROGRAMS}
    for node in NODES.values():
        for line in node.sh("ps -eo rss,args").splitlines():
            for name in PROGRAMS:
                if f"/opt/netattach/bin/{name}" in line:
                    found[name].append(int(line.split()[0]))
    result = {
        "date": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "kernel": platform.release(),
        "cpus": os.cpu_count(),
        "resident_kib": found,
    }
    text = json.dumps(result, indent=2) + "\n"
    print(text, end="")
    (ROOT / "bench/results" / f"{result['date'][:10]}-idle-memory.json").write_text(text)  # type: ignore[index]  # the date's text


if __name__ == "__main__":
    main()

"""A program that wants another first CNI config: it takes netattach's away whenever it is there, as Cilium's agent does.

    python -m support.second_writer DIRECTORY rename|remove|replace

It never ends by itself, and prints a line each time.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from netattach_core.cni import netattach_conf

OTHER = json.dumps({"cniVersion": "1.0.0", "name": "other", "plugins": [{"type": "other-meta"}]})


def take_away(directory: Path, how: str) -> bool:
    """Whether there was something to take."""
    ours = directory / netattach_conf.FILE_NAME
    if not ours.exists() or (how == "replace" and ours.read_text() == OTHER):
        return False
    match how:
        case "rename":
            ours.rename(f"{ours}.cilium_bak")
        case "remove":
            ours.unlink()
        case "replace":
            ours.write_text(OTHER)
    return True


def main() -> None:
    directory, how = Path(sys.argv[1]), sys.argv[2]
    while True:
        if take_away(directory, how):
            print(how, flush=True)  # noqa: T201  # its only output
        time.sleep(0.002)


if __name__ == "__main__":
    main()

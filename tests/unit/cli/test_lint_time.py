"""A thousand networks are validated while one waits for them."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from netattach_core.api import inventory
from unit.cli.desk import WORKER, Netattach, nad

NADS = 1000
SECONDS = 6.0
"""Of the processor. It takes 1.5 to 2 s, and twice as much where others have the caches of a busy machine."""


def config(index: int) -> str:
    ranges = {"type": "whereabouts", "range": f"10.{index // 250}.{index % 250}.0/24"}
    first = {"type": "macvlan", "master": "eth1", "mode": "bridge", "mtu": 1500, "ipam": ranges}
    second = {"type": "tuning", "sysctl": {"net.ipv4.conf.all.rp_filter": "2"}}
    if index % 10 == 0:
        first["mode"] = "brigde"
    return json.dumps({"cniVersion": "1.0.0", "name": f"n{index}", "plugins": [first, second]}, indent=2)


@pytest.mark.parametrize("form", ["one file", "a folder", "one file of JSON"])
def test_a_thousand_networks_take_seconds(netattach: Netattach, form: str) -> None:
    texts = [nad(f"n{index}", config(index)) for index in range(NADS)]
    Path("nets").mkdir()
    if form == "a folder":
        for index, text in enumerate(texts):
            Path(f"nets/{index}.yaml").write_text(text)
    elif form == "one file":
        Path("nets/all.yaml").write_text("---\n".join(texts))
    else:
        items = [
            {
                "kind": "NetworkAttachmentDefinition",
                "metadata": {"name": f"n{i}"},
                "spec": {"config": config(i)},
            }
            for i in range(NADS)
        ]
        Path("nets/all.json").write_text(json.dumps({"kind": "List", "items": items}, indent=2))
    Path("nodes.json").write_text(json.dumps(inventory.to_dict(WORKER)))
    began = time.process_time()
    code, out, _ = netattach("lint", "nets", "--inventory", "nodes.json")
    took = time.process_time() - began

    assert 1 == code
    assert "1000 NADs: " in out
    assert out.count("deny [schema]") == NADS // 10
    assert took < SECONDS

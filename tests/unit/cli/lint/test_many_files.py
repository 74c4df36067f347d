"""The time that many networks take: in proportion to their number."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from netattach_cli.lint import batches
from netattach_core.api import inventory
from unit.cli.samples import WORKER, Netattach, nad

FEW, MANY = 200, 1000
FACTOR = 3.0
"""A network among many takes at most this much more CPU time than one among few; if all were compared, it would take 5 times."""

SECONDS = 20.0
"""CPU time for many; it takes 1.5 to 2 s, and several times as much on a busy machine."""


def config(index: int) -> str:
    ranges = {"type": "whereabouts", "range": f"10.{index // 250}.{index % 250}.0/24"}
    first = {"type": "macvlan", "master": "eth1", "mode": "bridge", "mtu": 1500, "ipam": ranges}
    second = {"type": "tuning", "sysctl": {"net.ipv4.conf.all.rp_filter": "2"}}
    if index % 10 == 0:
        first["mode"] = "brigde"
    return json.dumps({"cniVersion": "1.0.0", "name": f"n{index}", "plugins": [first, second]}, indent=2)


def write(folder: Path, form: str, count: int) -> None:
    """So many networks in this form."""
    folder.mkdir()
    texts = [nad(f"n{index}", config(index)) for index in range(count)]
    if form == "a folder":
        for index, text in enumerate(texts):
            (folder / f"{index}.yaml").write_text(text)
    elif form == "one file":
        (folder / "all.yaml").write_text("---\n".join(texts))
    else:
        items = [
            {
                "kind": "NetworkAttachmentDefinition",
                "metadata": {"name": f"n{index}"},
                "spec": {"config": config(index)},
            }
            for index in range(count)
        ]
        (folder / "all.json").write_text(json.dumps({"kind": "List", "items": items}, indent=2))


@pytest.mark.parametrize("form", ["one file", "a folder", "one file of JSON"])
def test_a_thousand_networks_take_time_in_proportion(
    netattach: Netattach, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    monkeypatch.setattr(batches, "processes", lambda: 1)  # whose time is measured
    Path("nodes.json").write_text(json.dumps(inventory.to_dict(WORKER)))
    seconds: dict[int, float] = {}
    for count in (FEW, MANY):
        write(Path(f"nets{count}"), form, count)
        started = time.process_time()
        status, out, _ = netattach("lint", f"nets{count}", "--inventory", "nodes.json")
        seconds[count] = time.process_time() - started

        assert 1 == status
        assert f"{count} NADs: " in out
        assert out.count("deny [schema]") == count // 10

    assert seconds[MANY] / MANY < FACTOR * seconds[FEW] / FEW
    assert seconds[MANY] < SECONDS

"""The daemon's log on a node: each line is in the format, and those of a call name its pod, whatever its plugins print."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import NodePaths
from support.node import CnitoolNode

FORGED = '2026-11-30T13:47:03.123Z INFO netattach_plugin.calls.server "ADD took 1 ms" pod=kube-system/dns'
HOSTILE = f"""#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
printf '{{"code": 7, "msg": "no luck\\\\n%s\\\\u001b[2J"}}' '{FORGED.replace('"', "")}'
exit 1
"""


@pytest.fixture
def node(
    places: NodePaths, tmp_path: Path, cnitool: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[CnitoolNode]:
    monkeypatch.setenv("NETATTACH_LOG_LEVEL", "debug")
    with demo_node.build(NodePaths(tmp_path / "stage", places.plugins, places.shim)) as stage:
        yield CnitoolNode(stage, cnitool)


def _lines_of_a_refused_pod(node: CnitoolNode) -> tuple[str, list[str]]:
    """The pod, and the daemon's log, from its start to its end."""
    plugin = node.stage.paths.bin_dir / "hostile"
    plugin.write_text(HOSTILE)
    plugin.chmod(0o755)
    node.create_nad("luckless", {"cniVersion": "1.0.0", "type": "hostile"})
    with node.stage.daemon(), node.pod("luckless") as pod:
        assert 0 != node.call("add", pod).returncode
        node.delete(pod)
    return f"default/{pod.name}", (node.stage.paths.root / "daemon.log").read_text().splitlines()


def test_lines_of_json(node: CnitoolNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETATTACH_LOG_FORMAT", "json")

    pod, lines = _lines_of_a_refused_pod(node)

    read: list[dict[str, Any]] = [json.loads(line) for line in lines]
    assert all({"time", "level", "logger", "message"} <= set(line) for line in read)
    mine = [line for line in read if line.get("pod") == pod]
    assert {"ADD", "DEL"} == {line["command"] for line in mine}
    assert all(line["container"].startswith("cnitool-") for line in mine)
    assert any(
        line["level"] == "DEBUG" and "ADD of hostile for net1 took" in line["message"] for line in mine
    )
    assert {pod} == {line["pod"] for line in read if "pod" in line}


def test_lines_of_text(node: CnitoolNode) -> None:
    pod, lines = _lines_of_a_refused_pod(node)

    assert [] == [line for line in lines if "pod=kube-system" in line and f" pod={pod}" not in line]
    assert any("no luck\\n" in line and f" pod={pod}" in line for line in lines)
    assert all(line.isprintable() for line in lines)

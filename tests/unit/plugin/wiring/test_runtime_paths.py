"""The whole daemon, whose runtime has other directories than it: what its probe says."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from netattach_plugin.node import bypass_watch
from support.daemon_node import PLAIN, DaemonNode


def _places(node: DaemonNode, conf_dir: Path) -> dict[str, str]:
    """As the shim sends them, with this directory in place of the CNI configs."""
    shim, chains = (node.bin / "netattach").stat(), (node.settings.ledger / "chains").stat()
    configs = conf_dir.stat()
    numbers = (each for found in (shim, chains, configs) for each in (found.st_dev, found.st_ino))
    return {"NODE_PLACES": ":".join((*map(str, numbers), str(node.config)))}


def test_a_node_with_other_configs_is_not_ready(run: Callable[..., DaemonNode], tmp_path: Path) -> None:
    """Pods are served nevertheless; and as soon as both are the same it is ready."""

    async def story(node: DaemonNode) -> None:
        for number in range(2):
            pod = node.create_pod(f"p{number}", PLAIN)
            assert 0 == (await node.call("ADD", pod, PLAIN, more=_places(node, tmp_path)))[0]
        assert f"the node's {node.config} is not what this container has there" in await node.probe("/readyz")

        await node.call("ADD", node.create_pod("p2", PLAIN), PLAIN, more=_places(node, node.config))
        await node.ready()

    run(story)


def test_a_runtime_that_does_not_call_is_reported(
    run: Callable[..., DaemonNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bypass_watch, "_INTERVAL", 0.02)
    monkeypatch.setattr(bypass_watch, "_GRACE", 0.0)

    async def story(node: DaemonNode) -> None:
        config = base64.b64encode(b'{"cniVersion":"1.0.0","name":"cbr0","plugins":[{"type":"ptp"}]}').decode()
        body = {
            "kind": "cniCacheV1",
            "containerId": "c1",
            "ifName": "eth0",
            "networkName": "cbr0",
            "config": config,
            "cniArgs": [["K8S_POD_NAMESPACE", "ns"], ["K8S_POD_NAME", "p"]],
        }
        results = node.settings.libcni / "results"
        results.mkdir(parents=True)
        (results / "cbr0-c1-eth0").write_text(json.dumps(body))
        await node.answers("does not call netattach: it attached pod ns/p to network cbr0 alone", "/readyz")

    run(story)

"""The whole daemon next to a program that keeps taking its conflist away: a process of its own, with the real files."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from netattach_core.cni import conf_contest, netattach_conf
from netattach_kube.resource import EVENTS
from support.daemon_node import DaemonNode

NAME = netattach_conf.FILE_NAME


@contextlib.asynccontextmanager
async def _second_writer(directory: Path, how: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "support.second_writer", directory, how),
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
    )
    try:
        yield process
    finally:
        process.kill()
        await process.communicate()


@pytest.mark.parametrize("how", ["rename", "remove", "replace"])
def test_the_daemon_stops_writing_and_says_what_to_do(run: Callable[..., DaemonNode], how: str) -> None:
    """Once in an Event of the node, in the probe, and as a metric; pods are still served."""

    async def story(node: DaemonNode) -> None:
        async with _second_writer(node.config, how) as writer:
            await node.answers("contests", "/readyz")
            await node.server.until(lambda: len(node.server.all(EVENTS)) == 1)
            assert writer.stdout is not None
            assert [f"{how}\n".encode()] * 2 == [await writer.stdout.readline() for _ in range(2)]
            assert "netattach_cni_config_contested 1.0" in await node.probe("/metrics")
            assert "netattach_cni_config_losses_total 2.0" in await node.probe("/metrics")
            status, _ = await node.call("ADD", node.create_pod("p", {}), {})
            assert 0 == status
        (event,) = (each for each in node.server.all(EVENTS) if each["reason"] == "CNIConfigContested")

        assert ("Warning", "default") == (event["type"], event["metadata"]["namespace"])
        assert ("Node", "node1", "node1") == tuple(
            event["involvedObject"][key] for key in ("kind", "name", "uid")
        )
        assert event["message"] in await node.probe("/readyz")
        if how == "rename":
            assert f"renamed to {NAME}.cilium_bak" in event["message"]
            assert "set cni.exclusive=false in Cilium's Helm values" in event["message"]

    run(story)


def test_it_is_ready_again_when_the_other_program_has_stopped(
    run: Callable[..., DaemonNode], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trial lasts as long as the test wants it to."""
    monkeypatch.setattr(conf_contest, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(conf_contest, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(conf_contest, "TRIAL", 3600.0)

    async def story(node: DaemonNode) -> None:
        async with _second_writer(node.config, "rename") as writer:
            assert writer.stdout is not None
            for _ in range(4):  # twice, and then at least two trials
                await writer.stdout.readline()
        await node.server.until(lambda: node.ours)
        assert "contests" in await node.probe("/readyz")
        monkeypatch.setattr(conf_contest, "TRIAL", 0.0)

        await node.ready()

        assert node.ours
        assert "netattach_cni_config_contested 0.0" in await node.probe("/metrics")
        assert 1 == len(node.server.all(EVENTS))

    run(story)

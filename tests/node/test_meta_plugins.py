"""Networks with a plugin that starts the shim: the real bridge runs netattach as its IPAM plugin."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from netattach_core.cni import netattach_conf
from support.node import CnitoolNode
from support.shim_calls import DELEGATE, NOTHING, error_of, left_on, locks, recompiled

FIRST = """#!/bin/sh
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.2/24"}]}'
"""
DEADLINE_MS = 8_000
"""Of a plugin; a shim that waited for our own lock would be killed after it, with another message."""


@pytest.fixture
def files(tmp_path: Path) -> Iterator[list[Path]]:
    """Root's files, alone and with the names of ours; the shim must not remove them."""
    paths = [
        tmp_path / "alone/file",
        tmp_path / "like/cbr0" / netattach_conf.CHAINED_FILE_NAME,
        tmp_path / "like" / netattach_conf.UNINSTALL_FILE_NAME,
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("root's")
    yield paths
    assert ["root's"] * 3 == [path.read_text() for path in paths]


def _bridge(ipam: str = "netattach", **more: Any) -> dict[str, Any]:
    return {"type": "bridge", "bridge": "mybr0", "ipam": {"type": ipam}, **more}


def _marks(files: list[Path]) -> list[dict[str, Any]]:
    """No mark (an ordinary call for netattach), the mark that netattach writes, and a path for each file."""
    named = [
        {"uninstalled": str(path), "standIn": str(other)}
        for path, other in zip(files, files[::-1], strict=True)
    ]
    return [{}, {"uninstalled": True}, *named]


def test_a_plugin_that_starts_the_shim_fails_at_once_and_removes_nothing(
    daemonless: CnitoolNode, primary: Callable[[list[dict[str, Any]]], None], files: list[Path]
) -> None:
    """Without the webhook and the daemon; and what was started is undone."""
    for mark in _marks(files):
        primary([_bridge(**mark)])
        with recompiled(daemonless, deadline_ms=DEADLINE_MS), daemonless.pod() as pod:
            error = error_of(daemonless, "ADD", pod)

            assert DELEGATE == error["code"]
            assert "plugin bridge failed: " in error["msg"]
            assert "netattach was started by a plugin that it runs itself" in json.dumps(error)
            assert "not undone" not in json.dumps(error)
            assert ["lo"] == daemonless.link_names(pod)
            assert ([], [], NOTHING) == (daemonless.records(), locks(daemonless), left_on(daemonless))


def test_the_same_after_a_plugin_with_a_result(
    daemonless: CnitoolNode,
    primary: Callable[[list[dict[str, Any]]], None],
    script: Callable[[str, str], str],
    files: list[Path],
) -> None:
    """An uninstalled shim would pass the result on and succeed."""
    first = {"type": script("first", FIRST)}
    primary([first, _bridge(uninstalled=str(files[0]), standIn=str(files[1]))])
    with recompiled(daemonless, deadline_ms=DEADLINE_MS), daemonless.pod() as pod:
        error = error_of(daemonless, "ADD", pod)

        assert "netattach was started by a plugin that it runs itself" in json.dumps(error)
        assert (["lo"], [], NOTHING) == (
            daemonless.link_names(pod),
            daemonless.records(),
            left_on(daemonless),
        )


@pytest.mark.parametrize("name", ["netattach", "multus", "multus-shim"])
def test_the_daemon_starts_no_plugin(node: CnitoolNode, files: list[Path], name: str) -> None:
    """Without any webhook."""
    for number, mark in enumerate(_marks(files)):
        node.create_nad(f"back{number}", {"cniVersion": "1.0.0", **_bridge(name, **mark)})
        with node.pod(f"back{number}") as pod:
            done = node.call("add", pod)

            assert 0 != done.returncode
            assert f"network default/back{number}: its ipam.type is {name}" in done.stdout + done.stderr
            assert (["lo"], [], []) == (node.link_names(pod), locks(node), node.leases())

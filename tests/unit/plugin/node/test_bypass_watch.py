"""A runtime that attaches pods without netattach shows in libcni's cache."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_plugin.node.bypass_watch import BypassWatch

FIRST = 1_000_000.0
"""When netattach became the first."""


class Cache:
    """The runtime's, with a watch."""

    def __init__(self, root: Path) -> None:
        self.first_since: float | None = FIRST
        self._now = FIRST
        self._results = root / "results"
        self.watch = BypassWatch(
            root, Path("/etc/cni/net.d"), lambda: self.first_since, clock=lambda: self._now
        )

    def write(self, network: str, after: float, ifname: str = "eth0", **more: Any) -> Path:
        """An attachment so many seconds after netattach became the first; the watch has looked at 299 s, and just before."""
        for moment in (min(after, 299), after):
            self._now = FIRST + moment
            self.watch.check()
        self._results.mkdir(exist_ok=True)
        config = json.dumps({"cniVersion": "1.0.0", "name": network, "plugins": [{"type": "bridge"}]})
        body = {
            "kind": "cniCacheV1",
            "containerId": f"c{after}",
            "ifName": ifname,
            "networkName": network,
            "config": base64.b64encode(config.encode()).decode(),
            "cniArgs": [["K8S_POD_NAMESPACE", "shop"], ["K8S_POD_NAME", "cart"]],
            **more,
        }
        path = self._results / f"{network}-c{after}-{ifname}"
        path.write_text(json.dumps(body))
        os.utime(path, (FIRST + after, FIRST + after))
        return path

    def problem(self) -> str | None:
        self.watch.check()
        return self.watch.problem


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def test_a_pod_that_was_attached_without_netattach_is_named(cache: Cache) -> None:
    cache.write("netattach", 298)
    cache.write("cbr0", 302)

    problem = str(cache.problem())
    assert "it attached pod shop/cart to network cbr0 alone" in problem
    assert (
        "another directory of CNI configs than /etc/cni/net.d: set `platform` or node.confDir in the chart"
        in problem
    )


@pytest.mark.parametrize("after", [301, 303])
def test_a_runtime_that_calls_netattach_too_is_no_problem(cache: Cache, after: float) -> None:
    """Another runtime class may have a directory of its own, and containerd can be set to attach several networks."""
    cache.write("cbr0", 302)
    assert cache.problem()

    cache.write("netattach", after)
    assert None is cache.problem()


@pytest.mark.parametrize(
    "write",
    [
        lambda cache: None,
        lambda cache: cache.write("netattach", 400),
        lambda cache: cache.write("cbr0", 298),
        lambda cache: cache.write("cni-loopback", 400, ifname="lo"),
        lambda cache: cache.write("podman", 400, cniArgs=[]),
        lambda cache: cache.write("cbr0", 400, kind="another"),
        lambda cache: cache.write("cbr0", 400).write_text("{"),
    ],
    ids=[
        "no cache",
        "netattach itself",
        "an ADD that began before",
        "loopback",
        "another program on the node",
        "another format",
        "damaged",
    ],
)
def test_nothing_else_is_a_bypass(cache: Cache, write: Callable[[Cache], object]) -> None:
    write(cache)

    assert None is cache.problem()


def test_while_netattach_is_not_the_first_others_attach_pods(cache: Cache) -> None:
    """That is reported by the installer."""
    cache.write("cbr0", 400)
    assert cache.problem()

    cache.first_since = None
    assert None is cache.problem()
    cache.first_since = FIRST + 200
    assert None is cache.problem()

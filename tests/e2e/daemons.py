"""The daemons of all nodes, stopped and started."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

from e2e.lab.cluster import NODE, Cluster

NODES = ("node1", "node2")
DAEMON = ("--namespace", NODE, "daemonset/netattach-daemon")
SELECTOR = ("--namespace", NODE, "--selector", "app.kubernetes.io/component=daemon")


@contextlib.contextmanager
def daemon_down(cluster: Cluster) -> Iterator[None]:
    """No node has one, as in a failed upgrade."""
    _select_nodes(cluster, {"nowhere": "at-all"})
    cluster.eventually(lambda: not cluster.objects("pods", *SELECTOR), "no daemon", seconds=120)
    try:
        yield
    finally:
        _select_nodes(cluster, {"nowhere": None})
        cluster.eventually(lambda: len(cluster.objects("pods", *SELECTOR)) == len(NODES), "daemons")
        cluster.kubectl("rollout", "status", *DAEMON, "--timeout=120s")


def _select_nodes(cluster: Cluster, labels: dict[str, str | None]) -> None:
    patch = {"spec": {"template": {"spec": {"nodeSelector": labels}}}}
    cluster.kubectl("patch", *DAEMON, "--type=merge", f"--patch={json.dumps(patch)}")

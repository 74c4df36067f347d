"""python -m e2e.lab up | down | sh NODE SCRIPT | load ARCHIVE | install | show | api-stop | api-start | reboot NODE."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from e2e.lab import control, lock, places
from e2e.lab.cluster import Cluster
from e2e.lab.nodes import NODES

USAGE = __doc__
HINTS = """
The cluster runs. To use it:

  export KUBECONFIG={kubeconfig} PATH=$PATH:{binaries}
  kubectl get nodes
  kubectl create -f docs/tutorial/nads.yaml      # docs/tutorial.md continues from here

A command on a node: PYTHONPATH=tests .venv/bin/python -m e2e.lab sh node1 ip link
make cluster-down deletes it.
"""


def main(words: list[str]) -> int:
    verb = VERBS.get(words[0] if words else "")
    if verb is None:
        print(USAGE, file=sys.stderr)
        return 2
    problem = places.missing() or (None if verb is _down else places.unbuilt())
    if problem:
        print(f"netattach: no cluster here: {problem}", file=sys.stderr)
        return 1
    try:
        return verb(Cluster(), *words[1:]) or 0
    except RuntimeError as error:
        print(f"netattach: {error}", file=sys.stderr)
        return 1


def _up(cluster: Cluster) -> None:
    with lock.held(alone=True):
        cluster.up()
        lock.keep_cluster()


def _down(cluster: Cluster) -> None:
    with lock.held(alone=True):
        cluster.down()


def _install(cluster: Cluster) -> None:
    cluster.install()
    print(f"netattach is ready after {cluster.seconds_to_ready:.1f} s")


def _show(_: Cluster) -> None:
    print(HINTS.format(kubeconfig=places.KUBECONFIG, binaries=places.binaries()))


def _sh(_: Cluster, node: str, *script: str) -> int:
    done = NODES[node].result(" ".join(script))
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    return done.returncode


VERBS: Mapping[str, Callable[..., int | None]] = {
    "up": _up,
    "down": _down,
    "load": lambda cluster, archive: cluster.load(Path(archive)),
    "install": _install,
    "show": _show,
    "sh": _sh,
    "api-stop": lambda _: control.stop_api(),
    "api-start": lambda _: control.start_api(),
    "reboot": Cluster.reboot,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

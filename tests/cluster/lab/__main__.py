"""python -m cluster.lab up | down | sh NODE SCRIPT | load ARCHIVE | install | tell | api-stop | api-start | reboot NODE."""

from __future__ import annotations

import sys
from pathlib import Path

from cluster.lab import control, places
from cluster.lab.cluster import Cluster
from cluster.lab.nodes import NODES

USAGE = __doc__
TELL = f"""
The cluster stands. To play with it:

  export KUBECONFIG={places.KUBECONFIG} PATH=$PATH:{places.binaries()}
  kubectl get nodes
  kubectl create -f docs/tutorial/nads.yaml      # docs/tutorial.md goes on from here

A command on a node: PYTHONPATH=tests .venv/bin/python -m cluster.lab sh node1 ip link
make cluster-down ends it.
"""


def main(words: list[str]) -> int:
    verb, rest = words[0] if words else "", words[1:]
    cluster = Cluster()
    if verb == "up":
        problem = places.missing()
        if problem:
            print(f"netattach: no cluster here: {problem}", file=sys.stderr)
            return 1
        cluster.up()
    elif verb == "down":
        cluster.down()
    elif verb == "install":
        cluster.install()
        print(f"ready after {cluster.seconds_to_ready:.1f} s")
    elif verb == "load":
        cluster.load(Path(rest[0]))
    elif verb == "sh":
        done = NODES[rest[0]].result(" ".join(rest[1:]))
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        return done.returncode
    elif verb == "tell":
        print(TELL)
    elif verb == "api-stop":
        control.stop_api()
    elif verb == "api-start":
        control.start_api()
    elif verb == "reboot":
        cluster.reboot(rest[0])
    else:
        print(USAGE, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

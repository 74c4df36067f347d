"""A node made of network namespaces (that of `netattach demo`), with an API server and an agent on it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from compare import api_server
from compare.cases import DEFAULT_NETWORK, NODE, nad
from compare.cgroups import Cgroup
from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import DemoNode, NodePaths

_READY_SECONDS = 60.0
ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
"""/var/run is a link to /run."""

_BENCH = Path(__file__).parents[1]


class BenchError(Exception):
    """The benchmark cannot go on; the message says why."""


class Node:
    """A node with the default network and the NADs of all cases."""

    def __init__(self, demo: DemoNode, api: Program, agent: Program, cgroup: Cgroup) -> None:
        self.demo = demo
        self.paths = demo.paths
        self.agent_pid = agent.pid
        self._api = api
        self._agent = agent
        self._cgroup = cgroup

    def agent(self, operation: str, **arguments: Any) -> Any:
        """Has the agent do something. Raises BenchError."""
        answer = self._agent.ask({"operation": operation, **arguments})
        if "error" in answer:
            raise BenchError(f"{operation} on the node: {answer['error']}")
        return answer["answer"]

    def api(self, **request: Any) -> Any:
        return self._api.ask(request)

    def requests(self) -> dict[str, int]:
        """How many requests the API server has answered, by verb and resource."""
        return dict(self.api(counts=True))

    def create_account(self) -> None:
        """The service account's files, where a pod has them."""
        self.agent("write", path=f"{ACCOUNT}/token", text=NODE)
        self.agent("write", path=f"{ACCOUNT}/ca.crt", text=(self.paths.root / "ca.crt").read_text())

    def environment(self) -> dict[str, str]:
        """Where the API server is, as in a pod."""
        return {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(api_server.PORT)}

    @contextlib.contextmanager
    def running(
        self, command: Sequence[str | Path], environment: dict[str, str], ready: Callable[[], bool], log: Path
    ) -> Iterator[int]:
        """A daemon on the node, in its control group, from when `ready` says so; its process id. Raises BenchError."""
        with log.open("ab") as stderr:
            process = subprocess.Popen(
                self._cgroup.inside(self.demo.command("setpriv", "--pdeathsig=KILL", *command)),
                env={**os.environ, **self.environment(), **environment},
                stdin=subprocess.DEVNULL,
                stdout=stderr,
                stderr=stderr,
            )
        try:
            deadline = time.monotonic() + _READY_SECONDS
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    raise BenchError(
                        f"{command[0]} is not ready; the end of its log:\n{log.read_text()[-2000:]}"
                    )
                time.sleep(0.05)
            yield process.pid
        finally:
            process.kill()  # not terminated: a daemon that thinks that it is uninstalled would clean up
            process.wait()

    def leases(self) -> list[str]:
        """host-local's leases, as network/address."""
        found = self.paths.leases.glob("*/[0-9]*")
        return sorted(str(path.relative_to(self.paths.leases)) for path in found)


class Program:
    """A program that answers lines of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.pid = process.pid
        self._process = process

    def ask(self, request: dict[str, Any]) -> Any:
        """Raises BenchError if the program has ended."""
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchError("the program has no pipes")
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except OSError as error:
            raise BenchError(f"{self._process.args!r}: {error}") from error
        if not line:
            raise BenchError(f"{self._process.args!r} has ended")
        return json.loads(line)

    def wait_until_ready(self) -> None:
        """Raises BenchError."""
        if self._process.stdout is None or self._process.stdout.readline() != "ready\n":
            raise BenchError(f"{self._process.args!r} does not start")


@contextlib.contextmanager
def build(root: Path, plugins: Path, shim: Path, cgroup: Cgroup) -> Iterator[Node]:
    """Files below `root`. Raises DemoNodeError, BenchError."""
    paths = NodePaths(root, plugins, shim)
    with demo_node.build(paths) as demo, contextlib.ExitStack() as programs:
        (paths.conf_dir / "10-default.conflist").write_text(json.dumps(DEFAULT_NETWORK))
        log = programs.enter_context((root / "programs.log").open("ab"))
        api = programs.enter_context(_program(demo, log, "compare.api_server", str(root)))
        api.wait_until_ready()
        agent = programs.enter_context(_program(demo, log, "compare.agent"))
        yield Node(demo, api, agent, cgroup)


@contextlib.contextmanager
def _program(demo: DemoNode, log: Any, *arguments: str) -> Iterator[Program]:
    process = subprocess.Popen(
        demo.command("setpriv", "--pdeathsig=KILL", sys.executable, "-m", *arguments),
        env={**os.environ, "PYTHONPATH": str(_BENCH)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        yield Program(process)
    finally:
        process.kill()
        process.communicate()


def create_objects(node: Node, networks: dict[str, dict[str, Any]]) -> None:
    """Node, namespaces, our DaemonSet and the NADs."""
    about = {"apiVersion": "v1", "metadata": {"name": NODE}}
    address = {"addresses": [{"type": "InternalIP", "address": "172.30.0.11"}]}
    node.api(put=[{**about, "kind": "Node", "status": address}])
    namespaces = ("default", "netattach-node", "kube-system")
    node.api(
        put=[{"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}} for name in namespaces]
    )
    daemon_set = {"name": "netattach-daemon", "namespace": "netattach-node"}
    node.api(put=[{"kind": "DaemonSet", "apiVersion": "apps/v1", "metadata": daemon_set}])
    node.api(put=[nad(name, config) for name, config in networks.items()])

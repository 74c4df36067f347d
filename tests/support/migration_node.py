"""A node on which Multus and netattach come and go under a load of pods; its runtime uses the first CNI config by name.

Both talk to the same API server; Multus is its own program, configured as by its manifest.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compare import api_server, sides
from compare.cases import NODE, Pod
from compare.node import ACCOUNT, Node
from netattach_core.cni import netattach_conf
from netattach_core.cni.request import POD_ANNOTATIONS
from support import require
from support.waiting import PATIENCE

_HEALTH = "127.0.0.1:9690"
_DAEMON_SET = {
    "kind": "DaemonSet",
    "apiVersion": "apps/v1",
    "metadata": {"name": "netattach-daemon", "namespace": "netattach-node"},
}


class MigrationNode:
    """`settings` of netattach are those of the cluster, in force within seconds."""

    def __init__(self, node: Node, shim: Path) -> None:
        self.node, self.paths = node, node.paths
        self._shim = shim
        self._api_lock = threading.Lock()
        for program in ("multus-shim", "multus"):
            (self.paths.bin_dir / program).symlink_to(require.multus(program))
        node.create_account()

    @property
    def files(self) -> list[str]:
        """Those that the runtime reads, in its order."""
        names = (path.name for path in self.paths.conf_dir.iterdir())
        return sorted(name for name in names if name.endswith(netattach_conf.SUFFIXES))

    def wait_for_files(self, *names: str) -> None:
        self.wait(lambda: [*names] == self.files, f"files {names}")

    def wait(self, true: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"{what}: {self.files}\n{self._logs()}"
            time.sleep(0.05)

    def put_pod(self, pod: Pod) -> None:
        self._api(put=[pod.body()])

    def delete_pod(self, pod: Pod) -> None:
        self._api(delete=[pod.body()])

    @contextlib.contextmanager
    def thin_multus(self) -> Iterator[None]:
        """Its config with the default network in it, as its entrypoint writes it, which also removes it if its option says so."""
        kubeconfig = self.paths.root / "multus.kubeconfig"
        kubeconfig.write_text(json.dumps(_kubeconfig(self.paths.root / "ca.crt")))
        default_network = json.loads((self.paths.conf_dir / "10-default.conflist").read_text())
        conf = {
            "cniVersion": default_network["cniVersion"],
            "name": "multus-cni-network",
            "plugins": [{"type": "multus", "kubeconfig": str(kubeconfig), "delegates": [default_network]}],
        }
        file = self.paths.conf_dir / "00-multus.conflist"
        file.write_text(json.dumps(conf))
        yield
        file.unlink()

    @contextlib.contextmanager
    def thick_multus(self) -> Iterator[None]:
        """Its daemon, from when its config is there until it has ended, as when its DaemonSet is deleted."""
        config = self.paths.root / "daemon-config.json"
        config.write_text(json.dumps(_multus_config(self.paths.conf_dir, self.paths.bin_dir)))
        with self._running("multus", require.multus("multus-daemon"), "-config", config):
            self.wait(lambda: "00-multus.conf" in self.files, "Multus' config")
            yield

    @contextlib.contextmanager
    def netattach(self, settings: Mapping[str, Any]) -> Iterator[None]:
        """Its daemon, from when it is ready until it has been uninstalled."""
        self.paths.config.write_text(json.dumps(settings))
        self._api(put=[_DAEMON_SET])
        with self._running("netattach", sys.executable, "-m", "netattach_plugin"):
            self.wait(
                lambda: self.node.agent("status_of", url=f"http://{_HEALTH}/readyz") == 200,
                "netattach is ready",
            )
            yield
            self._api(delete=[_DAEMON_SET])

    @contextlib.contextmanager
    def _running(self, name: str, *command: str | Path) -> Iterator[None]:
        with (self.paths.root / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                self.node.demo.command("setpriv", "--pdeathsig=KILL", *command),
                env={**os.environ, **self.node.environment(), **self._environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            yield
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def _environment(self) -> dict[str, str]:
        environment = {
            **self.node.demo.daemon_environment(),
            "NETATTACH_SHIM": str(self._shim.resolve()),
            "NETATTACH_HEALTH": _HEALTH,
            "SSL_CERT_FILE": f"{ACCOUNT}/ca.crt",
            "MULTUS_NODE_NAME": NODE,
        }
        del environment["NETATTACH_STORE"]
        return environment

    def _api(self, **request: Any) -> None:
        with self._api_lock:
            self.node.api(**request)

    def _logs(self) -> str:
        return "\n".join(path.read_text()[-2000:] for path in self.paths.root.glob("*.log"))


def _kubeconfig(ca: Path) -> dict[str, Any]:
    server = {"server": f"https://127.0.0.1:{api_server.PORT}", "certificate-authority": str(ca)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "local", "cluster": server}],
        "users": [{"name": "multus", "user": {"token": NODE}}],
        "contexts": [{"name": "multus", "context": {"cluster": "local", "user": "multus"}}],
        "current-context": "multus",
    }


def _multus_config(conf_dir: Path, bin_dir: Path) -> dict[str, Any]:
    return {
        "cniVersion": "0.3.1",
        "logLevel": "error",
        "logToStderr": True,
        "cniConfigDir": str(conf_dir),
        "multusAutoconfigDir": str(conf_dir),
        "multusConfigFile": "auto",
        "socketDir": "/run/multus/",
        "daemonSocketDir": "/run/multus",
        "binDir": str(bin_dir),
    }


@dataclass(frozen=True)
class Attached:
    """A pod that runs: its interfaces, and the type of the plugin that the runtime called."""

    pod: Pod
    interfaces: list[str]
    by: str


class Runtime:
    """Attaches and releases pods as containerd does for the kubelet: a failed pod is released and tried again."""

    def __init__(self, node: MigrationNode, networks: tuple[str, ...]) -> None:
        self._node = node
        self._networks = networks

    def start(self, name: str) -> Attached:
        for attempt in itertools.count():
            pod = Pod(f"{name}-{attempt}", self._networks)
            self._node.put_pod(pod)
            self._run("ip", "netns", "add", pod.name)
            failure, by = self._call("ADD", pod)
            if not failure:
                return Attached(pod, self._interfaces(pod), by)
            self.stop(pod)
            assert attempt < 100, failure
        raise AssertionError("unreachable")

    def stop(self, pod: Pod) -> None:
        """DEL is repeated until it succeeds."""
        failures: list[str] = []
        self._node.wait(lambda: not self._failed("DEL", pod, failures), f"DEL of {pod.name}")
        self._run("ip", "netns", "del", pod.name)
        self._node.delete_pod(pod)

    def _failed(self, command: str, pod: Pod, failures: list[str]) -> str:
        failure, _ = self._call(command, pod)
        failures.append(failure)
        return failure

    def _call(self, command: str, pod: Pod) -> tuple[str, str]:
        """The error, "" for none, and the type of the first plugin."""
        conflist = self._first()
        result: dict[str, Any] = {}
        plugins = conflist["plugins"]
        for plugin in plugins if command == "ADD" else reversed(plugins):
            config = {key: value for key, value in plugin.items() if key != "capabilities"}
            config |= {"name": conflist["name"], "cniVersion": conflist["cniVersion"]}
            if POD_ANNOTATIONS in plugin.get("capabilities", {}):
                config["runtimeConfig"] = {POD_ANNOTATIONS: pod.annotations}
            if result:
                config["prevResult"] = result
            program, environment = self._program(plugin["type"]), self._environment(command, pod)
            done = self._node.node.demo.run(program, env=environment, stdin=json.dumps(config), check=False)
            if done.returncode:
                return done.stdout + done.stderr or "failed", plugin["type"]
            result = json.loads(done.stdout) if command == "ADD" else {}
        return "", plugins[0]["type"]

    def _first(self) -> dict[str, Any]:
        """The first config that can be read, as a list."""
        for name in self._node.files:
            with contextlib.suppress(ValueError, FileNotFoundError):
                body: dict[str, Any] = json.loads((self._node.paths.conf_dir / name).read_text())
                return body if "plugins" in body else {**body, "plugins": [body]}
        raise AssertionError("the node has no CNI config")

    def _program(self, kind: str) -> Path:
        return self._node.paths.bin_dir / kind

    def _environment(self, command: str, pod: Pod) -> dict[str, str]:
        return sides.environment(command, pod, "eth0", self._node.paths.bin_dir)

    def _interfaces(self, pod: Pod) -> list[str]:
        lines = self._run("ip", "-netns", pod.name, "-o", "link").splitlines()
        return [line.split(": ")[1].partition("@")[0] for line in lines]

    def _run(self, *words: str) -> str:
        return self._node.node.demo.run(*words).stdout


class Load:
    """Pods that start and end all the time, in some threads."""

    def __init__(self, runtime: Runtime, threads: int = 2) -> None:
        self.attached: list[Attached] = []
        self._runtime = runtime
        self._threads = threads
        self._stop = threading.Event()
        self._failures: list[BaseException] = []

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._run, args=(number,)) for number in range(self._threads)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        for failure in self._failures:
            raise failure

    def wait_for_more(self, number: int) -> None:
        wanted = len(self.attached) + number
        deadline = time.monotonic() + 5 * PATIENCE
        while len(self.attached) < wanted and not self._failures:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _run(self, number: int) -> None:
        try:
            for count in itertools.count():
                if self._stop.is_set():
                    return
                attached = self._runtime.start(f"load-{number}-{count}")
                self.attached.append(attached)
                self._runtime.stop(attached.pod)
        except BaseException as error:  # noqa: BLE001  # raised again where the block ends
            self._failures.append(error)

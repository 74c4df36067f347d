"""netattach as in a cluster: the daemon with an API server, and the shim."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compare import image_packages, sides
from compare.cases import Pod
from compare.node import ACCOUNT, Node
from compare.sides import Running, Stages
from netattach_core.cni import netattach_conf
from netattach_core.cni.request import POD_ANNOTATIONS

_HEALTH = "127.0.0.1:9690"


@dataclass(frozen=True, slots=True)
class NetattachSide:
    """`native_links` is a setting of the cluster; `unavailable` is why the side cannot be measured, "" if it can.

    `interpreter` runs `program`, the daemon.
    """

    name: str
    shim: Path
    native_links: dict[str, str]
    unavailable: str = ""
    interpreter: str = sys.executable
    program: tuple[str, ...] = ("-m", "netattach_plugin")

    def missing(self) -> str:
        return self.unavailable

    @contextlib.contextmanager
    def running(self, node: Node) -> Iterator[Running]:
        paths = node.paths
        if self.native_links:
            paths.config.write_text(json.dumps({"nativeLinks": self.native_links}))
        node.create_account()
        environment = {
            **node.demo.daemon_environment(),
            "NETATTACH_SHIM": str(self.shim.resolve()),
            "NETATTACH_HEALTH": _HEALTH,
            "SSL_CERT_FILE": f"{ACCOUNT}/ca.crt",  # as in its DaemonSet
            **image_packages.environment(paths.root / "image", self.interpreter),
        }
        del environment["NETATTACH_STORE"]

        def ready() -> bool:
            compiled = (paths.ledger / "chains/primary").exists()
            return compiled and node.agent("status_of", url=f"http://{_HEALTH}/readyz") == 200

        command = (self.interpreter, *self.program)
        with node.running(command, environment, ready, paths.root / "daemon.log") as pid:
            yield Running(self.name, node, _Calls(node), pid)


class _Calls:
    def __init__(self, node: Node) -> None:
        self._node = node

    def add(self, pod: Pod) -> Stages:
        return [[[self._call("ADD", pod, {})]]]

    def delete(self, pod: Pod, results: list[Any]) -> Stages:
        return [[[self._call("DEL", pod, {"prevResult": results[0]} if results else {})]]]

    def files(self) -> list[str]:
        return self._node.paths.sandbox_files()

    def _call(self, command: str, pod: Pod, more: dict[str, Any]) -> dict[str, Any]:
        """As containerd and CRI-O do, the pod's annotations are in the config."""
        paths = self._node.paths
        conflist = json.loads((paths.conf_dir / netattach_conf.FILE_NAME).read_text())
        config = {key: value for key, value in conflist["plugins"][0].items() if key != "capabilities"}
        config |= {"name": conflist["name"], "cniVersion": conflist["cniVersion"], **more}
        config["runtimeConfig"] = {POD_ANNOTATIONS: pod.annotations}
        return {
            "program": str(paths.bin_dir / netattach_conf.TYPE),
            "environment": sides.environment(command, pod, "eth0", paths.bin_dir),
            "config": config,
        }

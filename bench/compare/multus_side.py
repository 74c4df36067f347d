"""Multus' thick plugin, configured as by its own manifest (deployments/multus-daemonset-thick.yml), with the paths of the node.

It runs as a process of the node, without a container and without `chrootDir`, which spares it a chroot for each plugin.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compare import sides
from compare.cases import NODE, Pod
from compare.node import Node
from compare.sides import Running, Stages

_SOCKETS = "/run/multus"
_SHIM = "multus-shim"
_CONF = "00-multus.conf"


@dataclass(frozen=True, slots=True)
class MultusSide:
    name: str
    daemon: Path | None
    shim: Path | None

    def missing(self) -> str:
        if self.daemon is None or self.shim is None:
            return "set MULTUS_DAEMON and MULTUS_SHIM to the programs of Multus 4.3.0 (bench/README.md says how to build them)"
        absent = [str(path) for path in (self.daemon, self.shim) if not path.exists()]
        return f"{absent[0]} does not exist" if absent else ""

    @contextlib.contextmanager
    def running(self, node: Node) -> Iterator[Running]:
        if self.daemon is None or self.shim is None:
            raise ValueError(self.missing())
        paths = node.paths
        (paths.bin_dir / _SHIM).symlink_to(self.shim.resolve())
        conf_dir = paths.root / "etc-cni-net.d-multus"
        conf_dir.mkdir()
        (conf_dir / "10-default.conflist").write_bytes((paths.conf_dir / "10-default.conflist").read_bytes())
        config = paths.root / "daemon-config.json"
        config.write_text(json.dumps(_daemon_config(conf_dir, paths.bin_dir)))
        node.create_account()

        def ready() -> bool:
            listening = node.agent("exists", path=f"{_SOCKETS}/multus.sock")
            return bool(listening) and (conf_dir / _CONF).exists()

        command = (self.daemon.resolve(), "-config", config)
        environment = {"MULTUS_NODE_NAME": NODE}
        with node.running(command, environment, ready, paths.root / "multus.log") as pid:
            yield Running(self.name, node, _Calls(node, json.loads((conf_dir / _CONF).read_text())), pid)


def _daemon_config(conf_dir: Path, bin_dir: Path) -> dict[str, Any]:
    return {
        "cniVersion": "0.3.1",
        "logLevel": "verbose",
        "logToStderr": True,
        "cniConfigDir": str(conf_dir),
        "multusAutoconfigDir": str(conf_dir),
        "multusConfigFile": "auto",
        "socketDir": f"{_SOCKETS}/",
        "daemonSocketDir": _SOCKETS,
        "binDir": str(bin_dir),
    }


class _Calls:
    def __init__(self, node: Node, conf: dict[str, Any]) -> None:
        self._node = node
        self._conf = {key: value for key, value in conf.items() if key != "capabilities"}

    def add(self, pod: Pod) -> Stages:
        return [[[self._call("ADD", pod, {})]]]

    def delete(self, pod: Pod, results: list[Any]) -> Stages:
        return [[[self._call("DEL", pod, {"prevResult": results[0]} if results else {})]]]

    def files(self) -> list[str]:
        """Its caches of delegates and results."""
        found = (
            *self._node.paths.var_lib_cni.glob("multus/*"),
            *self._node.paths.var_lib_cni.glob("results/*"),
        )
        return sorted(path.name for path in found)

    def _call(self, command: str, pod: Pod, more: dict[str, Any]) -> dict[str, Any]:
        """Its conf declares no annotations: it reads them from the API."""
        bin_dir = self._node.paths.bin_dir
        return {
            "program": str(bin_dir / _SHIM),
            "environment": sides.environment(command, pod, "eth0", bin_dir),
            "config": {**self._conf, **more},
        }

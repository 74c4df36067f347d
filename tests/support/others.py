"""Programs other than netattach that attach and release pods: Multus, and the runtime with the default network alone."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netattach_core.caches import multus as multus_cache
from netattach_core.cni import netattach_conf
from netattach_core.cni import request as cni_request
from support import multus
from support.multus import Delegate
from support.node import CnitoolNode, NodePod


class Others:
    """These programs on a node, and their cache files."""

    def __init__(self, node: CnitoolNode) -> None:
        self.node = node
        self.root = node.stage.paths.var_lib_cni

    def container_id(self, pod: NodePod) -> str:
        """As cnitool, the runtime of these tests, derives it from the namespace's path."""
        return "cnitool-" + hashlib.sha512(pod.netns.encode()).hexdigest()[:20]

    def multus_list(self, pod: NodePod) -> Path:
        return self.root / "multus" / self.container_id(pod)

    def files(self) -> list[str]:
        """All cache files, without those that the runtime writes for netattach's conflist."""
        kept = [path for name in ("multus", "results") for path in (self.root / name).rglob("*")]
        return [path.name for path in kept if path.is_file() and not path.name.startswith("netattach-")]

    def runtime_cache(self) -> list[str]:
        """The runtime's cache files, including those for netattach's conflist."""
        return [path.name for path in (self.root / "results").iterdir()]

    def multus_add(self, pod: NodePod, *delegates: Delegate, release: str = "4.2") -> None:
        """Attaches each network with the real plugins, and writes the files of Multus and its libcni."""
        for index, delegate in enumerate(delegates):
            ifname = delegate.ifname or ("eth0" if index == 0 else f"net{index}")
            result = self._plugins_add(pod, delegate, ifname)
            path = self.root / "multus/results" / f"{delegate.config_name}-{self.container_id(pod)}-{ifname}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(multus.cached(delegate, self.container_id(pod), ifname, pod.netns, result))
        self.multus_list(pod).write_bytes(multus.delegate_list(delegates, release))
        self._cache_multus_call(pod)

    def _cache_multus_call(self, pod: NodePod) -> None:
        """As the runtime caches its call of Multus."""
        own = Delegate(multus_cache.NAME, {"name": multus_cache.NAME, "type": "multus"})
        path = self.root / "results" / f"{own.config_name}-{self.container_id(pod)}-eth0"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(multus.cached(own, self.container_id(pod), "eth0", pod.netns, {}))

    def runtime_add(self, pod: NodePod) -> None:
        """The runtime without a meta-plugin, with the real libcni."""
        self._runtime("add", pod)

    def runtime_delete(self, pod: NodePod) -> None:
        """The runtime after the meta-plugin was removed."""
        self._runtime("del", pod)

    def multus_delete(self, pod: NodePod) -> None:
        """As Multus does: its list in reverse, each delegate with `Bytes` and libcni's result (pkg/multus, CmdDel)."""
        delegates = json.loads(self.multus_list(pod).read_bytes())
        for index, each in reversed(list(enumerate(delegates))):
            config = json.loads(base64.b64decode(each["Bytes"]))
            ifname = each.get("ifnameRequest") or ("eth0" if index == 0 else f"net{index}")
            note = self.root / "multus/results" / f"{config['name']}-{self.container_id(pod)}-{ifname}"
            result = json.loads(note.read_bytes())["result"]
            plugins = config["plugins"] if each["ConfList"].get("plugins") else [config]
            for plugin in reversed(plugins):
                head = {"cniVersion": config["cniVersion"], "name": config["name"]}
                self._plugin("DEL", pod, ifname, {**head, **plugin, "prevResult": result})
            note.unlink()
        self.multus_list(pod).unlink()

    def runtime_call(self, verb: str, pod: NodePod) -> subprocess.CompletedProcess[str]:
        """The default network alone; may fail."""
        return self._cnitool(verb, "cbr0", pod, self.node.stage.paths.conf_dir)

    def _cnitool(
        self, verb: str, network: str, pod: NodePod, config: Path
    ) -> subprocess.CompletedProcess[str]:
        environment = {
            "NETCONFPATH": str(config),
            "CNI_PATH": str(self.node.stage.paths.bin_dir),
            "CNI_ARGS": cni_request.args_text({"K8S_POD_NAMESPACE": pod.namespace, "K8S_POD_NAME": pod.name}),
        }
        return self.node.stage.run(self.node.cnitool, verb, network, pod.netns, env=environment, check=False)

    def old_runtime_call(
        self, verb: str, pod: NodePod, cached: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A runtime that appends no plugins from directories, as containerd 1.6; may fail.

        It uses the first file, or the one that it has `cached`.
        """
        file = cached or self.first_file()
        return self._cnitool(verb, json.loads(file.read_text())["name"], pod, file.parent)

    def first_file(self) -> Path:
        """A copy of the first file by name except netattach's conflist, in a directory of its own."""
        places = self.node.stage.paths
        present = [path for path in places.conf_dir.iterdir() if path.suffix in netattach_conf.SUFFIXES]
        first = min(path for path in present if path.name != netattach_conf.FILE_NAME)
        alone = places.root / "taken-first"
        shutil.rmtree(alone, ignore_errors=True)
        alone.mkdir()
        return Path(shutil.copy(first, alone))

    def _runtime(self, verb: str, pod: NodePod) -> None:
        done = self.runtime_call(verb, pod)
        assert done.returncode == 0, done.stderr

    def _plugins_add(self, pod: NodePod, delegate: Delegate, ifname: str) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for plugin in delegate.plugins:
            head = {"cniVersion": delegate.config["cniVersion"], "name": delegate.config_name}
            previous = {"prevResult": result} if result else {}
            result = json.loads(self._plugin("ADD", pod, ifname, {**head, **plugin, **previous}))
        return result

    def _plugin(self, verb: str, pod: NodePod, ifname: str, stdin: Mapping[str, Any]) -> str:
        environment = {
            "CNI_COMMAND": verb,
            "CNI_CONTAINERID": self.container_id(pod),
            "CNI_NETNS": pod.netns,
            "CNI_IFNAME": ifname,
            "CNI_ARGS": "IgnoreUnknown=1",
            "CNI_PATH": str(self.node.stage.paths.bin_dir),
        }
        path = self.node.stage.paths.bin_dir / str(stdin["type"])
        return self.node.stage.run(path, env=environment, stdin=json.dumps(stdin)).stdout

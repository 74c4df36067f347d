"""Those who attach and free pods on a node without us: Multus, and the runtime by the default network alone."""

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
from support.node import Node, NodePod


class Others:
    """Who stands on the node before us or after us, and their files."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.root = node.stage.paths.var_lib_cni

    def container_id(self, pod: NodePod) -> str:
        """As cnitool, which stands for the runtime, makes it of the namespace."""
        return "cnitool-" + hashlib.sha512(pod.netns.encode()).hexdigest()[:20]

    def scratch(self, pod: NodePod) -> Path:
        return self.root / "multus" / self.container_id(pod)

    def files(self) -> list[str]:
        """All cache files of others, those that the runtime keeps of our own network left out."""
        kept = [path for name in ("multus", "results") for path in (self.root / name).rglob("*")]
        return [path.name for path in kept if path.is_file() and not path.name.startswith("netattach-")]

    def runtimes_notes(self) -> list[str]:
        """What the runtime has noted of networks, ours among them."""
        return [path.name for path in (self.root / "results").iterdir()]

    def multus_adds(self, pod: NodePod, *delegates: Delegate, release: str = "4.2") -> None:
        """Each network by the real plugins, with the files that Multus and its libcni leave."""
        for index, delegate in enumerate(delegates):
            ifname = delegate.ifname or ("eth0" if index == 0 else f"net{index}")
            result = self._plugins_add(pod, delegate, ifname)
            path = self.root / "multus/results" / f"{delegate.config_name}-{self.container_id(pod)}-{ifname}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(multus.cached(delegate, self.container_id(pod), ifname, pod.netns, result))
        self.scratch(pod).write_bytes(multus.scratch(delegates, release))
        self._runtime_notes_multus(pod)

    def _runtime_notes_multus(self, pod: NodePod) -> None:
        itself = Delegate(multus_cache.NAME, {"name": multus_cache.NAME, "type": "multus"})
        path = self.root / "results" / f"{itself.config_name}-{self.container_id(pod)}-eth0"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(multus.cached(itself, self.container_id(pod), "eth0", pod.netns, {}))

    def primary_adds(self, pod: NodePod) -> None:
        """The runtime by itself, before there was a meta-plugin; its libcni is the real one."""
        self._runtime("add", pod)

    def primary_deletes(self, pod: NodePod) -> None:
        """The runtime by itself, after there was a meta-plugin."""
        self._runtime("del", pod)

    def multus_deletes(self, pod: NodePod) -> None:
        """As Multus does: the list backwards, each with `Bytes` and libcni's result (pkg/multus, CmdDel)."""
        delegates = json.loads(self.scratch(pod).read_bytes())
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
        self.scratch(pod).unlink()

    def primary_tries(self, verb: str, pod: NodePod) -> subprocess.CompletedProcess[str]:
        """Whatever comes of it."""
        return self._cnitool(verb, "cbr0", pod, self.node.stage.paths.conf_dir)

    def _cnitool(self, verb: str, network: str, pod: NodePod, conf: Path) -> subprocess.CompletedProcess[str]:
        environment = {
            "NETCONFPATH": str(conf),
            "CNI_PATH": str(self.node.stage.paths.bin_dir),
            "CNI_ARGS": cni_request.args_text({"K8S_POD_NAMESPACE": pod.namespace, "K8S_POD_NAME": pod.name}),
        }
        return self.node.stage.run(self.node.cnitool, verb, network, pod.netns, env=environment, check=False)

    def earlier_runtime(
        self, verb: str, pod: NodePod, seen: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """One that chains no directories, as containerd 1.6, with the file that it takes now, or took when it looked last.

        Whatever comes of it.
        """
        file = seen or self.taken_first()
        return self._cnitool(verb, json.loads(file.read_text())["name"], pod, file.parent)

    def taken_first(self) -> Path:
        """A copy of the first file by name, alone in a directory; our own conf is gone for the runtime."""
        places = self.node.stage.paths
        present = [path for path in places.conf_dir.iterdir() if path.suffix in netattach_conf.SUFFIXES]
        first = min(path for path in present if path.name != netattach_conf.FILE_NAME)
        alone = places.root / "taken-first"
        shutil.rmtree(alone, ignore_errors=True)
        alone.mkdir()
        return Path(shutil.copy(first, alone))

    def _runtime(self, verb: str, pod: NodePod) -> None:
        done = self.primary_tries(verb, pod)
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

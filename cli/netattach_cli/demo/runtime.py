"""What a container runtime does for a pod: a network namespace, and the CNI calls for netattach's conflist.

The calls are those of containerd: the CNI config on standard input, the pod's name in CNI_ARGS, and its annotations through the
capability that the CNI config declares.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netattach_cli.demo.demo_node import DemoNode
from netattach_core.cni import netattach_conf
from netattach_core.cni import request as cni_request


class CallError(Exception):
    """A CNI call failed; the message is the one that the runtime gets and writes into the pod's events."""


@dataclass(frozen=True, slots=True)
class DemoPod:
    """A pod of the demo; its sandbox is a network namespace of the same name."""

    name: str
    annotations: dict[str, str]
    namespace: str = "default"
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    sandbox: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def netns(self) -> str:
        return f"/run/netns/{self.name}"

    def body(self) -> dict[str, Any]:
        """The pod as an API object."""
        metadata = {
            "name": self.name,
            "namespace": self.namespace,
            "uid": self.uid,
            "annotations": self.annotations,
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


class Runtime:
    """Starts and stops pods on a demo node. Some runtimes pass the pods' annotations to CNI plugins, others do not."""

    def __init__(self, node: DemoNode, *, passes_annotations: bool = True) -> None:
        self._node = node
        self._passes_annotations = passes_annotations

    def start(self, pod: DemoPod) -> dict[str, Any]:
        """Creates the sandbox and attaches it; returns the CNI result. Raises CallError."""
        write_object(self._node.paths.store / "pods", pod.body())
        self._node.run("ip", "netns", "add", pod.name)
        self._node.run("ip", "-n", pod.name, "link", "set", "lo", "up")
        result: dict[str, Any] = json.loads(self.call("ADD", pod))
        return result

    def stop(self, pod: DemoPod) -> None:
        """Detaches the sandbox and removes it. Raises CallError."""
        self.call("DEL", pod)
        self._node.run("ip", "netns", "delete", pod.name)

    def in_pod(self, pod: DemoPod, *arguments: str) -> str:
        """The output of a command in the pod. Raises DemoNodeError if it fails."""
        return self._node.run("nsenter", f"--net={pod.netns}", "--", *arguments).stdout

    def status(self, pod: DemoPod) -> str:
        """The pod's network-status annotation in the store; "" where it has none."""
        path = self._node.paths.store / "pods" / pod.namespace / f"{pod.name}.json"
        annotations: dict[str, str] = json.loads(path.read_text())["metadata"]["annotations"]
        return annotations.get("k8s.v1.cni.cncf.io/network-status", "")

    def call(self, command: str, pod: DemoPod) -> str:
        """One CNI call for a pod; returns the shim's output. Raises CallError."""
        paths = self._node.paths
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": pod.sandbox,
            "CNI_NETNS": pod.netns,
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(paths.bin_dir),
            "CNI_ARGS": cni_request.args_text(
                {
                    "K8S_POD_NAMESPACE": pod.namespace,
                    "K8S_POD_NAME": pod.name,
                    "K8S_POD_INFRA_CONTAINER_ID": pod.sandbox,
                    "K8S_POD_UID": pod.uid,
                }
            ),
        }
        done = self._node.run(
            paths.bin_dir / netattach_conf.TYPE, env=environment, stdin=self._stdin(pod), check=False
        )
        if done.returncode:
            raise CallError(_message(done.stdout or done.stderr))
        return done.stdout

    def _stdin(self, pod: DemoPod) -> str:
        """The plugin's part of netattach's conflist, with the keys that libcni adds."""
        conflist = json.loads((self._node.paths.conf_dir / netattach_conf.FILE_NAME).read_text())
        runtime_config = {cni_request.POD_ANNOTATIONS: pod.annotations} if self._passes_annotations else {}
        return json.dumps(
            {
                **conflist["plugins"][0],
                "name": conflist["name"],
                "cniVersion": conflist["cniVersion"],
                "runtimeConfig": runtime_config,
            }
        )


def write_object(directory: Path, body: dict[str, Any]) -> None:
    """Writes an object to the daemon's file store, as `kubectl create` would to the API server."""
    metadata = body["metadata"]
    path = directory / metadata.get("namespace", "default") / f"{metadata['name']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body))


def _message(stdout: str) -> str:
    try:
        error = json.loads(stdout)
        return str(error["msg"]) + (f" ({error['details']})" if error.get("details") else "")
    except (ValueError, KeyError, TypeError):
        return stdout.strip()

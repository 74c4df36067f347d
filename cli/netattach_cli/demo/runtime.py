"""What a container runtime does for a pod: a network namespace, a process in it, and the CNI calls of our conf.

The calls are made exactly as containerd makes them: the conf on standard input, the pod in CNI_ARGS, its annotations by the
capability that the conf declares.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netattach_cli.demo.stage import Stage
from netattach_core.cni import netattach_conf
from netattach_core.cni import request as cni_request


class CallError(Exception):
    """A CNI call failed; the message is what the runtime, and so the reader of the pod's events, is told."""


@dataclass(frozen=True, slots=True)
class DemoPod:
    """A pod of the demo."""

    name: str
    annotations: dict[str, str]
    namespace: str = "default"
    uid: str = field(default_factory=lambda: str(uuid.uuid4()))
    sandbox: str = field(default_factory=lambda: uuid.uuid4().hex)

    @property
    def netns(self) -> str:
        return f"/run/netns/{self.name}"

    def body(self) -> dict[str, Any]:
        """The pod as the API would hold it."""
        metadata = {
            "name": self.name,
            "namespace": self.namespace,
            "uid": self.uid,
            "annotations": self.annotations,
        }
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


class Runtime:
    """Starts and removes pods on a stage; some runtimes hand the pods' annotations over, some do not."""

    def __init__(self, stage: Stage, *, hands_over_annotations: bool = True) -> None:
        self._stage = stage
        self._hands_over = hands_over_annotations

    def start(self, pod: DemoPod) -> dict[str, Any]:
        """Makes the sandbox and attaches it; the CNI result. Raises CallError."""
        write_object(self._stage.places.store / "pods", pod.body())
        self._stage.run("ip", "netns", "add", pod.name)
        self._stage.run("ip", "-n", pod.name, "link", "set", "lo", "up")
        result: dict[str, Any] = json.loads(self.call("ADD", pod))
        return result

    def stop(self, pod: DemoPod) -> None:
        """Detaches the sandbox and removes it. Raises CallError."""
        self.call("DEL", pod)
        self._stage.run("ip", "netns", "delete", pod.name)

    def in_pod(self, pod: DemoPod, *words: str) -> str:
        """What a command prints in the pod. Raises StageError where it fails."""
        return self._stage.run("nsenter", f"--net={pod.netns}", "--", *words).stdout

    def status(self, pod: DemoPod) -> str:
        """The pod's annotations as they stand in the API now."""
        path = self._stage.places.store / "pods" / pod.namespace / f"{pod.name}.json"
        annotations: dict[str, str] = json.loads(path.read_text())["metadata"]["annotations"]
        return annotations.get("k8s.v1.cni.cncf.io/network-status", "")

    def call(self, command: str, pod: DemoPod) -> str:
        """One CNI call for a pod; what the shim printed. Raises CallError."""
        places = self._stage.places
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": pod.sandbox,
            "CNI_NETNS": pod.netns,
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(places.bin_dir),
            "CNI_ARGS": cni_request.args_text(
                {
                    "K8S_POD_NAMESPACE": pod.namespace,
                    "K8S_POD_NAME": pod.name,
                    "K8S_POD_INFRA_CONTAINER_ID": pod.sandbox,
                    "K8S_POD_UID": pod.uid,
                }
            ),
        }
        done = self._stage.run(
            places.bin_dir / netattach_conf.TYPE, env=environment, stdin=self._stdin(pod), check=False
        )
        if done.returncode:
            raise CallError(_message(done.stdout or done.stderr))
        return done.stdout

    def _stdin(self, pod: DemoPod) -> str:
        """The plugin's part of our conflist with what libcni adds to it."""
        conflist = json.loads((self._stage.places.conf_dir / netattach_conf.FILE_NAME).read_text())
        runtime_config = {cni_request.POD_ANNOTATIONS: pod.annotations} if self._hands_over else {}
        return json.dumps(
            {
                **conflist["plugins"][0],
                "name": conflist["name"],
                "cniVersion": conflist["cniVersion"],
                "runtimeConfig": runtime_config,
            }
        )


def write_object(directory: Path, body: dict[str, Any]) -> None:
    """Puts an object into the store, as `kubectl create` would."""
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

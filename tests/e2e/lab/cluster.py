"""The cluster for tests and `make cluster`: creates and deletes it, and runs kubectl as a user would."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from e2e.lab import control, images, machine, process
from e2e.lab.nodes import NODES, LabNode
from e2e.lab.places import AUDIT_LOG, KUBECONFIG, REPOSITORY, WORK, binaries

CONFIG_MAP = "netattach-config"
SETTINGS_SECONDS = 2.5
"""Within these a daemon has read its mounted file again."""

CONTROL, NODE = "netattach-system", "netattach-node"
_PROGRAMS = ((CONTROL, "deployment/netattach-operator"), (CONTROL, "deployment/netattach-webhooks"),
             (NODE, "daemonset/netattach-daemon"))  # fmt: skip


class Cluster:
    """One at a time on a machine: creating, deleting and using it requires `lock.held`."""

    seconds_to_ready = 0.0
    """From `kubectl apply` until all programs were ready, the first time."""

    _began: float | None = None

    def up(self) -> None:
        """Creates it, after removing the remains of an earlier one."""
        self.down()
        WORK.mkdir(parents=True)
        machine.prepare()
        images.write_all()
        NODES["node2"].start()  # its kernel takes longest, and boots while the API comes up
        control.start()
        NODES["node1"].start()
        for node in NODES.values():
            self.wait_node(node.name)

    def down(self) -> None:
        """Deletes what belongs to the cluster and nothing else; succeeds where there is none."""
        for node in NODES.values():
            node.stop()
        for name in ("scheduler", "kcm", "apiserver", "etcd"):
            process.kill(name)
        machine.restore()
        shutil.rmtree(WORK, ignore_errors=True)

    @property
    def runs(self) -> bool:
        return all(process.pid(name) for name in ("apiserver", *NODES))

    def node(self, name: str) -> LabNode:
        return NODES[name]

    def load(self, image: Path) -> None:
        for node in NODES.values():
            node.load(image)

    def reboot(self, name: str) -> None:
        """Cuts the node's power and starts it again; returns when it is ready, which its pods may not be yet."""
        NODES[name].stop()
        before = f"{datetime.now(UTC):%FT%TZ}"
        NODES[name].start()
        self.wait_node(name, since=before)

    def install(self) -> None:
        """`kubectl apply -k deploy/`, until every program is ready."""
        self.begin_install()
        self.apply(REPOSITORY / "deploy")
        self.end_install()

    def apply(self, deploy: Path, seconds: int = 120, without: Sequence[str] = ()) -> None:
        """`kubectl apply -k` of the manifests of any release, until every program is ready, within so many seconds each.

        `without`: the components that stay as they are.
        """
        selector = f"app.kubernetes.io/component notin ({','.join(without)})"
        self.kubectl("apply", "-k", deploy, *(("--selector", selector) if without else ()))
        self.wait_installed(seconds)

    def wait_installed(self, seconds: int = 120) -> None:
        """Until every program of the current manifests is ready, within so many seconds each. Raises RuntimeError."""
        for namespace, name in _PROGRAMS:
            words = ("rollout", "status", "--namespace", namespace, name, f"--timeout={seconds}s")
            done = self.kubectl(*words, check=False)
            if done.returncode:
                raise RuntimeError(
                    f"{name} is not ready:\n{done.stdout}{done.stderr}{self.describe(namespace)}"
                )

    def begin_install(self) -> None:
        """To be called before `kubectl apply -k deploy/`, wherever that is run."""
        self._began = None if self.seconds_to_ready else time.monotonic()

    def end_install(self) -> None:
        """To be called when all programs are ready after that command; the last call counts."""
        if self._began is not None:
            self.seconds_to_ready = time.monotonic() - self._began

    @property
    def installed(self) -> bool:
        return self.exists("namespace", CONTROL)

    def uninstall(self) -> None:
        self.kubectl("delete", "-k", REPOSITORY / "deploy", "--wait=true", "--timeout=120s")

    def kubectl(
        self,
        *words: str | Path,
        input: str | None = None,  # noqa: A002  # subprocess' own word
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        command = (binaries() / "kubectl", "--kubeconfig", KUBECONFIG, "--cache-dir", WORK / "kubectl")
        return process.run(*command, *words, input=input, check=check)

    def read(self, kind: str, name: str, namespace: str = "default") -> dict[str, Any]:
        text = self.kubectl("get", kind, name, "--namespace", namespace, "--output=json").stdout
        body: dict[str, Any] = json.loads(text)
        return body

    def exists(self, kind: str, name: str, namespace: str = "default") -> bool:
        words = ("get", kind, name, "--namespace", namespace, "--output=name", "--ignore-not-found")
        return bool(self.kubectl(*words).stdout)

    def objects(self, kind: str, *words: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, *words, "--output=json").stdout)[
            "items"
        ]
        return items

    def events(self, pod: str, reason: str, namespace: str = "default") -> str:
        """The messages of the pod's events of this reason, each a line."""
        fields = f"involvedObject.name={pod},reason={reason}"
        words = ("get", "events", "--namespace", namespace, "--field-selector", fields, "--output")
        return self.kubectl(*words, 'jsonpath={range .items[*]}{.message}{"\\n"}{end}').stdout

    def eventually(
        self, true: Callable[[], object], what: str, seconds: float = 60, every: float = 0.2
    ) -> None:
        """Returns once `true` returns something true."""
        deadline = time.monotonic() + seconds
        while not true():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds:g} s: {what}")
            time.sleep(every)

    def wait_ready(self, pod: str, namespace: str = "default", seconds: int = 120) -> None:
        """A busy machine's kubelet may take a minute to begin; the error contains the kubelets' log lines about the pod."""
        words = (
            "wait",
            "--for=condition=Ready",
            f"pod/{pod}",
            "--namespace",
            namespace,
            f"--timeout={seconds}s",
        )
        done = self.kubectl(*words, check=False)
        if done.returncode:
            described = self.kubectl("describe", "pod", pod, "--namespace", namespace).stdout
            kubelets = "\n".join(process.mentions(f"{name}-kubelet", pod) for name in NODES)
            raise AssertionError(f"{done.stderr}\n{described}\n{kubelets}")

    def wait_running(self, pod: str) -> None:
        """Until a command can be run in it. A pod that was ready before an outage stays ready in the API for a while after it."""
        words = ("exec", pod, "--", "true")
        self.eventually(lambda: self.kubectl(*words, check=False).returncode == 0, f"{pod} runs", every=1)

    def wait_node(self, name: str, since: str = "") -> None:
        """Until it reports that it is ready, after `since`: the API keeps an earlier report for a while."""
        condition = '{.status.conditions[?(@.type=="Ready")]'
        fields = f"jsonpath={condition}.status}} {condition}.lastHeartbeatTime}}"

        def ready() -> bool:
            assert process.pid(name), f"{name} has ended"
            reported = self.kubectl("get", "node", name, "--output", fields, check=False).stdout
            status, _, when = reported.partition(" ")
            return status == "True" and when > since

        try:
            self.eventually(ready, f"{name} is ready", seconds=120, every=0.5)
        except AssertionError as error:
            logs = "\n".join(process.tail(log) for log in (name, f"{name}-containerd", f"{name}-kubelet"))
            raise RuntimeError(f"{error}\n{logs}") from error

    def describe(self, namespace: str) -> str:
        """Descriptions and logs of a namespace's pods, for an error's text."""
        texts = [self.kubectl("describe", "pods", "--namespace", namespace, check=False).stdout]
        for name in self.kubectl(
            "get", "pods", "--namespace", namespace, "--output=name", check=False
        ).stdout.split():
            texts.append(f"== {name}")
            texts.append(
                self.kubectl("logs", "--namespace", namespace, name, "--tail=30", check=False).stdout
            )
        return "\n".join(texts)

    def set_settings(self, text: str) -> None:
        """Writes the ConfigMap and waits until each daemon has read it."""
        self.patch_settings(text)
        for node in NODES:
            self.eventually(self._settings_are(text, node), f"settings on {node}", seconds=150, every=3)
        time.sleep(SETTINGS_SECONDS)

    def patch_settings(self, text: str) -> None:
        """Writes the ConfigMap; the kubelets copy it to the daemons in a minute or two."""
        patch = json.dumps({"data": {"config.yaml": text}})
        words = ("--namespace", NODE, "configmap", CONFIG_MAP, "--type=merge", f"--patch={patch}")
        self.kubectl("patch", *words)

    def daemon_file(self, node: str, path: str) -> str:
        """A file as the daemon's container sees it, "" while there is none. Python is the only program there."""
        script = f"from pathlib import Path as P; p = P({path!r}); print(p.read_text() if p.exists() else '', end='')"
        python = ("--", "/opt/netattach/bin/python", "-c", script)
        return self.kubectl("exec", "--namespace", NODE, self._daemon(node), *python).stdout

    def _settings_are(self, text: str, node: str) -> Callable[[], bool]:
        def they_are() -> bool:
            self._touch_pod(node)  # again, since the kubelet may not have received the new text yet
            try:
                return self.daemon_file(node, "/etc/netattach/config.yaml") == text
            except RuntimeError:  # a kubelet that was just restarted does not know its pods yet
                return False

        return they_are

    def _touch_pod(self, node: str) -> None:
        """A change of the pod makes the kubelet update the mounted file at once; otherwise it takes a minute or two."""
        stamp = f"test/touched={time.time()}"
        self.kubectl("annotate", "--overwrite", "--namespace", NODE, f"pod/{self._daemon(node)}", stamp)

    def _daemon(self, node: str) -> str:
        pods = self.objects(
            *("pods", "--namespace", NODE, "--field-selector", f"spec.nodeName={node}"),
            *("--selector", "app.kubernetes.io/component=daemon"),
        )
        return str(pods[0]["metadata"]["name"])

    @contextlib.contextmanager
    def api_down(self) -> Iterator[None]:
        """Stops the API server meanwhile. Clients reconnect after up to a minute, so the kubelets are restarted afterwards."""
        control.stop_api()
        try:
            yield
        finally:
            control.start_api()
        for node in NODES.values():
            node.kill("kubelet")
            node.start_again("kubelet")
        for name in NODES:
            self.eventually(functools.partial(self._answers, name), f"{name}'s kubelet answers")

    def _answers(self, node: str) -> bool:
        return (
            self.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/healthz", check=False).returncode == 0
        )

    def audit(self) -> list[dict[str, Any]]:
        """The requests to the API server, in order."""
        return [json.loads(line) for line in AUDIT_LOG.read_text().splitlines() if line.endswith("}")]


def reused() -> bool:
    """Whether the tests use a cluster that runs already, and keep it."""
    return os.environ.get("NETATTACH_CLUSTER") == "keep"

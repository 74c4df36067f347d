"""A node for tests: the node of the demo with a daemon, and cnitool, the reference client, as its runtime."""

from __future__ import annotations

import contextlib
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from netattach_cli.demo.demo_node import DemoNode
from netattach_cli.demo.runtime import write_object
from netattach_core.api.nad import RESOURCE_NAME
from netattach_core.cni import request as cni_request
from support.waiting import eventually

NETWORKS = "k8s.v1.cni.cncf.io/networks"
STATUS = "k8s.v1.cni.cncf.io/network-status"
_numbers = itertools.count(1)


@dataclass
class NodePod:
    """A pod whose sandbox is a network namespace of its name."""

    name: str
    annotations: dict[str, str]
    uid: str
    namespace: str = "default"

    @property
    def netns(self) -> str:
        return f"/run/netns/{self.name}"


@dataclass
class CnitoolNode:
    """Calls by cnitool on a node of the demo, and the state of that node, read from the kernel and from files.

    `more_plugins` is a second directory of plugins for the runtime.
    """

    stage: DemoNode
    cnitool: Path
    hands_over_annotations: bool = True
    more_plugins: Path | None = None

    def create_nad(
        self,
        name: str,
        config: dict[str, Any] | str,
        namespace: str = "default",
        resource: str = "",
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`more` are other annotations of the network."""
        text = config if isinstance(config, str) else json.dumps(config)
        annotations = {RESOURCE_NAME: resource} if resource else {}
        metadata = {"namespace": namespace, "name": name, "annotations": {**annotations, **more}}
        body = {"kind": "NetworkAttachmentDefinition", "metadata": metadata, "spec": {"config": text}}
        write_object(self.stage.paths.store / "nads", body)

    @contextlib.contextmanager
    def pod(
        self,
        networks: str | list[dict[str, Any]] = "",
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> Iterator[NodePod]:
        """A pod with its sandbox, before any call; the namespace is deleted afterwards. `more` are other annotations."""
        number = next(_numbers)
        text = networks if isinstance(networks, str) else json.dumps(networks)
        selected = {NETWORKS: text} if text else {}
        pod = NodePod(f"pod{number}", {**selected, **more}, f"uid{number}")
        metadata = {
            "namespace": pod.namespace,
            "name": pod.name,
            "uid": pod.uid,
            "annotations": pod.annotations,
        }
        write_object(self.stage.paths.store / "pods", {"kind": "Pod", "metadata": metadata})
        self.stage.run("ip", "netns", "add", pod.name)
        self.stage.run("ip", "-n", pod.name, "link", "set", "lo", "up")  # as every runtime does
        try:
            yield pod
        except BaseException:
            self.call("del", pod)  # a test that fails must not make others fail
            raise
        finally:
            self._delete_namespace(pod.name)

    def _delete_namespace(self, name: str) -> None:
        """Returns when the kernel has removed the node's ends of the pod's veths, which it does afterwards."""
        listed = self.stage.run("ip", "-o", "link").stdout.splitlines()
        ends = {
            line.split(": ")[1].split("@")[0]
            for line in listed
            if line.rstrip().endswith(f"link-netns {name}")
        }
        self.stage.run("ip", "netns", "delete", name, check=False)
        eventually(lambda: not ends & set(self.link_names()), f"the removal of {ends}")

    def add(self, pod: NodePod) -> dict[str, Any]:
        """ADD, which has to succeed; the result."""
        done = self.call("add", pod)
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def delete(self, pod: NodePod) -> None:
        """DEL, which has to succeed."""
        done = self.call("del", pod)
        assert done.returncode == 0, done.stderr

    def call(self, verb: str, pod: NodePod, netns: str = "") -> subprocess.CompletedProcess[str]:
        """A call of the runtime, whether it succeeds or not."""
        offered = {cni_request.POD_ANNOTATIONS: pod.annotations} if self.hands_over_annotations else {}
        arguments = {"K8S_POD_NAMESPACE": pod.namespace, "K8S_POD_NAME": pod.name, "K8S_POD_UID": pod.uid}
        environment = {
            "NETCONFPATH": str(self.stage.paths.conf_dir),
            "CNI_PATH": ":".join(map(str, filter(None, (self.stage.paths.bin_dir, self.more_plugins)))),
            "CNI_ARGS": cni_request.args_text(arguments),
            "CAP_ARGS": json.dumps(offered),
        }
        return self.stage.run(
            self.cnitool, verb, "netattach", netns or pod.netns, env=environment, check=False
        )

    def in_pod(self, pod: NodePod, *words: str) -> str:
        return self.stage.run("ip", "netns", "exec", pod.name, *words).stdout

    def links(self, pod: NodePod | None = None) -> list[dict[str, Any]]:
        """The links of the pod, or of the node, as the kernel lists them."""
        words = ("ip", "-details", "-json", "address")
        links: list[dict[str, Any]] = json.loads(
            self.in_pod(pod, *words) if pod else self.stage.run(*words).stdout
        )
        return links

    def link_names(self, pod: NodePod | None = None) -> list[str]:
        return [link["ifname"] for link in self.links(pod)]

    def link(self, pod: NodePod, name: str) -> dict[str, Any]:
        return next(link for link in self.links(pod) if link["ifname"] == name)

    def addresses(self, pod: NodePod, name: str) -> list[str]:
        """The addresses of an interface, without the link's own."""
        infos = self.link(pod, name)["addr_info"]
        return [f"{info['local']}/{info['prefixlen']}" for info in infos if info["scope"] == "global"]

    def default_routes(self, pod: NodePod, family: int = 4) -> list[str]:
        """`interface gateway` of each default route of the main table, `-` for none; a route of several hops gives several."""
        listed = json.loads(self.in_pod(pod, "ip", f"-{family}", "-json", "route", "show", "default"))
        hops = [hop for route in listed for hop in route.get("nexthops", [route])]
        return [f"{hop['dev']} {hop.get('gateway', '-')}" for hop in hops]

    def kind(self, pod: NodePod, name: str) -> str:
        return str(self.link(pod, name)["linkinfo"]["info_kind"])

    def status_text(self, pod: NodePod) -> str | None:
        path = self.stage.paths.store / "pods" / pod.namespace / f"{pod.name}.json"
        text: str | None = json.loads(path.read_text())["metadata"]["annotations"].get(STATUS)
        return text

    def status(self, pod: NodePod) -> list[dict[str, Any]]:
        text = self.status_text(pod)
        assert text is not None
        entries: list[dict[str, Any]] = json.loads(text)
        return entries

    def pings(self, pod: NodePod, address: str, interface: str = "net1") -> bool:
        words = ("ping", "-c", "1", "-W", "5", "-I", interface, address)
        return self.stage.run("ip", "netns", "exec", pod.name, *words, check=False).returncode == 0

    def leases(self) -> list[str]:
        """host-local's leases, `network/address`; with `(empty)` where it was killed before it wrote the owner."""
        stores = self.stage.paths.leases.glob("*/*")
        return sorted(_lease(path) for path in stores if path.name[0].isdigit())

    def ledger_entries(self) -> list[str]:
        return self.stage.paths.sandbox_files()

    def records(self) -> list[str]:
        """The sandboxes that the shim has attached without the daemon."""
        return sorted(path.name for path in (self.stage.paths.ledger / "chains/plain").glob("*"))

    def nat_rules(self) -> list[str]:
        """portmap's rules for host ports."""
        rules = self.stage.run("iptables", "-t", "nat", "-S", check=False).stdout.splitlines()
        return [rule for rule in rules if rule.startswith("-A CNI-DN-")]

    def leftovers(self) -> dict[str, list[str]]:
        """Everything that a pod may leave, without the bridges that plugins create for the node."""
        stays = {"lo", "eth0", "eth1", "cbr0", "mybr0", "mybr1", "mybr2"}
        return {
            "links": [name for name in self.link_names() if name not in stays],
            "leases": self.leases(),
            "ledger": self.ledger_entries(),
            "device-info": [path.name for path in self.stage.paths.device_info.glob("cni/*")],
            "nat": self.nat_rules() if shutil.which("iptables") else [],
            "namespaces": [
                line.split()[0]
                for line in self.stage.run("ip", "netns").stdout.splitlines()
                if line[:3] == "pod"
            ],
        }


def _lease(path: Path) -> str:
    try:
        owner = "" if path.stat().st_size else " (empty)"
    except FileNotFoundError:  # released since it was listed
        owner = ""
    return f"{path.parent.name}/{path.name}{owner}"

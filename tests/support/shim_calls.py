"""Calls of the shim itself on a node whose daemon is stopped, for pods without secondary networks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netattach_core.cni import netattach_conf
from netattach_core.cni import request as cni_request
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Chain
from support.node import CnitoolNode, NodePod
from support.waiting import eventually

NOTHING: dict[str, list[str]] = {"links": [], "leases": [], "ledger": [], "nat": []}
TRY_AGAIN, DELEGATE, OTHER = 11, 100, 999


def call(
    node: CnitoolNode,
    verb: str,
    pod: NodePod,
    *,
    offered: dict[str, Any] | None = None,
    stdin: str = "",
    version: str = "1.0.0",
    hand_over: bool = True,
    wait_ms: int = 50,
) -> tuple[dict[str, str], str]:
    """The environment and the standard input of a call, as a runtime makes it."""
    annotations = {cni_request.POD_ANNOTATIONS: pod.annotations} if hand_over else {}
    config = {
        "cniVersion": version,
        "name": "netattach",
        "type": "netattach",
        "runtimeConfig": annotations | (offered or {}),
    }
    environment = {
        "CNI_COMMAND": verb,
        "NETATTACH_WAIT_MS": str(wait_ms),
        "CNI_CONTAINERID": sandbox(pod),
        "CNI_NETNS": pod.netns,
        "CNI_IFNAME": "eth0",
        "CNI_PATH": str(node.stage.paths.bin_dir),
        "CNI_ARGS": f"K8S_POD_NAMESPACE={pod.namespace};K8S_POD_NAME={pod.name};K8S_POD_UID={pod.uid}",
    }
    return environment, stdin or json.dumps(config)


def binary(node: CnitoolNode) -> Path:
    return node.stage.paths.bin_dir / netattach_conf.TYPE


def run(
    node: CnitoolNode, verb: str, pod: NodePod, *, shim: Path | None = None, **more: Any
) -> subprocess.CompletedProcess[str]:
    """Runs the shim to its end."""
    environment, stdin = call(node, verb, pod, **more)
    return node.stage.run(shim or binary(node), env=environment, stdin=stdin, check=False)


def error_of(node: CnitoolNode, verb: str, pod: NodePod, **more: Any) -> dict[str, Any]:
    """The error object of a call; empty where it succeeded."""
    done = run(node, verb, pod, **more)
    if done.returncode == 0:
        return {}
    error: dict[str, Any] = json.loads(done.stdout)
    return error


def left_on(node: CnitoolNode) -> dict[str, list[str]]:
    left = node.leftovers()
    return {key: left[key] for key in NOTHING}


def locks(node: CnitoolNode) -> list[str]:
    return node.stage.run("ls", "/run/netattach/locks", check=False).stdout.split()


def primary_path(node: CnitoolNode) -> Path:
    return node.stage.paths.ledger / "chains/primary"


@contextlib.contextmanager
def recompiled(node: CnitoolNode, *, steps_like: int = 0, **changes: Any) -> Iterator[None]:
    """Changes the compiled chain of the default network; restores it afterwards."""
    path = primary_path(node)
    before = path.read_bytes()
    chain: Chain = compiled_chain.parse(before)
    values = {name: getattr(chain, name) for name in Chain.__slots__} | changes
    values["steps"] = values["steps"] * (steps_like or 1)
    path.write_bytes(compiled_chain.encode(Chain(**values)))
    try:
        yield
    finally:
        path.write_bytes(before)


def sandbox(pod: NodePod) -> str:
    """The id that cnitool gives the pod's sandbox."""
    return f"cnitool-{hashlib.sha512(pod.netns.encode()).digest()[:10].hex()}"


def begun(node: CnitoolNode, pod: NodePod, verb: str = "ADD") -> subprocess.Popen[bytes]:
    """Starts a call and returns its process."""
    environment, stdin = call(node, verb, pod)
    shim = subprocess.Popen(
        node.stage.command("env", *(f"{key}={value}" for key, value in environment.items()), binary(node)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert shim.stdin is not None
    with shim.stdin:
        shim.stdin.write(stdin.encode())
    return shim


@contextlib.contextmanager
def adding(node: CnitoolNode, pod: NodePod, pids: Path) -> Iterator[subprocess.Popen[bytes]]:
    """An ADD that hangs in its second plugin; it is killed afterwards."""
    shim = begun(node, pod)
    try:
        eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        yield shim
    finally:
        shim.kill()
        shim.wait()


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children(pid: int) -> list[int]:
    """The child processes; none where the process is gone."""
    try:
        return [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()

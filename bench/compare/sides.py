"""Who attaches the pods. Each side has a node of its own, all nodes are alike, and all are measured in turn."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from compare.cases import DEFAULT_TYPE, Pod
from compare.node import Node
from netattach_kube import cluster_settings

Stages = list[list[list[dict[str, Any]]]]
"""The calls of one pod; see `agent`."""


class Calls(Protocol):
    """How a side attaches a pod."""

    def add(self, pod: Pod) -> Stages: ...

    def delete(self, pod: Pod, results: list[Any]) -> Stages:
        """`results` are those of the ADD's chains."""

    def files(self) -> list[str]:
        """The side's own files about sandboxes: none once all pods are detached."""


@dataclass(frozen=True, slots=True)
class Running:
    """A side whose daemon runs. `daemon` is its process id, None for a side without one."""

    name: str
    node: Node
    calls: Calls
    daemon: int | None = None


class Side(Protocol):
    """A side that can be installed on a node."""

    @property
    def name(self) -> str: ...

    def running(self, node: Node) -> contextlib.AbstractContextManager[Running]: ...

    def missing(self) -> str:
        """Why it cannot be measured here, "" if it can."""


NATIVE = "netattach native"
BY_PLUGINS = "netattach by plugins"
NATIVE_SECONDARIES = "netattach native, default network by plugin"
MULTUS = "Multus"
ONE_BY_ONE = "plugins by hand, one by one"
FLOOR = "plugins by hand, at once"

NATIVE_TYPES: tuple[str, ...] = tuple(
    cluster_settings.SCHEMA["properties"].get("nativeLinks", {}).get("properties", {})
)
"""Those that this version of netattach can attach without their plugin."""

NATIVE_LINKS: dict[str, dict[str, str]] = {
    BY_PLUGINS: dict.fromkeys(NATIVE_TYPES, "never"),
    NATIVE: dict.fromkeys(NATIVE_TYPES, "auto"),
    NATIVE_SECONDARIES: {**dict.fromkeys(NATIVE_TYPES, "auto"), DEFAULT_TYPE: "never"},
}
"""netattach's sides differ in this one of the cluster's settings."""


def all_sides(
    shim: Path, multus_daemon: Path | None, multus_shim: Path | None, interpreter: str = sys.executable
) -> list[Side]:
    """In the order of the tables; `interpreter` runs our daemon."""
    from compare.hand_side import HandSide  # noqa: PLC0415  # they import this module
    from compare.multus_side import MultusSide  # noqa: PLC0415
    from compare.netattach_side import NetattachSide  # noqa: PLC0415

    return [
        HandSide(ONE_BY_ONE, at_once=False),
        HandSide(FLOOR, at_once=True),
        *(
            NetattachSide(name, shim, links, _missing(name), interpreter)
            for name, links in NATIVE_LINKS.items()
        ),
        MultusSide(MULTUS, multus_daemon, multus_shim),
    ]


def _missing(name: str) -> str:
    """Why a side of netattach is the same as another one in this version, "" if it is not."""
    if name == NATIVE and not NATIVE_TYPES:
        return "this version of netattach attaches nothing without a plugin"
    if name == NATIVE_SECONDARIES and DEFAULT_TYPE not in NATIVE_TYPES:
        return (
            f"this version of netattach attaches no {DEFAULT_TYPE}, the default network, without its plugin"
        )
    return ""


def environment(command: str, pod: Pod, ifname: str, bin_dir: Path) -> dict[str, str]:
    """The environment of a CNI call, as a kubelet's runtime sets it."""
    arguments = {
        "IgnoreUnknown": "1",
        "K8S_POD_NAMESPACE": "default",
        "K8S_POD_NAME": pod.name,
        "K8S_POD_INFRA_CONTAINER_ID": pod.sandbox,
        "K8S_POD_UID": pod.uid,
    }
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": pod.sandbox,
        "CNI_NETNS": pod.netns,
        "CNI_IFNAME": ifname,
        "CNI_PATH": str(bin_dir),
        "CNI_ARGS": ";".join(f"{key}={value}" for key, value in arguments.items()),
    }


@contextlib.contextmanager
def without_daemon(name: str, node: Node, calls: Calls) -> Iterator[Running]:
    yield Running(name, node, calls)

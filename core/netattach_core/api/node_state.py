"""What a node's daemon reports of its work: STATUS, attached pods, pods without their networks, the probe.

They are parts of the inventory (`inventory.py`); the dict forms have camelCase keys.
"""

from __future__ import annotations

import enum
import sys
from dataclasses import dataclass
from typing import Any

MOST_UNMET = 20
"""Pods that an inventory lists; `total` counts the others too."""


@dataclass(frozen=True, slots=True)
class SriovFunction:
    """An SR-IOV physical function: the virtual functions that it can have, and those that it has now."""

    total_vfs: int
    vfs: int = 0


@dataclass(frozen=True, slots=True)
class CniStatus:
    """The default network's last response to STATUS: `code` is that of its CNI error, 0 where it is ready.

    `time`, as RFC 3339, is that of the first of several same responses.
    """

    ready: bool
    code: int = 0
    message: str = ""
    time: str = ""


@dataclass(frozen=True, slots=True)
class AttachedNetwork:
    """A network, "namespace/name", and the pods of the node that are attached to it: `outdated` with an older text of the NAD."""

    network: str
    pods: int
    outdated: int = 0


@dataclass(frozen=True, slots=True)
class Attached:
    """The pods of the node with networks of NADs, by the ledger and by Multus' cache; `networks` has all, sorted by name."""

    pods: int = 0
    networks: tuple[AttachedNetwork, ...] = ()

    def of(self, network: str) -> AttachedNetwork:
        """The counts of a network, "namespace/name"."""
        return next((each for each in self.networks if each.network == network), AttachedNetwork(network, 0))


class UnmetReason(enum.StrEnum):
    """Why a pod runs without a network that its annotations ask for.

    ANNOTATION_CHANGED: the pod got all that it asked for when it was attached, and its annotation asks for more since.
    """

    NOT_ATTACHED = "NotAttached"
    OTHER_SANDBOX = "OtherSandbox"
    INTERFACE_MISSING = "InterfaceMissing"
    ANNOTATION_CHANGED = "AnnotationChanged"


@dataclass(frozen=True, slots=True)
class UnmetPod:
    """A running pod and the networks, "namespace/name", that it lacks. `reason` is one of UnmetReason, or of a later release."""

    namespace: str
    name: str
    uid: str
    networks: tuple[str, ...]
    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class UnmetPods:
    """The number of all such pods of the node, and the first ones by name."""

    total: int = 0
    pods: tuple[UnmetPod, ...] = ()


@dataclass(frozen=True, slots=True)
class Probe:
    """The last attachment in a probe namespace, in which boot and when (RFC 3339); `message` says why it failed."""

    boot_id: str
    succeeded: bool
    message: str = ""
    time: str = ""


def sriov_dict(function: SriovFunction) -> dict[str, Any]:
    return {"totalVFs": function.total_vfs, "vfs": function.vfs}


def sriov(body: Any) -> SriovFunction:
    return SriovFunction(int(body["totalVFs"]), int(body.get("vfs", 0)))


def cni_status_dict(status: CniStatus) -> dict[str, Any]:
    return {
        "ready": status.ready,
        "code": status.code,
        "message": status.message,
        **({"time": status.time} if status.time else {}),
    }


def cni_status(body: Any) -> CniStatus:
    return CniStatus(
        bool(body.get("ready")),
        int(body.get("code", 0)),
        str(body.get("message", "")),
        str(body.get("time", "")),
    )


def attached_dict(attached: Attached) -> dict[str, Any]:
    networks = [
        {"network": each.network, "pods": each.pods, "outdated": each.outdated} for each in attached.networks
    ]
    return {"pods": attached.pods, "networks": networks}


def attached(body: Any) -> Attached:
    networks = [
        AttachedNetwork(
            sys.intern(str(each["network"])), int(each.get("pods", 0)), int(each.get("outdated", 0))
        )
        for each in body.get("networks") or ()
    ]
    return Attached(int(body.get("pods", 0)), tuple(networks))


def unmet_pods_dict(unmet: UnmetPods) -> dict[str, Any]:
    pods = [
        {
            "namespace": each.namespace,
            "name": each.name,
            "uid": each.uid,
            "networks": list(each.networks),
            "reason": str(each.reason),
            "message": each.message,
        }
        for each in unmet.pods
    ]
    return {"total": unmet.total, "pods": pods}


def unmet_pods(body: Any) -> UnmetPods:
    pods = [
        UnmetPod(
            namespace=str(each["namespace"]),
            name=str(each["name"]),
            uid=str(each.get("uid", "")),
            networks=tuple(map(str, each.get("networks") or ())),
            reason=str(each.get("reason", "")),
            message=str(each.get("message", "")),
        )
        for each in body.get("pods") or ()
    ]
    return UnmetPods(int(body.get("total", 0)), tuple(pods))


def probe_dict(probe: Probe) -> dict[str, Any]:
    return {
        "bootID": probe.boot_id,
        "succeeded": probe.succeeded,
        "message": probe.message,
        **({"time": probe.time} if probe.time else {}),
    }


def probe(body: Any) -> Probe:
    return Probe(
        str(body.get("bootID", "")),
        bool(body.get("succeeded")),
        str(body.get("message", "")),
        str(body.get("time", "")),
    )

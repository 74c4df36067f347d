"""Whether each part of netattach works, from the objects of a cluster."""

from __future__ import annotations

import base64
import binascii
import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from netattach_cli.ask import bodies, durations, unmet
from netattach_cli.ask.contests import CONTESTED
from netattach_cli.status import certificates
from netattach_cli.status.inputs import Facts, Many, One
from netattach_core.api.node_state import UnmetPod
from netattach_core.api.objects import Body
from netattach_core.errors import DecodeError

_EXPIRES_SOON = timedelta(days=20)
"""As the alert NetattachCertificateExpires: the operator renews earlier."""

_LEASE_LATE = timedelta(seconds=60)
"""Four times the duration of a Lease: the clocks of this machine and of the operator's may differ."""

_NOT_READY_YET = "it has no status: is the operator running?"


class State(enum.StrEnum):
    """Of a part of netattach."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Item:
    """An object that is part of what is wrong. `kind` is kubectl's, `where` its node or its number of nodes."""

    kind: str
    namespace: str
    name: str
    where: str = ""
    reason: str = ""
    message: str = ""

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Check:
    """One part: how it is, in a phrase, and the objects that are wrong."""

    name: str
    state: State
    message: str
    items: Sequence[Item] = ()


def checks(facts: Facts) -> list[Check]:
    """All checks, in the order in which their failures matter."""
    return [
        _daemons(facts),
        _webhooks(facts),
        _operator(facts),
        _certificates(facts),
        _networks(facts.networks),
        _pods(facts.inventories),
        _configs(facts),
    ]


def _daemons(facts: Facts) -> Check:
    status = bodies.mapping(facts.daemons.body, "status")
    ready, total = bodies.number(status, "numberReady"), bodies.number(status, "desiredNumberScheduled")
    if facts.daemons.body is None:
        return _absent("daemons", facts.daemons, "the DaemonSet netattach-daemon does not exist")
    if not total:
        return Check("daemons", State.WRONG, "0/0 ready: no node is selected")
    message = f"{ready}/{total} ready{_rollout(status, total)}"
    items = [_daemon_item(pod) for pod in facts.daemon_pods.bodies if not bodies.is_ready_pod(pod)]
    return Check(
        "daemons", State.OK if ready >= total else State.WRONG, message, items if ready < total else ()
    )


def _rollout(status: Any, total: int) -> str:
    updated = bodies.number(status, "updatedNumberScheduled")
    return "" if updated in {0, total} else f", {updated} of them updated"


def _daemon_item(pod: Body) -> Item:
    containers = [
        *bodies.items(pod, "status", "initContainerStatuses"),
        *bodies.items(pod, "status", "containerStatuses"),
    ]
    waiting = next((found for each in containers if (found := bodies.mapping(each, "state", "waiting"))), {})
    reason = bodies.text(waiting, "reason") or bodies.text(bodies.condition(pod, "Ready"), "reason")
    message = bodies.text(waiting, "message") or bodies.text(bodies.condition(pod, "Ready"), "message")
    node = bodies.text(pod, "spec", "nodeName")
    return Item("pod", bodies.namespace(pod), bodies.name(pod), node, reason or "NotReady", message)


def _webhooks(facts: Facts) -> Check:
    deployed = _deployment("webhooks", facts.webhooks)
    if not facts.validating.known or deployed.state is not State.OK:
        return deployed
    if facts.validating.body is None:
        problem = "not registered, so nothing is validated: the ValidatingWebhookConfiguration netattach does not exist"
        return Check("webhooks", State.WRONG, f"{deployed.message}, but {problem}")
    configurations = [each.body for each in (facts.validating, facts.mutating) if each.body]
    if not all(_bundle(webhook) for body in configurations for webhook in bodies.items(body, "webhooks")):
        return Check("webhooks", State.WRONG, f"{deployed.message}, but a webhook has no CA yet")
    return deployed


def _deployment(name: str, one: One) -> Check:
    if one.body is None:
        return _absent(name, one, f"the Deployment netattach-{name} does not exist")
    ready, total = (
        bodies.number(one.body, "status", "readyReplicas"),
        bodies.number(one.body, "spec", "replicas"),
    )
    state = State.OK if ready >= total > 0 else State.WRONG
    return Check(name, state, f"{ready}/{total} ready")


def _operator(facts: Facts) -> Check:
    deployed = _deployment("operator", facts.operator)
    if deployed.state is not State.OK or not facts.lease.known:
        return deployed
    spec = bodies.mapping(facts.lease.body, "spec")
    holder = bodies.text(spec, "holderIdentity")
    renewed = durations.moment(bodies.text(spec, "renewTime"))
    if not holder or renewed is None:
        return Check("operator", State.WRONG, f"{deployed.message}, but none leads")
    if facts.now - renewed > _LEASE_LATE:
        ago = durations.shown(facts.now - renewed)
        return Check(
            "operator", State.WRONG, f"{deployed.message}, but {holder} last renewed its Lease {ago} ago"
        )
    return Check("operator", State.OK, f"{deployed.message}, {holder} leads")


def _certificates(facts: Facts) -> Check:
    """The CA is public, in the webhook configuration; the certificate is in a Secret, which not everybody may read."""
    found = dict(_expiries(facts))
    unreadable = [name for name, expires in found.items() if expires is None]
    known = {name: expires for name, expires in found.items() if expires is not None}
    if unreadable:
        return Check("certificates", State.WRONG, f"the {unreadable[0]} cannot be read: it is no certificate")
    if not known:
        return Check("certificates", State.UNKNOWN, "unknown")
    parts = [_validity(name, expires - facts.now) for name, expires in known.items()]
    soon = any(expires - facts.now < _EXPIRES_SOON for expires in known.values())
    return Check("certificates", State.WRONG if soon else State.OK, ", ".join(parts))


def _expiries(facts: Facts) -> Iterator[tuple[str, datetime | None]]:
    if facts.certificate.body is not None:
        yield "certificate", _expiry(bodies.text(facts.certificate.body, "data", "tls.crt"))
    webhooks = bodies.items(facts.validating.body, "webhooks")
    if bundle := next((found for each in webhooks if (found := _bundle(each))), ""):
        yield "CA", _expiry(bundle)


def _expiry(text: str) -> datetime | None:
    """Of the first certificate, which is the one in use: older CAs come after it. None for anything else."""
    try:
        return certificates.expiries(base64.b64decode(text))[0]
    except (DecodeError, binascii.Error, ValueError):
        return None


def _bundle(webhook: Any) -> str:
    return bodies.text(webhook, "clientConfig", "caBundle")


def _validity(name: str, left: timedelta) -> str:
    if left < timedelta(0):
        return f"the {name} expired {durations.shown(-left)} ago"
    return f"{name} valid for {durations.shown(left)}"


def _networks(networks: Many) -> Check:
    if not networks.known:
        return Check("networks", State.UNKNOWN, "unknown")
    items = [item for body in networks.bodies if (item := _network_item(body)) is not None]
    total = len(networks.bodies)
    if not total:
        return Check("networks", State.OK, "none")
    message = f"{total - len(items)}/{total} ready"
    return Check(
        "networks", State.WRONG if items else State.OK, message, sorted(items, key=lambda i: i.full_name)
    )


def _network_item(body: Body) -> Item | None:
    """None for a network that is ready wherever it is for; one that is for no node is no failure."""
    conditions = [bodies.condition(body, type_) for type_ in ("Valid", "Permitted", "Ready")]
    failed = next((each for each in conditions if each.get("status") == "False"), None)
    if failed is None and conditions[0]:
        return None
    kind, namespace, name = "network-attachment-definition", bodies.namespace(body), bodies.name(body)
    where = bodies.text(body, "status", "nodes", "summary")
    if failed is None:
        return Item(kind, namespace, name, where, "NoStatus", _NOT_READY_YET)
    return Item(kind, namespace, name, where, bodies.text(failed, "reason"), bodies.text(failed, "message"))


def _pods(inventories: Many) -> Check:
    if not inventories.known:
        return Check("pods", State.UNKNOWN, "unknown")
    total = sum(bodies.number(each, "status", "unmetPods", "total") for each in inventories.bodies)
    attached = sum(bodies.number(each, "status", "attached", "pods") for each in inventories.bodies)
    items = [_pod_item(bodies.name(each), pod) for each in inventories.bodies for pod in unmet.pods(each)]
    count = f"{attached} pods have networks" if attached != 1 else "1 pod has networks"
    if not total:
        return Check("pods", State.OK, f"{count}, none lacks one")
    return Check("pods", State.WRONG, f"{count}, {total} lack{'s' if total == 1 else ''} one", items)


def _pod_item(node: str, pod: UnmetPod) -> Item:
    return Item("pod", pod.namespace, pod.name, node, pod.reason, pod.message)


def _configs(facts: Facts) -> Check:
    """An Event is there for an hour; the contest goes on only where the daemon of that node is not ready."""
    if not facts.contests.known:
        return Check("CNI configs", State.UNKNOWN, "unknown")
    latest: dict[str, Item] = {}
    for event in sorted(facts.contests.bodies, key=_time):
        node = bodies.text(event, "involvedObject", "name")
        if _may_be_contested(node, facts):
            latest[node] = Item("node", "", node, node, CONTESTED, bodies.text(event, "message"))
    if not latest:
        return Check("CNI configs", State.OK, "none is contested")
    message = f"contested on {len(latest)} node{'' if len(latest) == 1 else 's'}"
    return Check("CNI configs", State.WRONG, message, list(latest.values()))


def _may_be_contested(node: str, facts: Facts) -> bool:
    """Not where the daemon is ready, nor where none has been: who may write Events could name any node."""
    daemons = [pod for pod in facts.daemon_pods.bodies if bodies.text(pod, "spec", "nodeName") == node]
    if any(map(bodies.is_ready_pod, daemons)):
        return False
    if not facts.daemon_pods.known or not facts.inventories.known:
        return True
    return bool(daemons) or any(bodies.name(each) == node for each in facts.inventories.bodies)


def _time(event: Body) -> str:
    return bodies.text(event, "lastTimestamp") or bodies.text(event, "eventTime")


def _absent(name: str, one: One, problem: str) -> Check:
    return Check(name, State.WRONG, problem) if one.known else Check(name, State.UNKNOWN, "unknown")

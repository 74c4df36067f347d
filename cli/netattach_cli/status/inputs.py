"""The objects that the checks of `netattach status` look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from netattach_cli.ask import bodies, contests, installed
from netattach_cli.cluster.reader import Pending, Reader
from netattach_core.api.objects import Body
from netattach_kube.resource import (
    DAEMON_SETS,
    INVENTORIES,
    LEASES,
    MUTATING_WEBHOOKS,
    NADS,
    PODS,
    SECRETS,
    VALIDATING_WEBHOOKS,
    Resource,
)

DEPLOYMENTS = Resource("apps", "v1", "deployments", "Deployment")


@dataclass(frozen=True, slots=True)
class One:
    """An object that was asked for by its name: None where there is none, or where it is not known whether there is one."""

    body: Body | None
    known: bool = True


@dataclass(frozen=True, slots=True)
class Many:
    """Objects of a kind; none where they could not be read."""

    bodies: Sequence[Body] = ()
    known: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is, as the API server returned it."""

    now: datetime
    daemons: One
    operator: One
    webhooks: One
    lease: One
    validating: One
    mutating: One
    certificate: One
    networks: Many
    inventories: Many
    contests: Many
    daemon_pods: Many = field(default_factory=Many)
    """Of all nodes; read only where not all daemons are ready, or where a contest was reported."""


def gather(reader: Reader, now: datetime) -> Facts:
    """One request for each kind of objects, all at the same time; and one more where daemons are not ready."""
    control, node = installed.CONTROL_NAMESPACE, installed.NODE_NAMESPACE
    one, many = reader.one, reader.many
    daemons = one(DAEMON_SETS, installed.DAEMON, namespace=node, unknown="whether the daemons are ready is")
    operator = one(
        DEPLOYMENTS, installed.OPERATOR, namespace=control, unknown="whether the operator is ready is"
    )
    webhooks = one(
        DEPLOYMENTS, installed.WEBHOOKS, namespace=control, unknown="whether the webhooks are ready is"
    )
    lease = one(LEASES, installed.OPERATOR, namespace=control, unknown="who leads is")
    validating = one(
        VALIDATING_WEBHOOKS,
        installed.CONFIGURATION,
        unknown="whether networks are validated, and the CA, are",
    )
    mutating = one(MUTATING_WEBHOOKS, installed.MUTATION, unknown="whether pods are changed at admission is")
    certificate = one(
        SECRETS, installed.CERTIFICATE, namespace=control, unknown="when the webhooks' certificate expires is"
    )
    networks = many(NADS, unknown="the networks are")
    inventories = many(INVENTORIES, unknown="which pods lack a network is")
    contested = contests.contests(reader)
    pods = Many()
    if contested.objects or not _all_ready(daemons.first):
        pods = _many(
            many(
                PODS, namespace=node, labels=installed.DAEMON_LABELS, unknown="which daemons are not ready is"
            )
        )
    return Facts(
        now=now,
        daemons=_one(daemons),
        operator=_one(operator),
        webhooks=_one(webhooks),
        lease=_one(lease),
        validating=_one(validating),
        mutating=_one(mutating),
        certificate=_one(certificate),
        networks=_many(networks),
        inventories=_many(inventories),
        contests=_many(contested),
        daemon_pods=pods,
    )


def _all_ready(daemons: Body | None) -> bool:
    status = bodies.mapping(daemons, "status")
    return bodies.number(status, "numberReady") >= bodies.number(status, "desiredNumberScheduled")


def _one(pending: Pending[Body]) -> One:
    return One(pending.first, pending.known)


def _many(pending: Pending[Body]) -> Many:
    return Many(pending.objects, pending.known)

"""What the programs may do, and what whoever has captured one would try: requests with the verdict that each has to get."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from e2e import rbac_every_program, rbac_node_writes
from e2e.api_request import ACCEPTED, RBAC, Request
from e2e.rbac_every_program import (
    CONTROL,
    CORE,
    CRDS,
    INVENTORIES,
    INVENTORY_CRD,
    LABEL,
    LEASES,
    MUTATION,
    NAD_CRD,
    NADS,
    NETWORK,
    OTHER_POD,
    OWNER,
    POD,
    STATUS,
    WEBHOOKS,
    Body,
    Case,
    metadata,
)
from support import require


def accepted(program: str) -> dict[str, Request]:
    """What the program needs, so that the refusals below are not those of a token that can do nothing."""
    allowed = {**_ALLOWED[program], **rbac_node_writes.accepted(program)}
    return {name: request for name, (request, _) in allowed.items()}


def refused(program: str) -> dict[str, Case]:
    """By name, each with the verdict it has to get."""
    more = rbac_node_writes.refused(program)
    return {**dict(rbac_every_program.refused(program)), **_REFUSED[program], **more}


def _status(name: str, **changed: Any) -> Request:
    body = {"metadata": {"annotations": {STATUS: "[]"}}, **changed}
    return Request("PATCH", f"{CORE}/namespaces/default/pods/{name}/status", body)


def _inventory(name: str) -> Request:
    return Request("PATCH", f"{INVENTORIES}/{name}", LABEL)


def event(
    component: str, host: str, about: Mapping[str, str], namespace: str = "default", **more: Any
) -> Request:
    """As the programs write it; `about` is the involved object."""
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": metadata("rbac.1", namespace, **more.pop("metadata", {})),
        "involvedObject": {"namespace": "default", **about},
        "type": "Warning",
        "reason": "FailedAttachment",
        "message": "an attempt",
        "source": {"component": component, **({"host": host} if host else {})},
        "reportingComponent": component,
        "reportingInstance": host,
        **more,
    }
    return Request("POST", f"{CORE}/namespaces/{namespace}/events", body)


_A_POD = {"apiVersion": "v1", "kind": "Pod", "name": POD}
_A_NETWORK = {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition", "name": NETWORK}


def _daemon_event(**more: Any) -> Request:
    return event("netattach", "node1", _A_POD, **more)


def _node_event(name: str = "node1", **more: Any) -> Request:
    about = {"apiVersion": "v1", "kind": "Node", "name": name, "namespace": ""}
    return event("netattach", "node1", about, **{"reason": "CNIConfigContested", **more})


def _crd(name: str, change: Callable[[Body], object] = lambda _: None) -> Request:
    file = require.REPOSITORY / "crds" / f"{name.partition('.')[0]}.yaml"
    body = yaml.safe_load(file.read_text())
    change(body)
    return Request("APPLY", f"{CRDS}/{body['metadata']['name']}", body)


def _created(applied: Request) -> Request:
    """Instead of an apply: of an established CRD, the API server itself refuses another kind or scope."""
    return Request("POST", CRDS, applied.body)


def _schema(body: Body) -> Body:
    schema: Body = body["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def _config_schema(body: Body) -> Body:
    schema: Body = _schema(body)["properties"]["spec"]["properties"]["config"]
    return schema


def _conversion(body: Body) -> None:
    service = {"namespace": "default", "name": "captured"}
    webhook = {"clientConfig": {"service": service}, "conversionReviewVersions": ["v1"]}
    body["spec"]["conversion"] = {"strategy": "Webhook", "webhook": webhook}


def _second_version(body: Body) -> None:
    second = {**copy.deepcopy(body["spec"]["versions"][0]), "name": "v2", "storage": False}
    body["spec"]["versions"].append(second)


def _renamed(body: Body) -> None:
    body["metadata"]["name"] = "captures.example.com"
    body["spec"] |= {"group": "example.com", "names": {"plural": "captures", "kind": "Capture"}}


def _secret(name: str, namespace: str = CONTROL, **more: Any) -> Request:
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata(name, namespace), **more}
    return Request("POST", f"{CORE}/namespaces/{namespace}/secrets", body)


def _token_secret() -> Request:
    """Kubernetes would write the token of another account into it, and its name is one that the operator may read."""
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(
            "netattach-ca", CONTROL, annotations={"kubernetes.io/service-account.name": "netattach-webhooks"}
        ),
        "type": "kubernetes.io/service-account-token",
    }
    return Request("POST", f"{CORE}/namespaces/{CONTROL}/secrets", body)


def _lease(name: str) -> Request:
    body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata(name), "spec": {}}
    return Request("POST", f"{LEASES}/{CONTROL}/leases", body)


_ALLOWED: dict[str, dict[str, Case]] = {
    "daemon": {
        "read the pods": (Request("GET", f"{CORE}/pods"), ACCEPTED),
        "read the networks": (Request("GET", f"{NADS}/{NETWORK}"), ACCEPTED),
        "read the nodes": (Request("GET", f"{CORE}/nodes"), ACCEPTED),
        "write the status of a pod of its node": (_status(POD), ACCEPTED),
        "write its inventory": (_inventory("node1"), ACCEPTED),
        "write an event about a pod of its node": (_daemon_event(), ACCEPTED),
        "write an event about a pod without its network": (_daemon_event(reason="NetworkMissing"), ACCEPTED),
        "write an event about its node": (_node_event(), ACCEPTED),
    },
    "operator": {
        "read its secret": (Request("GET", f"{CORE}/namespaces/{CONTROL}/secrets/netattach-ca"), ACCEPTED),
        "read its lease": (Request("GET", f"{LEASES}/{CONTROL}/leases/netattach-operator"), ACCEPTED),
        "read the pods": (Request("GET", f"{CORE}/pods"), ACCEPTED),
        "apply the CRD of networks": (_crd(NAD_CRD), ACCEPTED),
        "apply the CRD of inventories": (_crd(INVENTORY_CRD), ACCEPTED),
        "write the status of a network": (
            Request("PATCH", f"{NADS}/{NETWORK}/status", {"status": {"pods": 1}}),
            ACCEPTED,
        ),
        "write an event about a network": (event("netattach-operator", "", _A_NETWORK), ACCEPTED),
        "write an event about a pod that it evicts": (
            event("netattach-operator", "", _A_POD, reason="EvictedWithoutNetworks"),
            ACCEPTED,
        ),
        "write an event about a pod without a node": (
            event("netattach-operator", "", _A_POD, reason="NoNodeForNetworks"),
            ACCEPTED,
        ),
    },
    "webhooks": {
        "read the pods": (Request("GET", f"{CORE}/pods"), ACCEPTED),
        "read the networks": (Request("GET", f"{NADS}/{NETWORK}"), ACCEPTED),
        "read the inventories": (Request("GET", INVENTORIES), ACCEPTED),
        "read their certificate": (
            Request("GET", f"{CORE}/namespaces/{CONTROL}/secrets/netattach-webhooks-tls"),
            ACCEPTED,
        ),
    },
}

_PODS, _INVENTORIES, _EVENTS = (
    "netattach-daemon-pods",
    "netattach-daemon-inventories",
    "netattach-daemon-events",
)
_CRDS, _NAMES, _OPERATOR_EVENTS = (
    "netattach-operator-crds",
    "netattach-operator-names",
    "netattach-operator-events",
)
_TLS = f"{CORE}/namespaces/{CONTROL}/secrets"

_REFUSED: dict[str, dict[str, Case]] = {
    "daemon": {
        "write the status of a pod of another node": (_status(OTHER_POD), _PODS),
        "write the address of a pod": (
            _status(POD, status={"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}),
            _PODS,
        ),
        "write the networks of a pod": (
            _status(POD, metadata={"annotations": {"k8s.v1.cni.cncf.io/networks": "kube-system/secret"}}),
            _PODS,
        ),
        "write a finalizer of a pod": (_status(POD, metadata={"finalizers": ["example.com/held"]}), _PODS),
        "write the inventory of another node": (_inventory("node2"), _INVENTORIES),
        "write an inventory in the name of another node": (
            Request("PATCH", f"{INVENTORIES}/node1", {"status": {"node": "node2"}}),
            _INVENTORIES,
        ),
        "create the inventory of a node that does not exist": (
            Request(
                "POST",
                INVENTORIES,
                {
                    "apiVersion": "netattach.io/v1alpha1",
                    "kind": "NodeNetworkInventory",
                    "metadata": metadata("node9"),
                },
            ),
            _INVENTORIES,
        ),
        "write an event in the name of another node": (event("netattach", "node2", _A_POD), _EVENTS),
        "write an event in the name of no node": (event("netattach", "", _A_POD), _EVENTS),
        "write an event in the name of another instance": (_daemon_event(reportingInstance="node2"), _EVENTS),
        "write an event in the name of the kubelet": (event("kubelet", "node1", _A_POD), _EVENTS),
        "write an event in the name of another controller": (
            _daemon_event(reportingComponent="kubelet"),
            _EVENTS,
        ),
        "write an event about another node": (_node_event("node2"), _EVENTS),
        "write an event about its node with the reason of a pod": (
            _node_event(reason="FailedAttachment"),
            _EVENTS,
        ),
        "write an event about a pod with the reason of a node": (
            _daemon_event(reason="CNIConfigContested"),
            _EVENTS,
        ),
        "write an event about a Deployment": (
            event("netattach", "node1", {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"}),
            _EVENTS,
        ),
        "write an event that is related to something": (
            _daemon_event(related={"kind": "Secret", "name": "x"}),
            _EVENTS,
        ),
        "write an event with another reason": (_daemon_event(reason="Evicted"), _EVENTS),
        "write an event with a finalizer": (
            _daemon_event(metadata={"finalizers": ["example.com/held"]}),
            _EVENTS,
        ),
        "write the status of a network": (Request("PATCH", f"{NADS}/{NETWORK}/status", {"status": {}}), RBAC),
        "read the CA": (Request("GET", f"{_TLS}/netattach-ca"), RBAC),
        "read the webhooks' key": (Request("GET", f"{_TLS}/netattach-webhooks-tls"), RBAC),
        "read the webhook configuration": (Request("GET", WEBHOOKS), RBAC),
        "write the operator's lease": (
            Request("PATCH", f"{LEASES}/{CONTROL}/leases/netattach-operator", LABEL),
            RBAC,
        ),
        "apply a CRD": (_crd(NAD_CRD), RBAC),
        "create a secret": (_secret("netattach-ca"), RBAC),
    },
    "operator": {
        "add a conversion to a CRD": (_crd(NAD_CRD, _conversion), _CRDS),
        "add a version to a CRD": (_crd(NAD_CRD, _second_version), _CRDS),
        "stop serving a CRD": (
            _crd(NAD_CRD, lambda body: body["spec"]["versions"][0].update(served=False)),
            _CRDS,
        ),
        "give every network a config": (
            _crd(NAD_CRD, lambda body: _config_schema(body).update(default="{}")),
            _CRDS,
        ),
        "give every network a spec": (
            _crd(NAD_CRD, lambda body: _schema(body)["properties"]["spec"].update(default={"config": "{}"})),
            _CRDS,
        ),
        "refuse every network by a condition": (
            _crd(
                NAD_CRD, lambda body: _schema(body).update({"x-kubernetes-validations": [{"rule": "false"}]})
            ),
            _CRDS,
        ),
        "require a field of every network": (
            _crd(NAD_CRD, lambda body: _schema(body)["properties"]["spec"].update(required=["captured"])),
            _CRDS,
        ),
        "add a field to every network": (
            _crd(
                NAD_CRD,
                lambda body: _schema(body)["properties"]["spec"]["properties"].update(a={"type": "string"}),
            ),
            _CRDS,
        ),
        "limit the configs of networks": (
            _crd(NAD_CRD, lambda body: _config_schema(body).update(maxLength=0)),
            _CRDS,
        ),
        "add a finalizer to a CRD": (
            _crd(NAD_CRD, lambda b: b["metadata"].update(finalizers=["example.com/held"])),
            _CRDS,
        ),
        "let the garbage collector delete a CRD": (
            _crd(NAD_CRD, lambda body: body["metadata"].update(ownerReferences=[OWNER])),
            _CRDS,
        ),
        "create a CRD with another kind": (
            _created(_crd(INVENTORY_CRD, lambda body: body["spec"]["names"].update(kind="Captured"))),
            _CRDS,
        ),
        "create a CRD with another scope": (
            _created(_crd(INVENTORY_CRD, lambda body: body["spec"].update(scope="Namespaced"))),
            _CRDS,
        ),
        "create another CRD": (
            _created(_crd(INVENTORY_CRD, _renamed)),
            _CRDS,
        ),
        "create a secret of another name": (_secret("captured"), _NAMES),
        "create a secret with a token": (_token_secret(), _NAMES),
        "create a secret in another namespace": (_secret("netattach-ca", "kube-system"), RBAC),
        "create a lease of another name": (_lease("captured"), _NAMES),
        "write another event about a pod": (event("netattach-operator", "", _A_POD), _OPERATOR_EVENTS),
        "write an event in the name of a daemon": (event("netattach", "node1", _A_NETWORK), _OPERATOR_EVENTS),
        "read a secret of another name": (Request("GET", f"{_TLS}/captured"), RBAC),
        "patch the webhook configuration": (Request("PATCH", WEBHOOKS, LABEL), RBAC),
        "patch the configuration that changes pods": (Request("PATCH", MUTATION, LABEL), RBAC),
        "write an inventory": (_inventory("node1"), RBAC),
        "write the status of a pod": (_status(POD), RBAC),
        "patch another CRD": (Request("PATCH", f"{CRDS}/captures.example.com", LABEL), RBAC),
        "write the status of a CRD": (Request("PATCH", f"{CRDS}/{NAD_CRD}/status", LABEL), RBAC),
    },
    "webhooks": {
        "write the status of a network": (Request("PATCH", f"{NADS}/{NETWORK}/status", {"status": {}}), RBAC),
        "write an inventory": (_inventory("node1"), RBAC),
        "write the status of a pod": (_status(POD), RBAC),
        "read one pod": (Request("GET", f"{CORE}/namespaces/default/pods/{POD}"), RBAC),
        "write an event": (event("netattach-webhooks", "", _A_POD), RBAC),
        "read the CA": (Request("GET", f"{_TLS}/netattach-ca"), RBAC),
        "write their certificate": (Request("PATCH", f"{_TLS}/netattach-webhooks-tls", LABEL), RBAC),
        "read the webhook configuration": (Request("GET", WEBHOOKS), RBAC),
        "write the webhook configuration": (Request("PATCH", WEBHOOKS, LABEL), RBAC),
        "write the operator's lease": (
            Request("PATCH", f"{LEASES}/{CONTROL}/leases/netattach-operator", LABEL),
            RBAC,
        ),
        "apply a CRD": (_crd(NAD_CRD), RBAC),
        "read the nodes": (Request("GET", f"{CORE}/nodes"), RBAC),
    },
}


def _first(change: Callable[[Body], object]) -> Callable[[Body], object]:
    return lambda configuration: change(configuration["webhooks"][0])


WEBHOOK_CHANGES: dict[str, Callable[[Body], object]] = {
    "a URL": _first(lambda w: w.update(clientConfig={"url": "https://192.0.2.1/captured"})),
    "another Service": _first(lambda w: w["clientConfig"]["service"].update(name="captured")),
    "another namespace": _first(lambda w: w["clientConfig"]["service"].update(namespace="default")),
    "another path": _first(lambda w: w["clientConfig"]["service"].update(path="/config")),
    "another port": _first(lambda w: w["clientConfig"]["service"].update(port=8443)),
    "other rules": _first(lambda w: w["rules"][0].update(resources=["secrets"], apiGroups=[""])),
    "another failurePolicy": _first(lambda w: w.update(failurePolicy="Ignore")),
    "another matchPolicy": _first(lambda w: w.update(matchPolicy="Exact")),
    "a namespaceSelector": _first(lambda w: w.update(namespaceSelector={"matchLabels": {"a": "b"}})),
    "an objectSelector": _first(lambda w: w.update(objectSelector={"matchLabels": {"a": "b"}})),
    "other conditions": _first(
        lambda w: w.update(matchConditions=[{"name": "never", "expression": "false"}])
    ),
    "no conditions": _first(lambda w: w.pop("matchConditions")),
    "another timeout": _first(lambda w: w.update(timeoutSeconds=30)),
    "other side effects": _first(lambda w: w.update(sideEffects="NoneOnDryRun")),
    "another name": _first(lambda w: w.update(name="captured.netattach.io")),
    "fewer webhooks": lambda configuration: configuration["webhooks"].pop(),
    "more webhooks": lambda configuration: configuration["webhooks"].append(
        {**configuration["webhooks"][0], "name": "captured.netattach.io"}
    ),
    "a label": lambda configuration: configuration["metadata"]["labels"].update(a="b"),
    "a finalizer": lambda configuration: configuration["metadata"].update(finalizers=["example.com/held"]),
    "an owner": lambda configuration: configuration["metadata"].update(ownerReferences=[OWNER]),
}
"""What an operator would change of the webhook configuration; in place."""

MUTATION_CHANGES: dict[str, Callable[[Body], object]] = {
    **WEBHOOK_CHANGES,
    "another failurePolicy": _first(lambda w: w.update(failurePolicy="Fail")),
    "another reinvocationPolicy": _first(lambda w: w.update(reinvocationPolicy="Never")),
}
"""The same for the one that changes pods."""


def publish(configuration: Body, bundle: str) -> None:
    """What it does change; the bundle is base64."""
    for webhook in configuration["webhooks"]:
        webhook["clientConfig"]["caBundle"] = bundle

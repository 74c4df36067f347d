"""Fuzz target: any bytes as the body of an AdmissionReview, handled as by the webhooks but without network and threads.

The first letter selects the webhook. A lower-case letter is followed by the whole body. After a capital letter the rest is only a
text (a CNI config, an annotation or settings), which is put into a valid review.
"""

from __future__ import annotations

import asyncio
import atexit
import dataclasses
import json
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar
from unittest import mock

from fuzz import known, properties
from netattach_core.api import inventory
from netattach_core.api.nad import NODE_SELECTOR, PROTECT, RESOURCE_NAME
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.errors import DecodeError, NotFoundError, TryAgainError
from netattach_core.policy.levels import ENFORCE_LABEL
from netattach_kube import cluster_settings
from netattach_webhooks import app, messages, pod_mutator, review, users_lookup, validators
from netattach_webhooks.cluster_cache import ClusterCache
from netattach_webhooks.metrics import Metrics, Outcome
from netattach_webhooks.pod_mutator import MutationResult
from netattach_webhooks.review import AdmissionRequest
from support import json_patches

P = ParamSpec("P")
T = TypeVar("T")
Body = dict[str, Any]

_KINDS = {
    b"n": "nads",
    b"p": "pods",
    b"t": "templates",
    b"c": "config",
    b"d": "deletions",
    b"m": validators.MUTATE_PODS,
}


def one_input(data: bytes) -> None:
    kind = _KINDS.get(data[:1].lower(), "")
    if not kind:
        return
    body = data[1:] if data[:1].islower() else _review_with(kind, properties.text_of(data[1:]))
    try:
        asked = review.decode(body)
    except DecodeError as error:
        properties.check_denial(error.message)
        return
    if kind == validators.MUTATE_PODS:
        _mutated(asked)
    else:
        _answered(kind, asked)


def _mutated(asked: AdmissionRequest) -> None:
    """A patch that can be applied, once."""
    result = _mutation(asked)
    properties.check_warnings(messages.notes(result.warnings))
    if result.patch and asked.object is not None:
        after = json_patches.applied(asked.object, json.loads(json.dumps(list(result.patch))))
        assert not _mutation(dataclasses.replace(asked, object=after)).patch


def _mutation(asked: AdmissionRequest) -> MutationResult:
    with mock.patch.object(pod_mutator, "run_in", _in_place):
        return _LOOP.run_until_complete(_WEBHOOKS._mutator.mutate(asked))


def _answered(kind: str, asked: AdmissionRequest) -> None:
    with (
        mock.patch.object(validators, "run_in", _in_place),
        mock.patch.object(users_lookup, "run_in", _in_place),
    ):
        validated = _LOOP.run_until_complete(_WEBHOOKS._validators.by_kind[kind](asked))
    properties.check_findings(validated.findings, validated.text, asked.subject)
    outcome, response = _WEBHOOKS._verdict(asked, validated)
    assert isinstance(response.body, bytes)
    answer = json.loads(response.body)
    reply = answer["response"]
    assert ("admission.k8s.io/v1", "AdmissionReview") == (answer["apiVersion"], answer["kind"])
    assert asked.uid == reply["uid"]
    assert reply["allowed"] is (outcome is Outcome.ALLOWED)
    properties.check_warnings(reply.get("warnings", []))
    if not reply["allowed"]:
        properties.check_denial(reply["status"]["message"])


def _review_with(kind: str, text: str) -> bytes:
    """The review of an object that contains this text."""
    pod = {"metadata": {"name": "web", "annotations": {NETWORKS: text}}, "spec": {}}
    objects: dict[str, Body] = {
        "nads": {"metadata": {"name": "net"}, "spec": {"config": text}},
        "deletions": {"metadata": {"name": "net", "annotations": {PROTECT: text}}},
        "pods": pod,
        validators.MUTATE_PODS: {**pod, "spec": {"containers": [{"name": "web"}]}},
        "templates": {"metadata": {"name": "web"}, "spec": {"replicas": 300, "template": pod}},
        "config": {"metadata": {"name": cluster_settings.NAME}, "data": {cluster_settings.KEY: text}},
    }
    request = {
        "uid": "705ab4f5",
        "operation": "DELETE" if kind == "deletions" else "CREATE",
        "kind": {"kind": "Deployment" if kind == "templates" else ""},
        "namespace": "lab",
        "name": objects[kind]["metadata"]["name"],
        "object": None if kind == "deletions" else objects[kind],
        "oldObject": objects[kind] if kind == "deletions" else None,
    }
    whole = {"apiVersion": review.API_VERSION, "kind": review.KIND, "request": request}
    return json.dumps(whole).encode()


_ANNOTATIONS = {RESOURCE_NAME: "lab.example/port", NODE_SELECTOR: "fast,zone in (a, b)"}


def _objects() -> list[Body]:
    """The objects in the cluster."""
    low = {"type": "host-local", "subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.9"}
    static = {"type": "static", "addresses": [{"address": "10.1.2.3/24"}]}
    nads: dict[tuple[str, str], Body] = {
        ("lab", "net"): {"type": "macvlan", "master": "eth1", "ipam": low},
        ("lab", "net-2"): {"plugins": [{"type": "bridge", "ipam": static, "capabilities": {"ips": True}}]},
        ("other", "lost"): {"type": "vlan", "master": "eth1", "vlanId": 5, "ipam": {"type": "dhcp"}},
    }
    return [
        *(
            {
                "kind": "NetworkAttachmentDefinition",
                "metadata": {"namespace": namespace, "name": name, "annotations": _ANNOTATIONS},
                "spec": {"config": json.dumps({"cniVersion": "1.0.0", "name": name, **config})},
            }
            for (namespace, name), config in nads.items()
        ),
        *(
            {
                "kind": "NodeNetworkInventory",
                "metadata": {"name": node.node},
                "status": {key: value for key, value in inventory.to_dict(node).items() if value is not None},
            }
            for node in properties.NODES
        ),
        {
            "kind": "ConfigMap",
            "metadata": {"namespace": cluster_settings.NAMESPACE, "name": cluster_settings.NAME},
            "data": {cluster_settings.KEY: "scheduling: on\ndeviceInjection: on"},
        },
        # All rules of policy apply there.
        {"kind": "Namespace", "metadata": {"name": "lab", "labels": {ENFORCE_LABEL: "restricted"}}},
    ]


_USER = {"metadata": {"namespace": "lab", "name": "user", "annotations": {NETWORKS: "net"}}}
"""A pod, in every list."""


class _Api:
    """For networks that the watch has not listed: the API server is unavailable for one, the others do not exist."""

    async def get(self, _: Any, name: str, *_rest: Any, **_more: Any) -> Body:
        raise TryAgainError("the API server is unavailable") if name == "net3" else NotFoundError(name)

    get_metadata = get

    async def metadata_text(self, *_rest: Any, **_more: Any) -> str:
        return json.dumps({"items": [_USER]})


async def _known() -> ClusterCache:
    async with known.cluster(_objects()) as (lookup, _):
        pass
    lookup._api = lookup._namespaces._api = lookup._users._api = _Api()  # type: ignore[assignment]  # only these methods are called
    return lookup


async def _in_place(_: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    return function(*args, **kwargs)


_WEBHOOKS = app.WebhookServer(
    asyncio.run(_known()), Metrics(), context=ssl.create_default_context, refusal=lambda _: None
)
_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)

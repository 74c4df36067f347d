"""Webhook replicas are deleted, rolled and get new certificates while networks and pods are written: no request fails."""

from __future__ import annotations

import base64
import json
import ssl
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e.lab.cluster import CONTROL, Cluster
from e2e.lab.places import KUBECONFIG
from e2e.objects import HOST_LOCAL, config, created, nad, pod
from netattach_operator import certificate_plan
from netattach_operator.settings import Settings
from support import certificates, load
from support.load import CreateRequest, Load, Server

RATE = 100
LONG_RATE = 20
"""For half a minute and more: a machine that cannot keep up accumulates requests, until the API server answers nobody."""

CALM = 200
"""Answers that are awaited after an event, so that late failures are seen too."""

TIMEOUT = 3
"""`timeoutSeconds` of our webhooks, which a pod would wait for one that does not answer."""

SECONDS_AFTER_A_KILL = 3
"""For the kubelet to notice, the endpoints to change and the API server to see that."""

DEPLOYMENT = ("--namespace", CONTROL, "deployment/netattach-webhooks")
SELECTOR = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=webhooks")
OPERATOR = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=operator")


@pytest.fixture(scope="module")
def close(installed: Cluster) -> Iterator[Cluster]:
    """Both replicas are on node1: node2 is too slow for a load. There is one network, `known`."""
    created(installed, nad("known", config(type="macvlan", master="eth1", ipam=HOST_LOCAL)))
    installed.kubectl("cordon", "node2")
    try:
        roll(installed)
        yield installed
    finally:
        installed.kubectl("uncordon", "node2")
        installed.kubectl("delete", "nad", "known")
        installed.kubectl("delete", "pod", min(names(installed)), "--namespace", CONTROL)


@pytest.fixture
def busy(close: Cluster) -> Iterator[Load]:
    """Half networks, half pods; all succeed before the test does anything."""
    with load.running(Server.from_kubeconfig(KUBECONFIG), question, RATE) as going:
        going.wait_for(CALM)
        assert [] == going.failed
        yield going


def question(number: int) -> CreateRequest:
    if number % 2:
        return load.creation(pod("new", [{"name": "known", "interface": f"net{number}"}]))
    subnet = {"subnet": f"10.{number // 250 % 250}.{number % 250}.0/24"}
    return load.creation(
        nad("new", config(type="macvlan", master="eth1", ipam={"type": "host-local", **subnet}))
    )


def roll(cluster: Cluster) -> None:
    cluster.kubectl("rollout", "restart", *DEPLOYMENT)
    settled(cluster)


def settled(cluster: Cluster) -> None:
    """Two replicas are ready, and no others exist."""
    cluster.kubectl("rollout", "status", *DEPLOYMENT, "--timeout=120s")
    cluster.eventually(lambda: len(replicas(cluster)) == 2, "two replicas and no more")


def replicas(cluster: Cluster) -> list[dict[str, Any]]:
    return cluster.objects("pods", *SELECTOR)


def names(cluster: Cluster) -> set[str]:
    return {body["metadata"]["name"] for body in replicas(cluster)}


def test_a_replica_is_deleted(close: Cluster, busy: Load) -> None:
    before = names(close)
    gone = min(before)
    close.kubectl("delete", "pod", gone, "--namespace", CONTROL)
    settled(close)
    busy.wait_for(CALM)

    assert before - {gone} == before & names(close)
    assert [] == busy.failed


def test_the_deployment_is_rolled(close: Cluster, busy: Load) -> None:
    before = names(close)
    roll(close)
    busy.wait_for(CALM)

    assert set() == before & names(close)
    assert [] == busy.failed


@pytest.mark.parametrize("secret", ["netattach-ca", "netattach-webhooks-tls"])
def test_a_certificate_is_renewed(close: Cluster, busy: Load, secret: str) -> None:
    """A new CA renews the other certificate as well."""
    before = {name: certificate(close, name) for name in ("netattach-ca", "netattach-webhooks-tls")}
    close.kubectl("delete", "secret", secret, "--namespace", CONTROL)
    close.eventually(
        lambda: (
            certificate(close, "netattach-webhooks-tls") not in ("", before["netattach-webhooks-tls"])
            and served(close) == {certificate(close, "netattach-webhooks-tls")}
        ),
        "each replica serves the new certificate",
    )
    busy.wait_for(CALM)

    assert (secret == "netattach-ca") is (before["netattach-ca"] != certificate(close, "netattach-ca"))
    assert [] == busy.failed


def certificate(cluster: Cluster, name: str) -> str:
    """As base64 of PEM; "" where there is none just now."""
    key = "ca.crt" if name == "netattach-ca" else "tls.crt"
    field = "jsonpath={.data." + key.replace(".", r"\.") + "}"
    return cluster.kubectl(
        *("get", "secret", name, "--namespace", CONTROL, "--ignore-not-found", "--output", field)
    ).stdout


def served(cluster: Cluster) -> set[str]:
    """What each replica serves to new connections, likewise."""
    shown = [ssl.get_server_certificate((body["status"]["podIP"], 8443)) for body in replicas(cluster)]
    return {encoded(text.encode()) for text in shown}


@pytest.fixture
def long_busy(close: Cluster) -> Iterator[Load]:
    """Likewise, at the rate for long tests."""
    with load.running(Server.from_kubeconfig(KUBECONFIG), question, LONG_RATE) as going:
        going.wait_for(CALM)
        assert [] == going.failed
        yield going


def test_a_ca_is_distrusted(close: Cluster, long_busy: Load) -> None:
    """In order: the new CA is trusted as well, its certificate is served, the old one is trusted no more."""
    before = certificate(close, "netattach-ca")
    value = f"leaked at {time.time()}"
    close.kubectl(
        *("annotate", "secret", "netattach-ca", "--namespace", CONTROL),
        *("--overwrite", f"netattach.io/distrust={value}"),
    )
    close.eventually(
        lambda: (
            certificate(close, "netattach-ca") != before
            and trusted(close) == {certificate(close, "netattach-ca")}
        ),
        "the new CA alone is trusted",
        seconds=120,
        every=2,
    )
    long_busy.wait_for(CALM)

    assert {certificate(close, "netattach-webhooks-tls")} == served(close)
    assert [] == long_busy.failed


def test_a_ca_of_an_earlier_version_is_replaced(close: Cluster) -> None:
    """It lives for five years and may sign for any name. The operator that finds it is that of an upgrade."""
    operator = ("--namespace", CONTROL, "deployment/netattach-operator")
    close.kubectl("scale", *operator, "--replicas=0", "--timeout=60s")
    close.eventually(
        lambda: not close.objects(*("pods", *OPERATOR)),
        "no operator",
    )
    ca = certificates.authority(datetime.now(UTC) - timedelta(days=365))
    tls = certificate_plan.plan_serving(datetime.now(UTC), ca, {}, Settings().names).data
    put(close, "netattach-ca", ca)
    publish(close, ca["ca-bundle.crt"])
    put(close, "netattach-webhooks-tls", tls)
    try:
        close.eventually(lambda: served(close) == {encoded(tls["tls.crt"])}, "its certificate is served")
        with load.running(Server.from_kubeconfig(KUBECONFIG), question, LONG_RATE) as busy:
            busy.wait_for(CALM)
            close.kubectl("scale", *operator, "--replicas=1")
            close.eventually(
                lambda: (
                    certificate(close, "netattach-webhooks-tls") != encoded(tls["tls.crt"])
                    and served(close) == {certificate(close, "netattach-webhooks-tls")}
                ),
                "a certificate of the new CA is served",
                seconds=120,
                every=2,
            )
            busy.wait_for(CALM)
    finally:
        close.kubectl("scale", *operator, "--replicas=1")
        close.kubectl("rollout", "status", *operator, "--timeout=120s")

    assert encoded(ca["ca.crt"]) != certificate(close, "netattach-ca")
    assert [] == busy.failed


def put(cluster: Cluster, secret: str, data: Mapping[str, bytes]) -> None:
    patch = {"data": {key: encoded(text) for key, text in data.items()}}
    cluster.kubectl("patch", "secret", secret, "--namespace", CONTROL, "--patch", json.dumps(patch))


def publish(cluster: Cluster, bundle: bytes) -> None:
    webhooks = cluster.read("validatingwebhookconfiguration", "netattach")["webhooks"]
    changes = [
        {"op": "replace", "path": f"/webhooks/{number}/clientConfig/caBundle", "value": encoded(bundle)}
        for number in range(len(webhooks))
    ]
    cluster.kubectl(
        *("patch", "validatingwebhookconfiguration", "netattach"),
        *("--type=json", "--patch", json.dumps(changes)),
    )


def trusted(cluster: Cluster) -> set[str]:
    """The bundle of each webhook, as base64 of PEM."""
    webhooks = cluster.read("validatingwebhookconfiguration", "netattach")["webhooks"]
    return {one["clientConfig"]["caBundle"] for one in webhooks}


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


def test_a_replica_is_killed(close: Cluster, busy: Load, capsys: pytest.CaptureFixture[str]) -> None:
    """The busiest one. Requests in flight are lost, and those that are sent to it until the API server sees that it is gone."""
    killed = time.monotonic()
    close.node("node1").sh(
        "kill -KILL $(ps -eo pid,args --sort=-cputime | awk '/[b]in\\/netattach-webhooks/ {print $1; exit}')"
    )
    busy.wait_for(RATE * SECONDS_AFTER_A_KILL)
    settled(close)
    busy.wait_for(CALM)
    restarts = [
        one["restartCount"] for body in replicas(close) for one in body["status"]["containerStatuses"]
    ]
    last = max((answer.at - killed for answer in busy.failed), default=0.0)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(busy.failed)} requests failed after a kill, the last {last:.1f} s after it\n"
        )

    assert 1 == sum(restarts)
    assert [] == [answer for answer in busy.failed if answer.at + answer.seconds < killed]
    assert last < SECONDS_AFTER_A_KILL
    assert {"NetworkAttachmentDefinition"} >= {answer.kind for answer in busy.failed}


def test_no_replica_runs(close: Cluster) -> None:
    """Pods are accepted without delay; a network that cannot be validated is denied."""
    close.kubectl("scale", *DEPLOYMENT, "--replicas=0")
    try:
        close.eventually(lambda: not replicas(close), "no replicas")
        with load.running(Server.from_kubeconfig(KUBECONFIG), one_of_three, RATE) as busy:
            busy.wait_for(CALM)
    finally:
        close.kubectl("scale", *DEPLOYMENT, "--replicas=2")
        settled(close)
    by_kind = {kind: [a for a in busy.responses if a.kind == kind] for kind in ("plain", "asking", "network")}

    assert all(answer.accepted for answer in (*by_kind["plain"], *by_kind["asking"]))
    assert max(answer.seconds for answer in by_kind["plain"]) < TIMEOUT
    assert {500} == {answer.status for answer in by_kind["network"]}
    for text in (
        'webhook \\"nads.netattach.io\\"',
        'no endpoints available for service \\"netattach-webhooks\\"',
    ):
        assert [] == [answer.text for answer in by_kind["network"] if text not in answer.text]


def one_of_three(number: int) -> CreateRequest:
    return (
        load.creation(pod("plain"), "plain"),
        load.creation(pod("asking", "known"), "asking"),
        load.creation(nad("network", config(type="macvlan", master="eth1")), "network"),
    )[number % 3]

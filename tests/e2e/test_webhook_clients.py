"""The webhooks require the client certificate that the API server has, configured as docs/webhook-clients.md describes it."""

from __future__ import annotations

import json
import re
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.lab.cluster import CONTROL, Cluster
from e2e.lab.control import ADMISSION
from e2e.objects import config, created, nad, wait_webhooks
from support import require, webhook_clients_page

WEBHOOKS = ("--namespace", CONTROL, "deployment/netattach-webhooks")
SELECTOR = ("--namespace", CONTROL, "--selector", "app.kubernetes.io/component=webhooks")
CA = ("configmap", "netattach-client-ca", "--namespace", CONTROL)


@pytest.fixture
def closed(installed: Cluster, tmp_path: Path) -> Iterator[Cluster]:
    """Installed with the page's kustomization, next to a copy of deploy/."""
    shutil.copytree(require.REPOSITORY / "deploy", tmp_path / "deploy")
    (tmp_path / "kustomization.yaml").write_text(webhook_clients_page.kustomization())
    installed.kubectl("create", *CA, f"--from-file={ADMISSION / 'ca.crt'}")
    try:
        _apply(installed, tmp_path)
        yield installed
    finally:
        _apply(installed, require.REPOSITORY / "deploy")
        installed.kubectl("delete", *CA)
        installed.kubectl("delete", "network-attachment-definitions", "--all")


def _apply(cluster: Cluster, directory: Path) -> None:
    cluster.kubectl("apply", "-k", directory)
    cluster.kubectl("rollout", "status", *WEBHOOKS, "--timeout=120s")
    cluster.eventually(lambda: len(cluster.objects("pods", *SELECTOR)) == 2, "the old pods are gone")
    wait_webhooks(cluster)


def _post(address: str, body: str, context: ssl.SSLContext) -> str:
    request = urllib.request.Request(f"https://{address}:8443/pods", body.encode(), method="POST")
    try:
        with urllib.request.urlopen(request, timeout=20, context=context) as answer:  # a pod of ours
            return f"{answer.status}"
    except urllib.error.HTTPError as error:
        return f"{error.code}"
    except OSError as error:  # TLS 1.3: the client may have sent its request before the server has refused it
        return type(error).__name__


def _refusals(address: str) -> float:
    with urllib.request.urlopen(f"http://{address}:8081/metrics", timeout=20) as answer:
        text = answer.read().decode()
    name = 'netattach_webhook_connections_closed_total{reason="client-certificate"}'
    found = re.search(rf"^{re.escape(name)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0


def test_only_the_api_server_is_answered(closed: Cluster) -> None:
    created(closed, nad("valid", config(type="macvlan", master="eth1")))
    broken = json.dumps(nad("broken", "{,}"))
    done = closed.kubectl("create", "-f", "-", input=broken, check=False)
    assert 'admission webhook "nads.netattach.io" denied the request' in done.stderr

    api_server, stranger = ssl._create_unverified_context(), ssl._create_unverified_context()
    api_server.load_cert_chain(ADMISSION / "netattach.crt", ADMISSION / "netattach.key")
    for pod in closed.objects("pods", *SELECTOR):
        address = pod["status"]["podIP"]
        before = _refusals(address)

        assert "400" == _post(address, "{}", api_server)
        assert _post(address, "{}", stranger) not in {"200", "400", "403"}
        assert before + 1 == _refusals(address)

"""Runs net-attach-def-admission-controller for a running cluster, configured as by its own deployment: one replica, all pods."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from e2e.lab import process
from e2e.lab.cluster import Cluster
from e2e.lab.places import API_ADDRESS, KUBECONFIG

_PORT = 9443
_NAME = "netattach-bench-incumbent"
_RUN = """
mount -t tmpfs tmpfs /run && mkdir -p /run/secrets/kubernetes.io && cp -r "$ACCOUNT" /run/secrets/kubernetes.io/serviceaccount
exec "$@"
"""
"""It expects the service account of a pod in /run; only this process sees this /run."""


@contextlib.contextmanager
def installed(cluster: Cluster, binary: Path) -> Iterator[None]:
    """It validates networks and pods until the end of the block; the caller waits until the API server calls it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder)
        with (folder / "log").open("w") as log:
            running = subprocess.Popen(_command(folder, binary), env=_environment(folder), stderr=log)
        try:
            cluster.kubectl("create", "-f", "-", input=json.dumps(_configuration(folder / "cert.pem")))
            yield
        finally:
            cluster.kubectl("delete", "validatingwebhookconfiguration", _NAME, "--ignore-not-found")
            running.kill()  # it ignores other signals
            running.wait()


def _write(folder: Path) -> None:
    """Writes a certificate of the only kind that it supports, and the account of the cluster's administrator."""
    process.run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-days", "2", "-subj", "/CN=incumbent", "-addext", f"subjectAltName=IP:{API_ADDRESS}"),
        *("-keyout", folder / "key.pem", "-out", folder / "cert.pem"),
    )
    kubeconfig = json.loads(KUBECONFIG.read_text())
    account = folder / "account"
    account.mkdir()
    (account / "token").write_text(kubeconfig["users"][0]["user"]["token"])
    shutil.copy(kubeconfig["clusters"][0]["cluster"]["certificate-authority"], account / "ca.crt")


def _command(folder: Path, binary: Path) -> list[str]:
    options = [
        f"-tls-cert-file={folder}/cert.pem",
        f"-tls-private-key-file={folder}/key.pem",
        f"-port={_PORT}",
    ]
    shell = ["unshare", "--mount", "sh", "-c", _RUN, "sh"]
    return [
        *shell,
        str(binary),
        *options,
        f"-bind-address={API_ADDRESS}",
        f"-metrics-listen-address={API_ADDRESS}:9091",
    ]


def _environment(folder: Path) -> dict[str, str]:
    api = {"KUBERNETES_SERVICE_HOST": API_ADDRESS, "KUBERNETES_SERVICE_PORT": "6443"}
    return {**api, "ACCOUNT": f"{folder}/account", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def _configuration(certificate: Path) -> dict[str, Any]:
    networks = {
        "operations": ["CREATE", "UPDATE"],
        "apiGroups": ["k8s.cni.cncf.io"],
        "apiVersions": ["v1"],
        "resources": ["network-attachment-definitions"],
    }
    pods = {"operations": ["CREATE"], "apiGroups": ["apps", ""], "apiVersions": ["v1"], "resources": ["pods"]}
    trusted = base64.b64encode(certificate.read_bytes()).decode()
    webhooks = [
        {
            "name": f"{path}.incumbent.example",
            "clientConfig": {"url": f"https://{API_ADDRESS}:{_PORT}/{path}", "caBundle": trusted},
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "rules": [rule],
        }
        for path, rule in (("validate", networks), ("isolate", pods))
    ]
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": _NAME},
        "webhooks": webhooks,
    }

"""The control plane: certificates, etcd, API server, controllers, scheduler, as processes of the machine."""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from e2e.lab import process
from e2e.lab.places import API_ADDRESS, AUDIT_LOG, KUBECONFIG, SERVICES, WORK, binaries
from e2e.lab.process import run
from support import webhook_clients_page

PKI = WORK / "pki"
ADMISSION = WORK / "admission"
"""The API server's client certificate for webhooks, its CA and its configuration, as docs/webhook-clients.md describes them."""

_USERS = {
    "admin": ("admin", "system:masters"),
    "node1": ("system:node:node1", "system:nodes"),
    "node2": ("system:node:node2", "system:nodes"),
    "kcm": ("system:kube-controller-manager", ""),
    "scheduler": ("system:kube-scheduler", ""),
}
_CLIENT = ("--leader-elect=false", "--kube-api-qps=200", "--kube-api-burst=400")
_EXTENSION = (
    f"subjectAltName=IP:{API_ADDRESS},IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes.default.svc,DNS:localhost"
)


def start() -> None:
    _write_pki()
    etcd = [
        "--listen-client-urls",
        "http://127.0.0.1:2379",
        "--advertise-client-urls",
        "http://127.0.0.1:2379",
    ]
    process.start("etcd", "etcd", "--data-dir", WORK / "etcd", "--unsafe-no-fsync", *etcd)
    start_api()


def start_api(seconds: float = 60) -> None:
    """Returns when the API server answers."""
    _start_api_server(seconds)
    start_controllers()
    process.start("scheduler", binaries() / "kube-scheduler", *_access("scheduler"), *_CLIENT)


def start_controllers(*flags: str) -> None:
    """kube-controller-manager, with further flags."""
    process.start(
        "kcm",
        *(
            str(binaries() / "kube-controller-manager"),
            *_access("kcm"),
            *_CLIENT,
            "--use-service-account-credentials",
        ),
        *(f"--service-account-private-key-file={PKI}/sa.key", f"--root-ca-file={PKI}/ca.crt"),
        *flags,
    )


def _start_api_server(seconds: float) -> None:
    process.start(
        "apiserver",
        *(str(binaries() / "kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379", "--secure-port=6443"),
        *(
            f"--advertise-address={API_ADDRESS}",
            "--authorization-mode=Node,RBAC",
            f"--token-auth-file={PKI}/tokens.csv",
        ),
        *(f"--tls-cert-file={PKI}/api.crt", f"--tls-private-key-file={PKI}/api.key"),
        *(f"--client-ca-file={PKI}/ca.crt", f"--requestheader-client-ca-file={PKI}/ca.crt"),
        *(f"--service-account-key-file={PKI}/sa.pub", f"--service-account-signing-key-file={PKI}/sa.key"),
        *(
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICES}",
        ),
        *(
            "--allow-privileged",
            "--enable-aggregator-routing",
            "--kubelet-preferred-address-types=InternalIP",
        ),
        f"--admission-control-config-file={ADMISSION / webhook_clients_page.CONFIGURATION}",
        *(f"--audit-log-path={AUDIT_LOG}", f"--audit-policy-file={WORK}/audit-policy.yaml"),
    )
    deadline = time.monotonic() + seconds
    while not _answers():
        if time.monotonic() > deadline or process.pid("apiserver") is None:
            raise RuntimeError(f"the API server does not come up:\n{process.tail('apiserver')}")
        time.sleep(0.3)


def stop_api() -> None:
    """Kills the whole control plane but etcd, as when its machine is gone."""
    for name in ("apiserver", "kcm", "scheduler"):
        process.kill(name)


def _answers() -> bool:
    context = ssl.create_default_context(cafile=str(PKI / "ca.crt"))
    try:
        with urllib.request.urlopen(
            "https://127.0.0.1:6443/readyz", timeout=2, context=context
        ) as answer:  # our own address
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _access(user: str) -> list[str]:
    file = WORK / f"{user}.kubeconfig"
    return [
        f"--{name}={file}" for name in ("kubeconfig", "authentication-kubeconfig", "authorization-kubeconfig")
    ]


def _write_pki() -> None:
    PKI.mkdir()
    run("openssl", "genrsa", "-out", PKI / "sa.key", "2048")
    run("openssl", "rsa", "-in", PKI / "sa.key", "-pubout", "-out", PKI / "sa.pub")
    new = ("openssl", "req", "-newkey", "rsa:2048", "-nodes")
    run(
        *new,
        "-x509",
        "-days",
        "365",
        "-subj",
        "/CN=lab-ca",
        "-keyout",
        PKI / "ca.key",
        "-out",
        PKI / "ca.crt",
    )
    run(*new, "-subj", "/CN=kube-apiserver", "-keyout", PKI / "api.key", "-out", PKI / "api.csr")
    (PKI / "extension").write_text(_EXTENSION)
    run(
        *("openssl", "x509", "-req", "-in", PKI / "api.csr", "-CA", PKI / "ca.crt", "-CAkey", PKI / "ca.key"),
        *("-CAcreateserial", "-days", "365", "-out", PKI / "api.crt", "-extfile", PKI / "extension"),
    )
    tokens = [f'{user}-token,{name},{user},"{group}"' for user, (name, group) in _USERS.items()]
    (PKI / "tokens.csv").write_text("\n".join(tokens) + "\n")
    ADMISSION.mkdir()
    webhook_clients_page.create_certificates(ADMISSION)
    webhook_clients_page.write_configuration(ADMISSION)
    (WORK / "audit-policy.yaml").write_text(
        "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n"
    )
    for user in _USERS:
        _write_kubeconfig(user, KUBECONFIG if user == "admin" else WORK / f"{user}.kubeconfig")


def _write_kubeconfig(user: str, file: Path) -> None:
    cluster = {"server": f"https://{API_ADDRESS}:6443", "certificate-authority": str(PKI / "ca.crt")}
    body = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": f"{user}-token"}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "u"}}],
        "current-context": "lab",
    }
    file.write_text(json.dumps(body, indent=2))
    file.chmod(0o600)

"""What no program may do: the same requests for each, with names of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from e2e.api_request import RBAC, Request

Body = dict[str, Any]
Case = tuple[Request, str]

CONTROL, NODE = "netattach-system", "netattach-node"
ACCOUNTS = {
    "daemon": (NODE, "netattach-daemon"),
    "operator": (CONTROL, "netattach-operator"),
    "webhooks": (CONTROL, "netattach-webhooks"),
}

CORE, APPS, RBAC_API = "/api/v1", "/apis/apps/v1", "/apis/rbac.authorization.k8s.io/v1"
ADMISSION, CRDS = (
    "/apis/admissionregistration.k8s.io/v1",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
)
NADS = "/apis/k8s.cni.cncf.io/v1/namespaces/default/network-attachment-definitions"
INVENTORIES = "/apis/netattach.io/v1alpha1/nodenetworkinventories"
LEASES = "/apis/coordination.k8s.io/v1/namespaces"
WEBHOOKS = f"{ADMISSION}/validatingwebhookconfigurations/netattach"
MUTATION = f"{ADMISSION}/mutatingwebhookconfigurations/pods.netattach.io"
NAD_CRD, INVENTORY_CRD = (
    "network-attachment-definitions.k8s.cni.cncf.io",
    "nodenetworkinventories.netattach.io",
)

POD, OTHER_POD, NETWORK = "rbac-node1", "rbac-node2", "rbac"
"""In the namespace default: a pod on node1, one on node2, and a NAD."""

STATUS = "k8s.v1.cni.cncf.io/network-status"
LABEL: Body = {"metadata": {"labels": {"captured": "yes"}}}
OWNER = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "name": "gone",
    "uid": "5f3b4a52-0000-4000-8000-000000000000",
}


def metadata(name: str, namespace: str = "", **more: Any) -> Body:
    return {"name": name, **({"namespace": namespace} if namespace else {}), **more}


def role_binding(program: str, kind: str) -> Body:
    """It would make the program an administrator."""
    namespace, account = ACCOUNTS[program]
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": kind,
        "metadata": metadata("captured"),
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    }


def pod(namespace: str) -> Body:
    """With the root of the node, and another account of the namespace."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata("captured", namespace),
        "spec": {
            "serviceAccountName": "default",
            "containers": [
                {"name": "c", "image": "i", "volumeMounts": [{"name": "root", "mountPath": "/host"}]}
            ],
            "volumes": [{"name": "root", "hostPath": {"path": "/"}}],
        },
    }


def refused(program: str) -> Iterator[tuple[str, Case]]:
    """By name; RBAC refuses all of them, but for the one that a policy has to refuse."""
    namespace, account = ACCOUNTS[program]
    other = "netattach-webhooks" if program == "operator" else "netattach-operator"
    for what, path in _patched(program, namespace, account).items():
        verdict = "netattach-operator-nodes" if (program, what) == ("operator", "a node") else RBAC
        yield f"patch {what}", (Request("PATCH", path, _ALL if "role" in what else LABEL), verdict)
    for what, path in _deleted(program, namespace, account).items():
        yield f"delete {what}", (Request("DELETE", path), RBAC)
    roles = _created_for_permissions(program, namespace, account, other)
    for what, (path, body) in {**_created(namespace), **roles}.items():
        yield f"create {what}", (Request("POST", path, body), RBAC)
    for what, path in _read(namespace).items():
        yield f"read {what}", (Request("GET", path), RBAC)
    exec_ = f"{CORE}/namespaces/default/pods/{POD}/exec?command=id&stdout=true"
    yield "run a command in a pod", (Request("POST", exec_), RBAC)
    for user in ("system:admin", "system:node:node2", f"system:serviceaccount:{CONTROL}:{other}"):
        headers = {"Impersonate-User": user}
        yield (
            f"impersonate {user}",
            (Request("GET", f"{CORE}/namespaces/default/pods", headers=headers), RBAC),
        )


_ALL: Body = {"rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]}


def _workload(program: str, namespace: str, account: str) -> str:
    return f"{APPS}/namespaces/{namespace}/{'daemonsets' if program == 'daemon' else 'deployments'}/{account}"


def _patched(program: str, namespace: str, account: str) -> dict[str, str]:
    return {
        "its own role": f"{RBAC_API}/clusterroles/{account}",
        "its own workload": _workload(program, namespace, account),
        "the settings": f"{CORE}/namespaces/{NODE}/configmaps/netattach-config",
        "a node": f"{CORE}/nodes/node1",
        "the status of a node": f"{CORE}/nodes/node1/status",
        "a pod": f"{CORE}/namespaces/default/pods/{POD}",
        "the spec of a network": f"{NADS}/{NETWORK}",
        "a policy": f"{ADMISSION}/validatingadmissionpolicies/netattach-{program}-events",
        "a binding of a policy": f"{ADMISSION}/validatingadmissionpolicybindings/netattach-{program}-events",
        "the lease of a node": f"{LEASES}/kube-node-lease/leases/node1",
        "a namespace": f"{CORE}/namespaces/{namespace}",
        "its service account": f"{CORE}/namespaces/{namespace}/serviceaccounts/{account}",
    }


def _deleted(program: str, namespace: str, account: str) -> dict[str, str]:
    return {
        "a network": f"{NADS}/{NETWORK}",
        "all networks": NADS,
        "the webhook configuration": WEBHOOKS,
        "a policy": f"{ADMISSION}/validatingadmissionpolicies/netattach-{program}-events",
        "a binding of a policy": f"{ADMISSION}/validatingadmissionpolicybindings/netattach-{program}-events",
        "a CRD": f"{CRDS}/{NAD_CRD}",
        "an inventory": f"{INVENTORIES}/node2",
        "a pod": f"{CORE}/namespaces/default/pods/{OTHER_POD}",
        "its own workload": _workload(program, namespace, account),
        "a namespace": f"{CORE}/namespaces/default",
        "a secret": f"{CORE}/namespaces/{CONTROL}/secrets/netattach-ca",
    }


def _created(namespace: str) -> dict[str, tuple[str, Body]]:
    return {
        "a pod in its namespace": (f"{CORE}/namespaces/{namespace}/pods", pod(namespace)),
        "a pod in another namespace": (f"{CORE}/namespaces/default/pods", pod("default")),
        "an eviction": (
            f"{CORE}/namespaces/default/pods/{OTHER_POD}/eviction",
            {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata(OTHER_POD, "default")},
        ),
        "a network": (
            NADS,
            {
                "apiVersion": "k8s.cni.cncf.io/v1",
                "kind": "NetworkAttachmentDefinition",
                "metadata": metadata("captured"),
            },
        ),
        "a certificate request": (
            "/apis/certificates.k8s.io/v1/certificatesigningrequests",
            {
                "apiVersion": "certificates.k8s.io/v1",
                "kind": "CertificateSigningRequest",
                "metadata": metadata("captured"),
                "spec": {
                    "request": "YQ==",
                    "signerName": "kubernetes.io/kube-apiserver-client",
                    "usages": ["client auth"],
                },
            },
        ),
    }


def _created_for_permissions(
    program: str, namespace: str, account: str, other: str
) -> dict[str, tuple[str, Body]]:
    return {
        "a binding to cluster-admin": (
            f"{RBAC_API}/clusterrolebindings",
            role_binding(program, "ClusterRoleBinding"),
        ),
        "a binding in its namespace": (
            f"{RBAC_API}/namespaces/{namespace}/rolebindings",
            role_binding(program, "RoleBinding"),
        ),
        "a role": (
            f"{RBAC_API}/namespaces/{namespace}/roles",
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": metadata("captured"),
                **_ALL,
            },
        ),
        "a token of another program": (
            f"{CORE}/namespaces/{CONTROL}/serviceaccounts/{other}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        ),
        "a token of its own without its node": (
            f"{CORE}/namespaces/{namespace}/serviceaccounts/{account}/token",
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        ),
        "a mutating webhook": (
            f"{ADMISSION}/mutatingwebhookconfigurations",
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": "MutatingWebhookConfiguration",
                "metadata": metadata("captured"),
            },
        ),
    }


def _read(namespace: str) -> dict[str, str]:
    return {
        "the secrets of its namespace": f"{CORE}/namespaces/{namespace}/secrets",
        "the secrets of kube-system": f"{CORE}/namespaces/kube-system/secrets",
        "all secrets": f"{CORE}/secrets",
        "the config maps of kube-system": f"{CORE}/namespaces/kube-system/configmaps",
        "the log of a pod": f"{CORE}/namespaces/default/pods/{POD}/log",
        "the kubelet of a node": f"{CORE}/nodes/node2/proxy/pods",
        "the policies": f"{ADMISSION}/validatingadmissionpolicies",
    }

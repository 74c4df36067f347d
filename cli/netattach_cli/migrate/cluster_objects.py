"""Reads what the check looks at: from a cluster, with kubectl's own rights, or from files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from netattach_cli import documents, files
from netattach_cli.files import UnreadableError
from netattach_cli.kubectl import Kubectl, KubectlError
from netattach_cli.lint import file_search
from netattach_cli.migrate import multus_installation
from netattach_cli.migrate.objects import Object

CLUSTER = "cluster"

_KINDS = (
    "network-attachment-definitions.k8s.cni.cncf.io",
    "daemonsets.apps",
    "deployments.apps",
    "nodes",
    "namespaces",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io",
    "validatingwebhookconfigurations.admissionregistration.k8s.io",
)


def from_cluster(kubectl: Kubectl) -> list[Object]:
    """All objects of these kinds, and the ConfigMaps of Multus. Raises UnreadableError."""
    try:
        found = [body for kind in _KINDS for body in _objects(kubectl.get(kind, "--all-namespaces"))]
        for namespace, name in multus_installation.config_maps(found):
            # A volume may name any text, also one that kubectl would read as an option, and a ConfigMap that does not exist.
            selector = f"--field-selector=metadata.name={name}"
            found += _objects(kubectl.get("configmaps", f"--namespace={namespace}", selector))
    except KubectlError as error:
        raise UnreadableError(CLUSTER, str(error)) from error
    return found


def from_files(arguments: Iterable[str]) -> list[Object]:
    """All objects in files, folders, patterns or standard input. Raises UnreadableError."""
    return [
        body
        for argument in arguments
        for file in file_search.expand(argument)
        for document in documents.parse(file.name, files.read(file))
        for body in _objects(document.value)
    ]


def _objects(parsed: Any) -> list[Object]:
    return [body for body in documents.items(parsed) if isinstance(body, dict)]

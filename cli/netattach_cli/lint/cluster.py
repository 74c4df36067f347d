"""What the linter asks a cluster for: its settings, and the labels of its namespaces."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from netattach_cli import documents
from netattach_cli.files import UnreadableError
from netattach_cli.kubectl import Kubectl, KubectlError
from netattach_cli.lint import namespace_policies
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import ClusterSettings

CLUSTER = "cluster"
_NOT_FOUND = "(NotFound)"


def settings(kubectl: Kubectl) -> ClusterSettings:
    """The settings in force; those of a new cluster where it has none. Raises UnreadableError."""
    try:
        body = kubectl.get("configmap", cluster_settings.NAME, f"--namespace={cluster_settings.NAMESPACE}")
    except KubectlError as error:
        if _NOT_FOUND not in str(error):
            raise UnreadableError(CLUSTER, str(error)) from error
        place = f"{cluster_settings.NAMESPACE}/{cluster_settings.NAME}"
        _note(f"the cluster has no ConfigMap {place}: the settings of a new cluster apply")
        return ClusterSettings()
    return namespace_policies.settings_of(CLUSTER, body)


def namespace_labels(kubectl: Kubectl) -> dict[str, Mapping[str, str]]:
    """The labels of each namespace, by which policy decides; none where the user may not read them."""
    try:
        found = kubectl.get("namespaces")
    except KubectlError as error:
        _note(f"the labels of namespaces are not known, policy goes without them: {error}")
        return {}
    return dict(each for body in documents.items(found) for each in namespace_policies.labels_of(body))


def _note(text: str) -> None:
    print(f"note: {text}", file=sys.stderr)

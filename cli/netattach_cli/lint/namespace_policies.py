"""The policy of the namespaces in the linted files: by the given settings, and by the labels of Namespaces next to them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from netattach_cli import documents, files
from netattach_cli.files import File, UnreadableError
from netattach_core import admission
from netattach_core.errors import ConfigError
from netattach_core.policy import levels
from netattach_core.policy.levels import NamespacePolicy
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import ClusterSettings

KIND = "Namespace"
_MENTION = re.compile(rf"""\bkind["']?:\s*["']?{KIND}\b""")


@dataclass(slots=True)
class Namespaces:
    """`default` is the namespace of objects that have none, as with kubectl."""

    settings: ClusterSettings = field(default_factory=ClusterSettings)
    default: str = "default"
    labels: dict[str, Mapping[str, str]] = field(default_factory=dict)
    """By namespace."""

    def of(self, namespace: str) -> str:
        """The namespace of an object with this one, "" where it has none."""
        return namespace or self.default

    def policy(self, namespace: str) -> NamespacePolicy:
        """The policy of a namespace; without labels where no file has shown it."""
        return levels.of_namespace(self.settings.policy, namespace, self.labels.get(namespace, {}))

    def learn(self, file: str, text: str) -> None:
        """Keeps the labels of the Namespaces in a file; what cannot be parsed is reported where its networks are read."""
        if not may_have_some(text):
            return
        try:
            for document in documents.parse(file, text):
                for body in documents.items(document.value):
                    self.labels.update(labels_of(body))
        except UnreadableError:
            return


def may_have_some(text: str) -> bool:
    """Whether a file may define a Namespace."""
    return _MENTION.search(text) is not None


def read_settings(path: str) -> ClusterSettings:
    """The settings from a file: their text, or the ConfigMap with it; those of a new cluster for "". Raises UnreadableError."""
    if not path:
        return ClusterSettings()
    file = File(path)
    text = files.read(file)
    body = next((document.value for document in documents.parse(file.name, text)), None)
    return settings_of(
        file.name, body if isinstance(body, dict) and body.get("kind") == "ConfigMap" else text
    )


def settings_of(file: str, source: dict[str, Any] | str) -> ClusterSettings:
    """The settings in a ConfigMap or a text. Raises UnreadableError with all problems."""
    try:
        settings = (
            cluster_settings.parse(source)
            if isinstance(source, str)
            else cluster_settings.from_config_map(source)
        )
    except ConfigError as error:
        raise UnreadableError(file, error.message) from error
    problems = admission.settings_problems(settings.validation)
    if problems:
        raise UnreadableError(file, "; ".join(problems))
    return settings


def labels_of(body: Any) -> Iterator[tuple[str, Mapping[str, str]]]:
    """The name of a Namespace and its labels; nothing for other objects."""
    metadata = body.get("metadata") if isinstance(body, dict) and body.get("kind") == KIND else None
    if isinstance(metadata, dict):
        labels = metadata.get("labels")
        found = labels if isinstance(labels, dict) else {}
        yield str(metadata.get("name")), {str(key): str(label) for key, label in found.items()}

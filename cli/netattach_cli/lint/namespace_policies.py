"""The policy of the namespaces in the linted files: by the given settings, and by the labels of Namespaces next to them."""

from __future__ import annotations

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


@dataclass(slots=True)
class Namespaces:
    """`default` is the namespace of objects that have none, as with kubectl."""

    settings: ClusterSettings = field(default_factory=ClusterSettings)
    default: str = "default"
    _labels: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def of(self, namespace: str) -> str:
        """The namespace of an object with this one, "" where it has none."""
        return namespace or self.default

    def policy(self, namespace: str) -> NamespacePolicy:
        """The policy of a namespace; without labels where no file has shown it."""
        return levels.of_namespace(self.settings.policy, namespace, self._labels.get(namespace, {}))

    def learn(self, file: str, text: str) -> None:
        """Keeps the labels of the Namespaces in a file; what cannot be parsed is reported where its networks are read."""
        if KIND not in text:
            return
        try:
            for document in documents.parse(file, text):
                for name, labels in _labels(document.value):
                    self._labels[name] = labels
        except UnreadableError:
            return


def read_settings(path: str) -> ClusterSettings:
    """The settings from a file: their text, or the ConfigMap with it. Raises UnreadableError."""
    file = File(path)
    text = files.read(file)
    try:
        body = next((document.value for document in documents.parse(file.name, text)), None)
        if isinstance(body, dict) and body.get("kind") == "ConfigMap":
            settings = cluster_settings.from_config_map(body)
        else:
            settings = cluster_settings.parse(text)
    except ConfigError as error:
        raise UnreadableError(file.name, error.message) from error
    problems = admission.settings_problems(settings.validation)
    if problems:
        raise UnreadableError(file.name, "; ".join(problems))
    return settings


def _labels(value: Any) -> Iterator[tuple[str, Mapping[str, str]]]:
    for body in documents.items(value):
        metadata = body.get("metadata") if isinstance(body, dict) and body.get("kind") == KIND else None
        if isinstance(metadata, dict):
            labels = metadata.get("labels")
            found = labels if isinstance(labels, dict) else {}
            yield str(metadata.get("name")), {str(key): str(label) for key, label in found.items()}

"""The Helm chart, rendered; and kustomizations, built."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

from support import require

Body = dict[str, Any]

CHART = require.REPOSITORY / "deploy/helm/netattach"


def rendered(values: Body | None = None, *options: str) -> list[Body]:
    """The objects that `helm install` creates with these values. Raises ValueError with Helm's message."""
    return _rendered(values, "--skip-tests", *options)


def hooks(values: Body | None = None) -> list[Body]:
    """The objects that `helm test` creates."""
    return _rendered(values, "--show-only=templates/verify.yaml")


def _rendered(values: Body | None, *options: str) -> list[Body]:
    command = [str(require.helm()), "template", "netattach", str(CHART), "--values=-", *options]
    return _objects(command, json.dumps(values or {}))


def built(directory: Path) -> list[Body]:
    """The objects of a kustomization, as kubectl builds it. Raises ValueError with its message."""
    return _objects([str(require.kustomize()), "build", str(directory)])


def by_name(objects: list[Body]) -> dict[tuple[str, ...], Body]:
    """Each object by kind, namespace and name."""
    named = {_key(each): each for each in objects}
    assert len(named) == len(objects)
    return named


def _key(body: Body) -> tuple[str, ...]:
    return body["kind"], body["metadata"].get("namespace", ""), body["metadata"]["name"]


def _objects(command: list[str], text: str = "") -> list[Body]:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    loaded = yaml.load_all(done.stdout, yaml.CSafeLoader)  # the loader in Python takes a second
    return [each for each in loaded if each]

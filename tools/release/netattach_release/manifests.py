"""The chart's archive and install.yaml, both with the registry's name."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from netattach_release import archive
from netattach_release.errors import ReleaseError
from netattach_release.source import Source

_DEFAULT = re.compile(r'^( +registry: )""$', re.MULTILINE)


@dataclass(frozen=True)
class Tools:
    """The paths of programs."""

    helm: Path
    kustomize: Path


def write(deploy: Path, tools: Tools, registry: str, source: Source, directory: Path) -> None:
    """Writes install.yaml and netattach-VERSION.tgz. `deploy` is a copy, in which the registry is changed; "" for none."""
    _write_objects(deploy, tools.kustomize, registry, source, directory / "install.yaml")
    _write_chart(deploy / "helm/netattach", tools.helm, registry, source, directory)


def _write_objects(deploy: Path, kustomize: Path, registry: str, source: Source, path: Path) -> None:
    """What `kubectl apply -k` applies, in its order, which is tested for an uninstallation too; Helm has another one."""
    overlay = deploy.with_name("overlay")
    overlay.mkdir()
    images = [{"name": "netattach", "newName": f"{registry}/netattach"}] if registry else []
    kustomization = {"resources": [f"../{deploy.name}"], "images": images}
    (overlay / "kustomization.yaml").write_text(json.dumps(kustomization))
    path.write_text(_notice(source) + _run(kustomize, "build", overlay))


def _write_chart(chart: Path, helm: Path, registry: str, source: Source, directory: Path) -> None:
    values = chart / "values.yaml"
    values.write_text(with_registry(values.read_text(), registry))
    _run(helm, "template", "netattach", chart)
    _run(helm, "package", chart, "--destination", directory)
    package = directory / f"netattach-{source.version}.tgz"
    with package.open("rb") as file:
        normalized = archive.normalized(file, source.epoch)  # Helm writes the time at which it packages
    package.write_bytes(archive.compressed(normalized))


def with_registry(values: str, registry: str) -> str:
    """The text of values.yaml with another default of image.registry. Raises ReleaseError if it has not exactly one."""
    text, count = _DEFAULT.subn(lambda match: match[1] + json.dumps(registry), values)
    if count != 1:
        raise ReleaseError(
            f'the chart\'s values.yaml has `registry: ""` {count} times, and a release sets exactly one'
        )
    return text


def _notice(source: Source) -> str:
    return (
        f"# netattach {source.version}, commit {source.commit}\n"
        "# Installs it: kubectl apply -f install.yaml        Uninstalls it: kubectl delete -f install.yaml\n"
    )


def _run(program: Path, *arguments: str | Path) -> str:
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{program.name} {arguments[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout

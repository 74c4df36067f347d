"""Writes deploy/kustomize/base from the Helm chart, which is the source of all manifests.

make manifests
"""

# A script, not a package:
# ruff: noqa: INP001

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy/helm/netattach"
KUSTOMIZE = ROOT / "deploy/kustomize"

_NOTICE = "# Written by `make manifests` from deploy/helm/netattach; change that.\n"


def render(helm: str, *options: str) -> str:
    """The objects that the chart installs, as YAML documents with comments."""
    command = [helm, "template", "netattach", str(CHART), "--skip-tests", *options]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def by_template(rendered: str) -> dict[str, str]:
    """The text of each template, by its file's name; Helm names the template before each document."""
    files: dict[str, list[str]] = {}
    for document in re.split(r"^---\n", rendered, flags=re.MULTILINE)[1:]:
        source, _, text = document.partition("\n")
        files.setdefault(source.rpartition("/")[2], []).append(text.strip() + "\n")
    return {name: "---\n".join(texts) for name, texts in files.items()}


def base(helm: str) -> dict[Path, str]:
    """The text of each file of deploy/kustomize/base, by its path there."""
    files = {Path("base", name): _NOTICE + text for name, text in by_template(render(helm)).items()}
    resources = "".join(f"  - {path.name}\n" for path in files)
    kustomization = f"{_NOTICE}apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"
    return {**files, Path("base/kustomization.yaml"): kustomization + resources}


def generated(helm: str) -> dict[Path, str]:
    """The text of each file that `main` writes, by its path in deploy/kustomize."""
    return base(helm)


def main() -> None:
    helm = subprocess.run([ROOT / "tools/helm"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if not helm:
        sys.exit(1)  # the tool has said why
    files = generated(helm)
    for directory in {path.parts[0] for path in files}:
        shutil.rmtree(KUSTOMIZE / directory, ignore_errors=True)
    for path, text in files.items():
        (KUSTOMIZE / path).parent.mkdir(parents=True, exist_ok=True)
        (KUSTOMIZE / path).write_text(text)


if __name__ == "__main__":
    main()

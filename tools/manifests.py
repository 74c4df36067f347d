"""Writes what follows from the Helm chart, which is the source of all manifests.

    make manifests

That is deploy/kustomize/base, an overlay for each platform in deploy/kustomize/platforms, the components for metrics, and in the
chart itself the table of values in README.md and the schema of `settings`, which is the programs' own.
"""

# A script, not a package:
# ruff: noqa: INP001

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from netattach_kube import cluster_settings

ROOT = Path(__file__).parents[1]
CHART = ROOT / "deploy/helm/netattach"
KUSTOMIZE = ROOT / "deploy/kustomize"

GENERATED = ("base", "metrics", "monitoring", "platforms")
"""Directories of deploy/kustomize; nothing else is in them."""

_NOTICE = "# Written by `make manifests` from deploy/helm/netattach; change that.\n"
_HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
_TABLE = re.compile(r"(?<=<!-- values -->\n).*(?=<!-- end -->)", re.DOTALL)

METRICS = ("--set", "metrics.enabled=true")
MONITORING = (*METRICS, "--set", "metrics.monitor=ServiceMonitor,metrics.rules=true,metrics.dashboard=true")
"""The values of the components `metrics` and, next to it, `monitoring`."""

_COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
_ABOUT_METRICS = (
    "# Serves metrics over TLS to clients that may read them, as docs/monitoring.md describes it.\n"
)
_ABOUT_MONITORING = "# Monitors and alerts for Prometheus Operator, and a dashboard, in addition to the component `metrics`.\n"

Body = dict[str, Any]


def main() -> None:
    """Writes the files; fails where helm is missing, and the tool has said why."""
    found = subprocess.run([ROOT / "tools/helm"], stdout=subprocess.PIPE, text=True, check=True)
    helm = found.stdout.strip()
    if not helm:
        sys.exit(1)
    files = generated(helm)
    for directory in GENERATED:
        shutil.rmtree(KUSTOMIZE / directory, ignore_errors=True)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def generated(helm: str) -> dict[Path, str]:
    """The text of each file that `main` writes."""
    base = _by_template(_render(helm))
    files = {KUSTOMIZE / "base" / name: text for name, text in _base(base).items()}
    for platform in platforms():
        overlay = _overlay(platform, base, _by_template(_render(helm, "--set", f"platform={platform}")))
        files |= {KUSTOMIZE / "platforms" / platform / name: text for name, text in overlay.items()}
    for name, files_of in (("metrics", _metrics(helm, base)), ("monitoring", _monitoring(helm))):
        files |= {KUSTOMIZE / name / each: text for each, text in files_of.items()}
    readme = (CHART / "README.md").read_text()
    return {
        **files,
        CHART / "README.md": _TABLE.sub(lambda _: _values_table(), readme),
        CHART / "values.schema.json": _schema(json.loads((CHART / "values.schema.json").read_text())),
    }


def platforms() -> list[str]:
    return sorted(path.stem for path in (CHART / "platforms").glob("*.yaml"))


def difference(before: Any, after: Any, path: str = "") -> Iterator[Body]:
    """The operations of a JSON patch (RFC 6902) that turns one value into another."""
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        yield from _of_maps(before, after, path)
    elif _insertions_only(before, after):
        yield from _of_named(list(before), after, path)
    else:
        yield {"op": "replace", "path": path, "value": after}


def _of_maps(before: Body, after: Body, path: str) -> Iterator[Body]:
    for key in (*before, *(key for key in after if key not in before)):
        there = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
        if key not in after:
            yield {"op": "remove", "path": there}
        elif key not in before:
            yield {"op": "add", "path": there, "value": after[key]}
        else:
            yield from difference(before[key], after[key], there)


def _insertions_only(before: Any, after: Any) -> bool:
    """Whether both are lists of objects with names, and `after` has those of `before` in their order."""
    if not all(
        isinstance(each, list) and all(isinstance(o, dict) and "name" in o for o in each)
        for each in (before, after)
    ):
        return False
    names = [each["name"] for each in before]
    return names == [each["name"] for each in after if each["name"] in names]


def _of_named(before: list[Body], after: list[Body], path: str) -> Iterator[Body]:
    for index, each in enumerate(after):
        if index < len(before) and before[index]["name"] == each["name"]:
            yield from difference(before[index], each, f"{path}/{index}")
        else:
            before.insert(index, each)
            yield {"op": "add", "path": f"{path}/{index}", "value": each}


def _render(helm: str, *options: str) -> str:
    """The objects that the chart installs, as YAML documents with comments."""
    command = [helm, "template", "netattach", str(CHART), "--skip-tests", *options]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _by_template(rendered: str) -> dict[str, str]:
    """The text of each template, by its file's name; Helm names the template before each document."""
    files: dict[str, list[str]] = {}
    for document in re.split(r"^---\n", rendered, flags=re.MULTILINE)[1:]:
        source, _, text = document.partition("\n")
        files.setdefault(source.rpartition("/")[2], []).append(text.strip() + "\n")
    return {name: "---\n".join(texts) for name, texts in files.items()}


def _base(files: dict[str, str]) -> dict[str, str]:
    resources = "".join(f"  - {name}\n" for name in files)
    texts = {name: _NOTICE + text for name, text in files.items()}
    return {**texts, "kustomization.yaml": f"{_NOTICE}{_HEAD}resources:\n{resources}"}


def _metrics(helm: str, base: dict[str, str]) -> dict[str, str]:
    """The component that turns the authenticated port on."""
    more, changed = _difference(base, _by_template(_render(helm, *METRICS)))
    resources = "".join(f"  - {name}\n" for name in more)
    text = f"{_NOTICE}{_ABOUT_METRICS}{_COMPONENT}resources:\n{resources}patches:\n{changed}"
    return {**more, "kustomization.yaml": text}


def _monitoring(helm: str) -> dict[str, str]:
    """The component with what is in addition to the component `metrics`."""
    there = _by_template(_render(helm, *METRICS))
    more, _ = _difference(there, _by_template(_render(helm, *MONITORING)))
    resources = "".join(f"  - {name}\n" for name in more)
    return {
        **more,
        "kustomization.yaml": f"{_NOTICE}{_ABOUT_MONITORING}{_COMPONENT}resources:\n{resources}",
    }


def _difference(base: dict[str, str], wanted: dict[str, str]) -> tuple[dict[str, str], str]:
    """The files that the base lacks, and patches for the others."""
    more = {name: _NOTICE + text for name, text in wanted.items() if name not in base}
    patches = "".join(
        _patch(before, operations)
        for name in base
        for before, after in zip(_objects(base[name]), _objects(wanted[name]), strict=True)
        if (operations := list(difference(before, after)))
    )
    return more, patches


def _overlay(platform: str, base: dict[str, str], wanted: dict[str, str]) -> dict[str, str]:
    """The files of a platform's overlay: what it has in addition, and what it changes in the base."""
    more, patches = _difference(base, wanted)
    resources = "".join(f"  - {name}\n" for name in ("../../base", *more))
    facts = (CHART / "platforms" / f"{platform}.yaml").read_text()
    about = "".join(line for line in facts.splitlines(keepends=True) if line.startswith("#"))
    kustomization = f"{_NOTICE}{about}{_HEAD}resources:\n{resources}" + (patches and f"patches:\n{patches}")
    return {**more, "kustomization.yaml": kustomization}


def _objects(text: str) -> list[Body]:
    return list(yaml.load_all(text, yaml.CSafeLoader))


def _patch(body: Body, operations: list[Body]) -> str:
    text = yaml.safe_dump(operations, sort_keys=False, width=130)
    target = f"{{kind: {body['kind']}, name: {body['metadata']['name']}}}"
    return f"  - target: {target}\n    patch: |-\n{textwrap.indent(text, '      ')}"


def _schema(schema: Body) -> str:
    schema["properties"]["platform"] = {"enum": platforms()}
    schema["properties"]["settings"] = cluster_settings.SCHEMA
    return json.dumps(schema, indent=2) + "\n"


def _values_table() -> str:
    rows = (f"| `{path}` | `{json.dumps(value)}` | {about} |\n" for path, value, about in described())
    return "| value | default | meaning |\n|---|---|---|\n" + "".join(rows)


def described() -> Iterator[tuple[str, Any, str]]:
    """Each value of values.yaml: its path, its default, and the comment above it."""
    parents: list[str] = []
    comment: list[str] = []
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    for line in (CHART / "values.yaml").read_text().splitlines():
        if found := re.fullmatch(r"( *)# (.*)", line):
            comment.append(found[2])
        elif found := re.match(r"( *)(\w+):", line):
            parents = [*parents[: len(found[1]) // 2], found[2]]
            value = _at(defaults, parents)
            if comment and (not isinstance(value, dict) or not value or parents[-1] == "resources"):
                yield ".".join(parents), value, " ".join(comment)
            comment = []
        else:
            comment = []


def _at(values: Any, path: list[str]) -> Any:
    for key in path:
        values = values[key] if isinstance(values, dict) and key in values else None
    return values


if __name__ == "__main__":
    main()

"""The Helm chart, and the kustomizations that `make manifests` renders from it."""

from __future__ import annotations

import importlib.util
import subprocess
import tomllib
from types import ModuleType

import yaml

from support import require
from support.chart import CHART, built, by_name, rendered
from support.manifests import DEPLOY


def _tool() -> ModuleType:
    """tools/manifests.py, which is not part of a package."""
    spec = importlib.util.spec_from_file_location(
        "tools_manifests", require.REPOSITORY / "tools/manifests.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


manifests = _tool()


def test_the_chart_has_the_projects_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((require.REPOSITORY / "pyproject.toml").read_text())["project"]

    assert [project["version"]] * 2 == [chart["version"], chart["appVersion"]]
    assert project["description"] == chart["description"]


def test_helm_finds_nothing_to_criticise() -> None:
    done = subprocess.run(
        [require.helm(), "lint", "--strict", "--quiet", CHART], capture_output=True, text=True, check=False
    )

    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_make_manifests_has_nothing_to_change() -> None:
    generated = manifests.generated(str(require.helm()))
    directories = {path.parts[0] for path in generated}
    committed = {
        path.relative_to(manifests.KUSTOMIZE): path.read_text()
        for directory in directories
        for path in (manifests.KUSTOMIZE / directory).rglob("*")
        if path.is_file()
    }

    assert generated == committed


def test_kubectl_and_helm_install_the_same_objects() -> None:
    assert by_name(rendered()) == by_name(built(DEPLOY))

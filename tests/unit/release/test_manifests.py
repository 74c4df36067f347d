"""install.yaml and the chart's archive: the registry in both, and the same bytes from two builds."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from netattach_release import manifests
from netattach_release.errors import ReleaseError
from netattach_release.manifests import Tools
from netattach_release.source import Source
from support import require
from support.chart import CHART, built, by_name, rendered

REGISTRY = "registry.example.com/team"
SOURCE = Source(
    "c0ffee", 1_800_000_000, str(yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]), "Apache-2.0"
)


def write(directory: Path, registry: str = REGISTRY) -> Path:
    """Manifests, from a copy of deploy/ in a directory of its own."""
    shutil.copytree(require.REPOSITORY / "deploy", directory / "deploy")
    (directory / "out").mkdir()
    manifests.write(directory / "deploy", tools(), registry, SOURCE, directory / "out")
    return directory / "out"


def tools() -> Tools:
    return Tools(require.helm(), require.kustomize())


def images(objects: list[dict[str, Any]]) -> Iterator[str]:
    for each in objects:
        if each["kind"] in {"Deployment", "DaemonSet"}:
            pod = each["spec"]["template"]["spec"]
            yield from (
                container["image"] for container in (*pod.get("initContainers", ()), *pod["containers"])
            )


def test_install_yaml_has_the_charts_objects_with_the_image_of_the_registry(tmp_path: Path) -> None:
    objects = list(yaml.safe_load_all((write(tmp_path) / "install.yaml").read_text()))

    assert by_name(rendered({"image": {"registry": REGISTRY}})) == by_name(objects)
    assert {f"{REGISTRY}/netattach:{SOURCE.version}"} == set(images(objects))


def test_install_yaml_has_the_order_of_kubectls_kustomize(tmp_path: Path) -> None:
    objects = list(yaml.safe_load_all((write(tmp_path) / "install.yaml").read_text()))

    assert list(by_name(built(require.REPOSITORY / "deploy"))) == list(by_name(objects))


def test_install_yaml_names_its_version_and_commit(tmp_path: Path) -> None:
    assert (
        f"# netattach {SOURCE.version}, commit c0ffee"
        == (write(tmp_path) / "install.yaml").read_text().splitlines()[0]
    )


def test_the_charts_archive_has_the_registry_as_its_default(tmp_path: Path) -> None:
    package = write(tmp_path) / f"netattach-{SOURCE.version}.tgz"

    with tarfile.open(package) as archive:
        values = archive.extractfile("netattach/values.yaml")
        assert values
        assert REGISTRY == yaml.safe_load(values.read())["image"]["registry"]


def test_without_a_registry_the_values_are_those_of_the_repository(tmp_path: Path) -> None:
    with tarfile.open(write(tmp_path, "") / f"netattach-{SOURCE.version}.tgz") as archive:
        values = archive.extractfile("netattach/values.yaml")
        assert values
        assert yaml.safe_load((CHART / "values.yaml").read_text()) == yaml.safe_load(values.read())


def test_two_builds_in_different_directories_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        {path.name: path.read_bytes() for path in write(tmp_path / name).iterdir()}
        for name in ("a", "another")
    )

    assert {"install.yaml", f"netattach-{SOURCE.version}.tgz"} == first.keys()
    assert first == second


def test_a_registry_cannot_change_the_rest_of_the_values() -> None:
    text = manifests.with_registry('image:\n  registry: ""\n  tag: ""\n', 'a"\n  tag: latest #')

    assert {"image": {"registry": 'a"\n  tag: latest #', "tag": ""}} == yaml.safe_load(text)


@pytest.mark.parametrize(
    "values", ["image: {}\n", 'a:\n  registry: ""\nb:\n  registry: ""\n'], ids=["none", "two"]
)
def test_values_with_another_number_of_registries_are_refused(values: str) -> None:
    with pytest.raises(ReleaseError, match="a release sets exactly one"):
        manifests.with_registry(values, REGISTRY)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("helm/netattach/templates/broken.yaml", r"(?s)helm template: .*broken on purpose"),
        ("kustomize/base/kustomization.yaml", r"(?s)kustomize build: .*invalid Kustomization"),
    ],
)
def test_the_programs_message_is_reported(tmp_path: Path, broken: str, message: str) -> None:
    shutil.copytree(require.REPOSITORY / "deploy", tmp_path / "deploy")
    (tmp_path / "deploy" / broken).write_text("{{ fail `broken on purpose` }}")

    with pytest.raises(ReleaseError, match=message):
        manifests.write(tmp_path / "deploy", tools(), "", SOURCE, tmp_path)

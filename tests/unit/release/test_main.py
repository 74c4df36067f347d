"""make release: what it takes from the Dockerfile, what it writes, and what it refuses before it builds anything."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from netattach_core.version import VERSION
from netattach_release import __main__ as program
from netattach_release import image, source
from netattach_release.components import PLUGINS
from netattach_release.image import Image
from netattach_release.source import Source
from support import require
from support.release_inputs import DEBIAN_LOCK, FILES, SOURCE, docker_archive, go_program, tar


def test_the_layers_are_those_that_the_dockerfile_copies() -> None:
    assert [
        "COPY --from=packages /image /",
        "COPY --from=shim /src/plugin/shim/build/netattach /src/plugin/shim/build/netattach-probe /opt/netattach/shim/",
        "COPY --from=programs /tree /",
    ] == program.copies((require.REPOSITORY / "Dockerfile").read_text())


@pytest.mark.parametrize(
    ("registry", "expected"),
    [("registry.example.com/team", "registry.example.com/team/netattach:1.2.3"), ("", "netattach:1.2.3")],
    ids=["a registry", "none"],
)
def test_the_image_is_named_as_in_the_manifests(registry: str, expected: str) -> None:
    assert expected == program.reference(registry, "netattach", SOURCE)


def test_a_dirty_work_tree_is_refused_and_dist_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subprocess.run([require.command("git"), "init", "--quiet", tmp_path], check=True)
    (tmp_path / "dist").mkdir()
    (tmp_path / "new.py").touch()
    monkeypatch.setattr(program, "ROOT", tmp_path)
    monkeypatch.setattr("sys.argv", ["make release"])

    with pytest.raises(SystemExit, match=r"(?s)no release: uncommitted changes.*new.py"):
        program.main()

    assert {"dist", "new.py", ".git"} == {path.name for path in tmp_path.iterdir()}


@pytest.fixture
def dist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of this work tree, with small images."""

    def export(repository: Path, _: Source, directory: Path) -> None:
        directory.mkdir()
        for name in ("deploy", "tools", "core", "kube", "cli"):
            shutil.copytree(repository / name, directory / name)
        for name in ("Dockerfile", "LICENSE"):
            shutil.copy(repository / name, directory)
        (directory / "requirements").mkdir()
        (directory / "requirements/debian.lock").write_text(DEBIAN_LOCK)

    def built(_: Path, architecture: str, commit: Source) -> dict[str, Image]:
        layers = [
            tar(FILES),
            tar({}),
            tar({}),
            tar({f"{PLUGINS}bridge": go_program("mod example.com/plugins v1")}),
        ]
        archives = {
            program.PROGRAMS: docker_archive(tmp_path / "a.tar", *layers[:3], architecture=architecture),
            program.PLUGINS: docker_archive(tmp_path / "b.tar", *layers, architecture=architecture),
        }
        return {name: image.read(archive, commit.epoch) for name, archive in archives.items()}

    monkeypatch.setattr(source, "export", export)
    monkeypatch.setattr(program, "_built", built)
    (tmp_path / "dist").mkdir()
    program._write(tmp_path / "dist", "registry.example.com/team", "", replace(SOURCE, version=VERSION))
    return tmp_path / "dist"


def test_it_writes_both_images_with_the_contents_of_each_architecture(dist: Path) -> None:
    names = ("netattach", "netattach-plugins")
    architectures = ("amd64", "arm64")

    assert {
        *("install.yaml", f"netattach-{VERSION}.tgz"),
        *("kubectl-netattach", f"kubectl-netattach-{VERSION}.tar.gz", "kubectl-netattach.krew.yaml"),
        *(f"{name}-{VERSION}-oci.tar" for name in names),
        *(f"{name}-{VERSION}-{each}.cdx.json" for name in names for each in architectures),
    } == {path.name for path in dist.iterdir()}
    for name in names:
        with tarfile.open(dist / f"{name}-{VERSION}-oci.tar") as archive:
            file = archive.extractfile("index.json")
            assert file
            [index] = json.load(io.TextIOWrapper(file))["manifests"]
        assert (
            f"registry.example.com/team/{name}:{VERSION}" == index["annotations"]["io.containerd.image.name"]
        )


def test_the_image_of_the_plugins_has_their_modules_in_its_sbom(dist: Path) -> None:
    documents = {path.name.rpartition("-")[0]: path.read_text() for path in dist.glob("*.cdx.json")}

    assert "pkg:golang/example.com/plugins@v1" in documents[f"netattach-plugins-{VERSION}"]
    assert "pkg:golang/" not in documents[f"netattach-{VERSION}"]


def test_install_yaml_needs_no_image_of_plugins_and_the_chart_names_it_in_the_registry(dist: Path) -> None:
    """Platform kubernetes has the plugins on its nodes, or the cluster's owner installs them."""
    chart = dist / f"netattach-{VERSION}.tgz"
    command: list[str | Path] = [require.helm(), "template", "netattach", chart, "--set=platform=k3s"]
    rendered = subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert "netattach-plugins" not in (dist / "install.yaml").read_text()
    assert f"image: registry.example.com/team/netattach-plugins:{VERSION}" in rendered

"""make release: writes dist/ from the last commit."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from netattach_release import dist, image, krew, manifests, oci_layout, sbom, single_file, source
from netattach_release.errors import ReleaseError
from netattach_release.image import Image
from netattach_release.manifests import Tools
from netattach_release.source import Source

ROOT = Path(__file__).parents[3]
ARCHITECTURES = ("amd64", "arm64")
PROGRAMS, PLUGINS = "netattach", "netattach-plugins"
"""The images: that of all programs, and the same with the reference CNI plugins."""


def main() -> None:
    arguments = _arguments()
    try:
        commit = source.of(ROOT)
        with dist.written(ROOT / "dist", ROOT / "build/release") as directory:
            _write(directory, arguments.registry, arguments.downloads, commit)
    except (ReleaseError, subprocess.CalledProcessError) as error:
        sys.exit(f"netattach: no release: {error}")
    print(_summary(ROOT / "dist", arguments.registry, commit))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument(
        "--registry",
        default="",
        help="registry and path of the images, such as registry.example.com/netattach",
    )
    parser.add_argument(
        "--downloads",
        default="",
        help="URL under which the files of dist/ will be, for the manifest of krew, such as https://example.com/releases/v1",
    )
    return parser.parse_args()


def _write(directory: Path, registry: str, downloads: str, commit: Source) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        files = Path(temporary, "source")
        source.export(ROOT, commit, files)
        manifests.write(files / "deploy", _tools(files), registry, commit, directory)
        _write_plugin(files, downloads, commit, directory)
        built = [_built(files, architecture, commit) for architecture in ARCHITECTURES]
        history = copies((files / "Dockerfile").read_text())
        lock = (files / "requirements/debian.lock").read_text()
    for name, steps in ((PROGRAMS, history), (PLUGINS, [*history, "tools/plugins_image.py"])):
        images = [each[name] for each in built]
        layout = oci_layout.layout(images, reference(registry, name, commit), commit, steps)
        (directory / f"{name}-{commit.version}-oci.tar").write_bytes(layout.archive)
        for each in images:
            document = sbom.document(each, name, layout.manifests[each.architecture], commit, lock)
            (directory / f"{name}-{commit.version}-{each.architecture}.cdx.json").write_bytes(document)


def _write_plugin(files: Path, downloads: str, commit: Source, directory: Path) -> None:
    """The command as one file, and what krew needs of it."""
    plugin = single_file.build(files, commit.epoch)
    archived = krew.archive(plugin, (files / "LICENSE").read_bytes(), commit)
    (directory / single_file.NAME).write_bytes(plugin)
    (directory / single_file.NAME).chmod(0o755)
    (directory / krew.archive_name(commit)).write_bytes(archived)
    (directory / krew.MANIFEST).write_text(krew.manifest(archived, downloads, commit))


def _tools(files: Path) -> Tools:
    return Tools(helm=_tool(files / "tools/helm"), kustomize=_tool(files / "tools/kustomize"))


def _tool(script: Path, *arguments: str) -> Path:
    done = subprocess.run([script, *arguments], stdout=subprocess.PIPE, text=True, check=True)
    if not done.stdout.strip():
        raise ReleaseError(f"{script.name} is missing, and is built only where Go is installed")
    return Path(done.stdout.strip())


def _built(files: Path, architecture: str, commit: Source) -> dict[str, Image]:
    """The images for an architecture, by name."""
    print(f"netattach: building the images for {architecture}", file=sys.stderr)
    archives = {name: files.parent / f"{name}-{architecture}.tar" for name in (PROGRAMS, PLUGINS)}
    environment = {**os.environ, "LOCKED": "yes", "PYTHON": sys.executable}
    subprocess.run([files / "tools/image", archives[PROGRAMS], architecture], env=environment, check=True)
    plugins = _tool(files / "tools/cni-plugins", "--pinned", architecture)
    command: list[str | Path] = [
        sys.executable,
        files / "tools/plugins_image.py",
        archives[PROGRAMS],
        plugins,
        archives[PLUGINS],
    ]
    subprocess.run(command, check=True)
    images = {name: image.read(archive, commit.epoch) for name, archive in archives.items()}
    for archive in archives.values():
        archive.unlink()
    if wrong := {each.architecture for each in images.values()} - {architecture}:
        raise ReleaseError(f"tools/image was asked for {architecture} and built an image for {wrong.pop()}")
    return images


def copies(dockerfile: str) -> list[str]:
    """The instructions that make the layers of the last stage."""
    last_stage = dockerfile.rpartition("\nFROM ")[2]
    return [line for line in last_stage.splitlines() if line.startswith("COPY ")]


def reference(registry: str, name: str, commit: Source) -> str:
    """The image's name, as the manifests have it."""
    return f"{registry}/{name}:{commit.version}" if registry else f"{name}:{commit.version}"


def _summary(directory: Path, registry: str, commit: Source) -> str:
    files = "".join(f"  {path.stat().st_size:>11,}  {path.name}\n" for path in sorted(directory.iterdir()))
    names = {name: reference(registry or "REGISTRY", name, commit) for name in (PROGRAMS, PLUGINS)}
    archives = {name: f"dist/{name}-{commit.version}-oci.tar" for name in names}
    hint = (
        ""
        if registry
        else "\nWithout REGISTRY=… the manifests name the images without a registry: load them into each node."
    )
    return f"""{files}
Check it:    cd dist && sha256sum --check SHA256SUMS
Push it:     skopeo copy --all oci-archive:{archives[PROGRAMS]} docker://{names[PROGRAMS]}
             skopeo copy --all oci-archive:{archives[PLUGINS]} docker://{names[PLUGINS]}
Load it:     ctr --namespace k8s.io images import {archives[PROGRAMS]}
             ctr --namespace k8s.io images import {archives[PLUGINS]}
Install it:  kubectl apply -f dist/install.yaml, or helm install netattach dist/netattach-{commit.version}.tgz{hint}
{PLUGINS} is for nodes that lack the reference CNI plugins. docs/releasing.md says more."""


if __name__ == "__main__":
    main()

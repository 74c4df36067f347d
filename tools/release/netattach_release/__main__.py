"""make release: writes dist/ from the last commit."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from netattach_release import dist, image, manifests, oci_layout, sbom, source
from netattach_release.errors import ReleaseError
from netattach_release.image import Image
from netattach_release.manifests import Tools
from netattach_release.source import Source

ROOT = Path(__file__).parents[3]
ARCHITECTURES = ("amd64", "arm64")


def main() -> None:
    arguments = _arguments()
    try:
        commit = source.of(ROOT)
        with dist.written(ROOT / "dist", ROOT / "build/release") as directory:
            _write(directory, arguments.registry, commit)
    except (ReleaseError, subprocess.CalledProcessError) as error:
        sys.exit(f"netattach: no release: {error}")
    print(_summary(ROOT / "dist", arguments.registry, commit))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make release", description=__doc__)
    parser.add_argument(
        "--registry",
        default="",
        help="registry and path of the image, such as registry.example.com/netattach",
    )
    return parser.parse_args()


def _write(directory: Path, registry: str, commit: Source) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        files = Path(temporary, "source")
        source.export(ROOT, commit, files)
        manifests.write(files / "deploy", _tools(files), registry, commit, directory)
        images = [_built(files, architecture, commit) for architecture in ARCHITECTURES]
        history = copies((files / "Dockerfile").read_text())
        lock = (files / "requirements/debian.lock").read_text()
    layout = oci_layout.layout(images, reference(registry, commit), commit, history)
    (directory / f"netattach-{commit.version}-oci.tar").write_bytes(layout.archive)
    for each in images:
        document = sbom.document(each, layout.manifests[each.architecture], commit, lock)
        (directory / f"netattach-{commit.version}-{each.architecture}.cdx.json").write_bytes(document)


def _tools(files: Path) -> Tools:
    return Tools(helm=_tool(files / "tools/helm"), kustomize=_tool(files / "tools/kustomize"))


def _tool(script: Path) -> Path:
    path = subprocess.run([script], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    if not path:
        raise ReleaseError(f"{script.name} is missing, and is built only where Go is installed")
    return Path(path)


def _built(files: Path, architecture: str, commit: Source) -> Image:
    print(f"netattach: building the image for {architecture}", file=sys.stderr)
    built = files.parent / f"{architecture}.tar"
    environment = {**os.environ, "LOCKED": "yes", "PYTHON": sys.executable}
    subprocess.run([files / "tools/image", built, architecture], env=environment, check=True)
    read = image.read(built, commit.epoch)
    built.unlink()
    if read.architecture != architecture:
        raise ReleaseError(
            f"tools/image was asked for {architecture} and built an image for {read.architecture}"
        )
    return read


def copies(dockerfile: str) -> list[str]:
    """The instructions that make the layers of the last stage."""
    last_stage = dockerfile.rpartition("\nFROM ")[2]
    return [line for line in last_stage.splitlines() if line.startswith("COPY ")]


def reference(registry: str, commit: Source) -> str:
    """The image's name, as the manifests have it."""
    return f"{registry}/netattach:{commit.version}" if registry else f"netattach:{commit.version}"


def _summary(directory: Path, registry: str, commit: Source) -> str:
    files = "".join(f"  {path.stat().st_size:>11,}  {path.name}\n" for path in sorted(directory.iterdir()))
    name = reference(registry or "REGISTRY", commit)
    archive = f"dist/netattach-{commit.version}-oci.tar"
    hint = (
        ""
        if registry
        else "\nWithout REGISTRY=… the manifests name the image without a registry: load it into each node."
    )
    return f"""{files}
Check it:    cd dist && sha256sum --check SHA256SUMS
Push it:     skopeo copy --all oci-archive:{archive} docker://{name}
Load it:     ctr --namespace k8s.io images import {archive}
Install it:  kubectl apply -f dist/install.yaml, or helm install netattach dist/netattach-{commit.version}.tgz{hint}
docs/releasing.md says more."""


if __name__ == "__main__":
    main()

"""An OCI image layout: one image index of an image per architecture, for `ctr images import`, `skopeo copy` and `crane push`.

https://github.com/opencontainers/image-spec: image-layout.md, image-index.md, config.md
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from netattach_release import archive
from netattach_release.errors import ReleaseError
from netattach_release.image import Image
from netattach_release.source import Source

_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

Descriptor = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """`archive` is a tar archive; `index` and `manifests`, by architecture, are digests as `sha256:…`."""

    archive: bytes
    index: str
    manifests: dict[str, str]


@dataclass
class _Blobs:
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, media_type: str, content: bytes) -> Descriptor:
        digest = hashlib.sha256(content).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = content
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    def add_json(self, media_type: str, content: dict[str, Any]) -> Descriptor:
        return self.add(media_type, _json(content))


def layout(images: Sequence[Image], reference: str, source: Source, history: Sequence[str]) -> Layout:
    """The images under one reference, such as registry.example.com/netattach:1.0.0. `history`: what each layer was made by."""
    for each in images:
        if len(each.layers) != len(history):
            raise ReleaseError(
                f"the Dockerfile's last stage has {len(history)} COPY, "
                f"and the image for {each.architecture} {len(each.layers)} layers"
            )
    blobs = _Blobs()
    manifests = [_manifest(blobs, each, source, history) for each in images]
    index = blobs.add_json(_INDEX, {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests})
    # An index in the index: tools import one entry by its name, containerd by the first annotation, others by the second.
    names = {
        "io.containerd.image.name": _with_registry(reference),
        "org.opencontainers.image.ref.name": source.version,
    }
    top = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": [{**index, "annotations": names}]}
    files = {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json(top),
        **blobs.files,
    }
    digests = {each["platform"]["architecture"]: each["digest"] for each in manifests}
    return Layout(archive.of_files(files, source.epoch), index["digest"], digests)


def _manifest(blobs: _Blobs, image: Image, source: Source, history: Sequence[str]) -> Descriptor:
    config = blobs.add_json(_CONFIG, _config(image, source, history))
    layers = [blobs.add(_LAYER, archive.compressed(layer)) for layer in image.layers]
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": layers}
    platform = {"architecture": image.architecture, "os": "linux"}
    return {**blobs.add_json(_MANIFEST, manifest), "platform": platform}


def _config(image: Image, source: Source, history: Sequence[str]) -> dict[str, Any]:
    created = datetime.fromtimestamp(source.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    labels = {
        **image.settings["Labels"],
        "org.opencontainers.image.created": created,
        "org.opencontainers.image.revision": source.commit,
        "org.opencontainers.image.version": source.version,
    }
    digests = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in image.layers]
    return {
        "created": created,
        "architecture": image.architecture,
        "os": "linux",
        "config": {**image.settings, "Labels": labels},
        "rootfs": {"type": "layers", "diff_ids": digests},
        "history": [{"created": created, "created_by": step} for step in history],
    }


def _with_registry(reference: str) -> str:
    """As containerd and the kubelet write a reference that names no registry."""
    return reference if "/" in reference else f"docker.io/library/{reference}"


def _json(content: dict[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()

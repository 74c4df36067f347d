"""A CycloneDX 1.6 document of an image: https://cyclonedx.org/docs/1.6/json/."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from netattach_release import components
from netattach_release.components import Part
from netattach_release.image import Image
from netattach_release.source import Source

_MUSL = "musl-dev"


def document(image: Image, name: str, digest: str, source: Source, debian_lock: str) -> bytes:
    """What the image of this name contains; `digest` is that of its manifest, as `sha256:…`."""
    files = dict(image.files())
    packages = [
        _component(part, ComponentType.LIBRARY)
        for part in (
            *components.debian(files, debian_lock),
            *components.python(files),
            *components.go(files),
        )
    ]
    shim = _component(components.shim(files, source.version, source.licence), ComponentType.APPLICATION)
    whole = _component(_image(image, name, digest, source), ComponentType.CONTAINER)
    # The same document from the same image: no random number, and the time of the commit.
    bom = Bom(
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{whole.purl}"),
        metadata=BomMetaData(component=whole, timestamp=datetime.fromtimestamp(source.epoch, UTC)),
        components=[*packages, shim],
    )
    bom.register_dependency(whole, [*packages, shim])
    bom.register_dependency(shim, [each for each in packages if each.name == _MUSL])
    return JsonV1Dot6(bom).output_as_string(indent=2).encode() + b"\n"


def _image(image: Image, name: str, digest: str, source: Source) -> Part:
    purl = f"pkg:oci/{name}@{digest}?arch={image.architecture}"
    return Part(name, source.version, purl, digest.removeprefix("sha256:"), (source.licence,))


def _component(part: Part, kind: ComponentType) -> Component:
    return Component(
        type=kind,
        name=part.name,
        version=part.version,
        bom_ref=part.purl,
        purl=PackageURL.from_string(part.purl),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=part.sha256)] if part.sha256 else [],
        licenses=_licenses(part.licences),
    )


def _licenses(names: Sequence[str]) -> list[License]:
    """An expression stands alone: CycloneDX allows one, or several licences."""
    factory = LicenseFactory()
    if len(names) == 1:
        return [factory.make_from_string(names[0])]
    return [factory.make_with_name(name) for name in names]

"""The SBOM: valid CycloneDX 1.6, complete, with versions, licences and hashes, and the same from the same image."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from netattach_release import image, sbom
from netattach_release.components import PLUGINS
from netattach_release.errors import ReleaseError
from netattach_release.image import Image
from support.release_inputs import DEBIAN_LOCK, FILES, SOURCE, docker_archive, go_program, tar

DIGEST = f"sha256:{'d' * 64}"


def of_files(directory: Path, files: dict[str, str]) -> Image:
    return image.read(docker_archive(directory / "image.tar", tar(files)), SOURCE.epoch)


@pytest.fixture
def text(tmp_path: Path) -> str:
    return sbom.document(of_files(tmp_path, FILES), "netattach", DIGEST, SOURCE, DEBIAN_LOCK).decode()


@pytest.fixture
def components(text: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(text)["components"]}


def test_the_schema_of_cyclonedx_accepts_it(text: str) -> None:
    assert None is JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)


def test_it_names_the_image_by_its_digest_and_the_time_of_the_commit(text: str) -> None:
    metadata = json.loads(text)["metadata"]

    assert "2027-01-15T08:00:00+00:00" == metadata["timestamp"]
    assert ("container", "1.2.3") == (metadata["component"]["type"], metadata["component"]["version"])
    assert [{"alg": "SHA-256", "content": "d" * 64}] == metadata["component"]["hashes"]


def test_every_package_of_the_image_and_the_shim_is_a_component(components: dict[str, Any]) -> None:
    assert {"libc6", "musl-dev", "pyyaml", "typing-extensions", "netattach-shim"} == components.keys()


def test_a_debian_package_has_its_version_and_the_hash_of_the_lock_file(components: dict[str, Any]) -> None:
    libc = components["libc6"]

    assert ("2.36-9", "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12") == (
        libc["version"],
        libc["purl"],
    )
    assert [{"alg": "SHA-256", "content": "a" * 64}] == libc["hashes"]


def test_licences_are_those_of_machine_readable_copyright_files(components: dict[str, Any]) -> None:
    assert [{"license": {"id": "MIT"}}] == [_kept(each) for each in components["musl-dev"]["licenses"]]
    assert "licenses" not in components["libc6"]


def test_a_python_package_has_the_hash_of_its_wheel_and_its_licence(components: dict[str, Any]) -> None:
    extensions, yaml = components["typing-extensions"], components["pyyaml"]

    assert ["3" * 64, "1" * 64] == [each["hashes"][0]["content"] for each in (extensions, yaml)]
    assert [{"license": {"id": "PSF-2.0"}}] == [_kept(each) for each in extensions["licenses"]]
    assert "MIT" in json.dumps(yaml["licenses"])


def test_the_shim_has_its_own_hash_and_depends_on_musl(text: str, components: dict[str, Any]) -> None:
    shim = components["netattach-shim"]
    [depends] = [each for each in json.loads(text)["dependencies"] if each["ref"] == shim["bom-ref"]]

    assert hashlib.sha256(b"the shim").hexdigest() == shim["hashes"][0]["content"]
    assert [components["musl-dev"]["bom-ref"]] == depends["dependsOn"]


def test_the_modules_of_the_plugins_are_components_once_each(tmp_path: Path) -> None:
    checksum = "h1:" + base64.b64encode(bytes(32)).decode()
    own = f"mod example.com/plugins v1.9.1 {checksum}"
    plugins: dict[str, str | bytes] = {
        f"{PLUGINS}LICENSE": "Apache-2.0",
        f"{PLUGINS}bridge": go_program(own, "dep example.com/iptables v0.8.0"),
        f"{PLUGINS}macvlan": go_program(own),
    }
    built = image.read(docker_archive(tmp_path / "image.tar", tar(FILES), tar(plugins)), SOURCE.epoch)

    text = sbom.document(built, "netattach-plugins", DIGEST, SOURCE, DEBIAN_LOCK).decode()

    assert None is JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    document = json.loads(text)
    assert (
        f"pkg:oci/netattach-plugins@sha256:{'d' * 64}?arch=amd64" == document["metadata"]["component"]["purl"]
    )
    assert {
        "pkg:golang/std@1.24.1": [],
        "pkg:golang/example.com/plugins@v1.9.1": ["0" * 64],
        "pkg:golang/example.com/iptables@v0.8.0": [],
    } == {
        each["purl"]: [found["content"] for found in each.get("hashes", ())]
        for each in document["components"]
        if each["purl"].startswith("pkg:golang/")
    }


def test_the_same_image_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (
        sbom.document(of_files(tmp_path, files), "netattach", DIGEST, SOURCE, DEBIAN_LOCK)
        for files in (FILES, dict(reversed(FILES.items())))
    )

    assert first == second


def test_a_debian_package_that_is_not_locked_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"libc6 2.36-9 amd64, which is not in requirements/debian.lock"):
        sbom.document(
            of_files(tmp_path, FILES), "netattach", DIGEST, SOURCE, DEBIAN_LOCK.replace("2.36-9", "2.36-10")
        )


def test_a_python_package_without_a_wheel_is_an_error(tmp_path: Path) -> None:
    files = {**FILES, "opt/netattach/wheels.sha256": ""}

    with pytest.raises(ReleaseError, match=r"pyyaml 6.0.3 from no wheel"):
        sbom.document(of_files(tmp_path, files), "netattach", DIGEST, SOURCE, DEBIAN_LOCK)


def _kept(choice: dict[str, Any]) -> dict[str, Any]:
    return {"license": {key: choice["license"][key] for key in ("id", "name") if key in choice["license"]}}

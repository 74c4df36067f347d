"""What an image is made of, as its files say: Debian packages, Python packages, the shim, and what CNI plugins are built from."""

from __future__ import annotations

import email
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from urllib.parse import quote

from netattach_release import go_modules
from netattach_release.errors import ReleaseError

SHIM = "opt/netattach/shim/netattach"
OWN = "netattach"
PLUGINS = "opt/netattach/cni-plugins/"

_STATUS = re.compile(r"var/lib/dpkg/status\.d/[^/]+")
_METADATA = re.compile(r"opt/netattach/lib/.*/[^/]+\.dist-info/METADATA")
_LICENCE = re.compile(r"^License: *(\S.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """`licences` are SPDX expressions or the names that the package uses.

    `sha256` is that of the .deb, the wheel, the Go module or the file, "" without one.
    """

    name: str
    version: str
    purl: str
    sha256: str
    licences: tuple[str, ...]


def debian(files: Mapping[str, bytes], lock: str) -> list[Part]:
    """The Debian packages of an image's files, with the hashes of requirements/debian.lock. Raises ReleaseError without one."""
    hashes = {tuple(line.split()[:3]): line.split()[3] for line in lock.splitlines()}
    return [
        _debian(email.message_from_string(files[path].decode()), files, hashes)
        for path in sorted(files)
        if _STATUS.fullmatch(path)
    ]


def python(files: Mapping[str, bytes]) -> list[Part]:
    """The Python packages of an image's files but netattach itself. Raises ReleaseError without the hash of a wheel."""
    hashes = _wheel_hashes(files["opt/netattach/wheels.sha256"].decode())
    found = (email.message_from_bytes(files[path]) for path in sorted(files) if _METADATA.fullmatch(path))
    return [_python(each, hashes) for each in found if each["Name"] != OWN]


def go(files: Mapping[str, bytes]) -> list[Part]:
    """The Go modules of the CNI plugins, and the standard library; none in the image of the programs alone."""
    programs = [path for path in sorted(files) if path.startswith(PLUGINS) and path != f"{PLUGINS}LICENSE"]
    found = {each for path in programs for each in go_modules.of_program(path, files[path])}
    return [
        Part(each.path, each.version, f"pkg:golang/{each.path}@{quote(each.version)}", each.sha256, ())
        for each in sorted(found, key=lambda each: (each.path, each.version))
    ]


def shim(files: Mapping[str, bytes], version: str, licence: str) -> Part:
    """The static CNI shim, which contains musl."""
    digest = hashlib.sha256(files[SHIM]).hexdigest()
    return Part("netattach-shim", version, f"pkg:generic/netattach-shim@{version}", digest, (licence,))


def _debian(control: Message, files: Mapping[str, bytes], hashes: Mapping[tuple[str, ...], str]) -> Part:
    name, version, architecture = control["Package"], control["Version"], control["Architecture"]
    digest = hashes.get((name, version, architecture))
    if digest is None:
        raise ReleaseError(
            f"the image has {name} {version} {architecture}, which is not in requirements/debian.lock: run tools/lock-debian"
        )
    purl = f"pkg:deb/debian/{name}@{version}?arch={architecture}&distro=debian-12"
    copyright_text = files.get(f"usr/share/doc/{name}/copyright", b"").decode(errors="replace")
    return Part(name, version, purl, digest, _debian_licences(copyright_text))


def _debian_licences(text: str) -> tuple[str, ...]:
    """Those of a machine-readable copyright file (https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/)."""
    machine_readable = "packaging-manuals/copyright-format/1.0" in text.partition("\n")[0]
    return tuple(sorted(set(_LICENCE.findall(text)))) if machine_readable else ()


def _python(metadata: Message, hashes: Mapping[tuple[str, str], str]) -> Part:
    name, version = _normalized(metadata["Name"]), metadata["Version"]
    digest = hashes.get((name, version))
    if digest is None:
        raise ReleaseError(f"the image has {name} {version} from no wheel of requirements/image.lock")
    return Part(name, version, f"pkg:pypi/{name}@{version}", digest, _python_licences(metadata))


def _python_licences(metadata: Message) -> tuple[str, ...]:
    if metadata["License-Expression"]:
        return (metadata["License-Expression"],)
    classifiers = [each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
    if classifiers:
        return tuple(sorted(each.rpartition(" :: ")[2] for each in classifiers))
    licence = metadata.get("License", "")
    return (licence,) if licence and "\n" not in licence else ()


def _wheel_hashes(sums: str) -> dict[tuple[str, str], str]:
    """By name and version; lines as sha256sum writes them, with the file names of wheels."""
    wheels = (line.split() for line in sums.splitlines())
    return {(_normalized(name.split("-")[0]), name.split("-")[1]): digest for digest, name in wheels}


def _normalized(name: str) -> str:
    """https://packaging.python.org/en/latest/specifications/name-normalization/."""
    return re.sub(r"[-_.]+", "-", name).lower()

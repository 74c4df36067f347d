"""The command `netattach` as one file, for kubectl: a zip archive that Python runs, with all packages that it needs.

Nothing in it is compiled, so it runs on every machine with Python 3.11 or newer. The packages are those of the environment that
builds it, which has them from requirements/dev.lock.
"""

from __future__ import annotations

import importlib.metadata
import io
import sys
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from netattach_release.errors import ReleaseError

NAME = "kubectl-netattach"
"""kubectl finds a plugin by its file's name."""

PACKAGES = ("PyYAML", "jsonschema", "jsonschema-specifications", "referencing", "attrs", "typing-extensions")
"""Those of the extra `cli`, and what they need, but rpds (rpds_stand_in.py)."""

OURS = ("core/netattach_core", "kube/netattach_kube", "cli/netattach_cli")

_EARLIEST = 315_532_800
"""The time of files outside of a release: 1980-01-01, before which a zip archive knows none."""

_SHEBANG = b"#!/usr/bin/env python3\n"
_LEFT_OUT = frozenset({"__pycache__", "tests", "benchmarks"})
_OF_METADATA = ("METADATA", "LICENSE", "COPYING", "AUTHORS")

_MAIN = b"""import sys

if sys.version_info < (3, 11):
    sys.exit("kubectl-netattach needs Python 3.11 or newer, and this is %d.%d" % sys.version_info[:2])

import os

from netattach_cli.__main__ import main

if os.path.basename(sys.argv[0]).startswith("kubectl_complete-"):
    from netattach_cli.completion.answer import main

sys.exit(main())
"""


def build(repository: Path, epoch: int) -> bytes:
    """The file's content, which depends on the sources and the packages alone."""
    files = {**_dependencies(), **_ours(repository), "__main__.py": _MAIN}
    stand_in = repository / "tools/release/netattach_release/rpds_stand_in.py"
    files["rpds.py"] = stand_in.read_bytes()
    return _SHEBANG + _archive(files, epoch)


def _ours(repository: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for folder in OURS:
        package = repository / folder
        for path in (*package.rglob("*.py"), *package.rglob("*.json")):
            found[str(path.relative_to(package.parent))] = path.read_bytes()
    if not found:
        raise ReleaseError(f"{repository} has none of {', '.join(OURS)}")
    return found


def _dependencies() -> dict[str, bytes]:
    """Modules, data and licences of the installed packages. Raises ReleaseError where one is missing."""
    found: dict[str, bytes] = {}
    for name in PACKAGES:
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            raise ReleaseError(f"{name} is not installed here: make setup") from None
        found |= {str(path): Path(str(path.locate())).read_bytes() for path in files if _is_wanted(path)}
    return found


def _is_wanted(path: PurePosixPath) -> bool:
    if _LEFT_OUT & set(path.parts) or ".." in path.parts:
        return False
    if ".dist-info" in path.parts[0]:
        return path.name.startswith(_OF_METADATA)
    return path.suffix in {".py", ".json"}


def _archive(files: Mapping[str, bytes], epoch: int) -> bytes:
    """Sorted, with one time and mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, time.gmtime(epoch)[:6])
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # Unix, whatever builds it
            archive.writestr(info, files[name], compresslevel=9)
    return buffer.getvalue()


def main(path: str) -> None:
    """Writes the file, outside of a release."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(build(Path(__file__).parents[3], _EARLIEST))
    target.chmod(0o755)
    print(target)


if __name__ == "__main__":
    main(sys.argv[1])

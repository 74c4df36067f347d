"""requirements/debian.lock: what the Dockerfile and the SBOM read."""

from __future__ import annotations

import re

from support import require

LINES = (require.REPOSITORY / "requirements/debian.lock").read_text().splitlines()
LINE = re.compile(r"[a-z0-9][a-z0-9+.-]+ [0-9][^ ]* (amd64|arm64|all) [0-9a-f]{64}")


def test_each_line_has_a_package_its_version_its_architecture_and_its_hash() -> None:
    assert LINES
    assert [] == [line for line in LINES if not LINE.fullmatch(line)]


def test_each_package_is_locked_for_both_architectures() -> None:
    architectures: dict[str, list[str]] = {}
    for line in LINES:
        name, _, architecture, _ = line.split()
        architectures.setdefault(name, []).append(architecture)

    assert {} == {
        name: found for name, found in architectures.items() if found not in (["amd64", "arm64"], ["all"])
    }


def test_a_file_is_locked_once() -> None:
    hashes = [line.split()[3] for line in LINES]

    assert len(hashes) == len(set(hashes))

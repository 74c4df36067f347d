"""`make release`, whole: the same bytes twice, and for arm64 a shim that passes the shim's tests, and plugins that run.

All belong to the soak: four images are built without a cache, which takes ten minutes on two cores.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from netattach_core.version import VERSION
from netattach_release.components import PLUGINS, SHIM
from support import require

pytestmark = pytest.mark.soak

REGISTRY = "registry.example.com/team"

# qemu-user does not implement prctl(PR_SET_CHILD_SUBREAPER), by which the shim ends what plugins leave behind, and the last
# one finds qemu's file at /proc/self/exe. The shim of this machine passes these tests.
NOT_IN_QEMU = (
    "test_shim_standalone.py::TestDelete::test_a_daemon_that_goes_away_during_the_call_is_replaced",
    "test_shim_standalone.py::TestDelete::test_a_cancelled_call_has_not_succeeded",
    "test_shim_standalone.py::TestLocks::test_a_killed_shim_leaves_no_lock",
    "test_shim.py::TestCall::test_the_call_has_all_that_the_runtime_passed",
)
SHIM_TESTS = (
    "test_shim.py",
    "test_shim_namespace.py",
    "test_shim_plugin_runs.py",
    "test_shim_standalone.py",
    "test_shim_sysctls.py",
    "test_shim_uninstall_conflist.py",
    "test_shim_uninstalled.py",
)


def release(directory: Path, cache: Path, umask: int) -> Path:
    """dist/ of a clone of the last commit, built with an empty cache of images."""
    subprocess.run(["git", "clone", "--quiet", require.REPOSITORY, directory], check=True)
    cache.mkdir()
    for built in _tools():
        (cache / built.name).symlink_to(built)
    environment = {
        **os.environ,
        "PYTHONPATH": str(directory / "tools/release"),
        "NETATTACH_CACHE": str(cache),
    }
    command = [sys.executable, "-m", "netattach_release", "--registry", REGISTRY]
    subprocess.run(command, cwd=directory, env=environment, umask=umask, check=True)
    return directory / "dist"


def _tools() -> list[Path]:
    """What is no part of a release, and takes minutes to build: Helm, kustomize, and the image in which all is built."""
    base = subprocess.run(
        [require.REPOSITORY / "tools/base-image"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return [require.helm().parent, require.kustomize().parent, Path(base.strip())]


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if os.geteuid() != 0:
        require.left_out("needs root, to build images")
    directory = tmp_path_factory.mktemp("release")
    return release(directory / "first", directory / "cache", 0o022)


def test_another_build_in_another_place_gives_the_same_bytes(dist: Path, tmp_path: Path) -> None:
    again = release(tmp_path / "elsewhere/second", tmp_path / "cache", 0o077)

    assert (dist / "SHA256SUMS").read_text() == (again / "SHA256SUMS").read_text()
    assert {file.name for file in dist.iterdir()} == {file.name for file in again.iterdir()}
    assert len((again / "SHA256SUMS").read_text().splitlines()) == len(list(again.iterdir())) - 1


def test_its_shim_for_arm64_passes_the_shims_tests_in_qemu(dist: Path, tmp_path: Path) -> None:
    qemu = shutil.which("qemu-aarch64-static") or require.left_out("needs qemu-user-static")
    shim = tmp_path / "shim"
    shim.write_bytes(_file(dist / f"netattach-{VERSION}-oci.tar", "arm64", SHIM))
    shim.chmod(0o755)
    runs = tmp_path / "netattach"
    runs.write_text(f'#!/bin/sh\nexec {qemu} {shim} "$@"\n')
    runs.chmod(0o755)

    tests = [require.REPOSITORY / "tests/node" / name for name in SHIM_TESTS]
    left_out = [f"--deselect=tests/node/{name}" for name in NOT_IN_QEMU]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *left_out],
        cwd=require.REPOSITORY,
        env={**os.environ, "NETATTACH_TEST_SHIM": str(runs)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout[-3000:]


@pytest.mark.parametrize("plugin", ["bridge", "dhcp", "host-local", "macvlan"])
def test_its_plugins_for_arm64_answer_in_qemu(dist: Path, tmp_path: Path, plugin: str) -> None:
    qemu = shutil.which("qemu-aarch64-static") or require.left_out("needs qemu-user-static")
    program = tmp_path / plugin
    program.write_bytes(_file(dist / f"netattach-plugins-{VERSION}-oci.tar", "arm64", f"{PLUGINS}{plugin}"))
    program.chmod(0o755)  # qemu refuses others, as the kernel does

    answer = subprocess.run(
        [qemu, program],
        env={"CNI_COMMAND": "VERSION"},
        input="{}",
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "1.1.0" in json.loads(answer)["supportedVersions"]


def _file(layout: Path, architecture: str, name: str) -> bytes:
    """A file of the image for an architecture."""
    with tarfile.open(layout) as archive:
        [index] = _json(archive, "index.json")["manifests"]
        [manifest] = [
            each
            for each in _json(archive, _blob(index))["manifests"]
            if each["platform"]["architecture"] == architecture
        ]
        for layer in _json(archive, _blob(manifest))["layers"]:
            content = gzip.decompress(_read(archive, _blob(layer)))
            with tarfile.open(fileobj=io.BytesIO(content)) as files:
                if name in files.getnames():
                    return _read(files, name)
    raise AssertionError(f"{name} is in no layer")


def _blob(descriptor: dict[str, Any]) -> str:
    return "blobs/" + str(descriptor["digest"]).replace(":", "/")


def _json(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(_read(archive, name))
    return content


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    assert file
    return file.read()

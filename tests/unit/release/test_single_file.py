"""The command as one file, the stand-in for the only compiled package, and krew's manifest."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
import rpds
import yaml

from netattach_core.version import VERSION
from netattach_release import krew, rpds_stand_in, single_file
from netattach_release.errors import ReleaseError
from support import fake_kubectl, require
from support.release_inputs import SOURCE
from unit.cli import cluster_objects as objects
from unit.cli.samples import INVALID_CONFIG, nad

EPOCH = SOURCE.epoch


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("single") / single_file.NAME
    path.write_bytes(single_file.build(require.REPOSITORY, EPOCH))
    path.chmod(0o755)
    return path


def run(program: Path, *words: str, path: str = "") -> subprocess.CompletedProcess[str]:
    """In a Python that sees no packages but those of the standard library."""
    environment = {"PATH": f"{path}:{os.environ['PATH']}"}
    command = [sys.executable, "-I", "-S", str(program), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)


def test_it_runs_without_any_installed_package(plugin: Path) -> None:
    assert f"netattach {VERSION}\n" == run(plugin, "--version").stdout


def test_it_validates_as_the_installed_command_does(plugin: Path, tmp_path: Path) -> None:
    """With schemas, which need jsonschema and with it the stand-in."""
    file = tmp_path / "n.yaml"
    file.write_text(nad("a", INVALID_CONFIG) + "---\n" + nad("b"))
    installed = subprocess.run(
        [sys.executable, "-m", "netattach_cli", "lint", "-o", "json", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )

    found = run(plugin, "lint", "-o", "json", str(file))

    assert (installed.returncode, installed.stdout) == (found.returncode, found.stdout), found.stderr
    assert 1 == found.returncode


def test_it_explains_rules_from_the_text_in_it(plugin: Path) -> None:
    done = run(plugin, "rules", "pod-field-misspelt")

    assert (0, "") == (done.returncode, done.stderr)
    assert '"interfaceName": "lan"' in done.stdout


def test_it_asks_a_cluster(plugin: Path, tmp_path: Path) -> None:
    fake_kubectl.install(tmp_path / "bin", objects.healthy())

    done = run(plugin, "get", "pods", "-A", "-o", "yaml", path=str(tmp_path / "bin"))

    assert 0 == done.returncode, done.stderr
    assert ["web-1", "web-2"] == [item["name"] for item in yaml.safe_load(done.stdout)["items"]]


def test_it_answers_kubectls_completion_under_another_name(plugin: Path) -> None:
    link = plugin.with_name("kubectl_complete-netattach")
    link.symlink_to(plugin)

    assert (
        "status\twhether netattach works in the cluster, and what is wrong\n:4\n" == run(link, "statu").stdout
    )


def test_nothing_in_it_is_compiled(plugin: Path) -> None:
    with zipfile.ZipFile(plugin) as archive:
        names = archive.namelist()

    kinds = {Path(name).suffix for name in names if ".dist-info/" not in name}
    assert {".py", ".json"} == kinds
    assert any("licenses/" in name or "LICENSE" in name for name in names if name.startswith("jsonschema-"))
    assert plugin.read_bytes().startswith(b"#!/usr/bin/env python3\n")


def test_the_same_sources_have_the_same_bytes(plugin: Path) -> None:
    assert plugin.read_bytes() == single_file.build(require.REPOSITORY, EPOCH)


def test_an_old_python_is_told_which_one_is_needed(plugin: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(plugin) as archive:
        script = archive.read("__main__.py").decode()
    old = tmp_path / "old.py"
    old.write_text(f"import sys\nsys.version_info = (3, 9, 2)\n{script}")

    done = run(old)

    assert (1, "kubectl-netattach needs Python 3.11 or newer, and this is 3.9\n") == (
        done.returncode,
        done.stderr,
    )


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(single_file, "PACKAGES", ("no-such-package",))

    with pytest.raises(ReleaseError, match="no-such-package is not installed here"):
        single_file.build(require.REPOSITORY, EPOCH)


def test_sources_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match="has none of"):
        single_file.build(tmp_path, EPOCH)


@pytest.mark.parametrize("module", [rpds, rpds_stand_in], ids=["rpds", "the stand-in"])
def test_the_stand_in_does_what_rpds_does(module: Any) -> None:
    empty = module.HashTrieMap()
    one = empty.insert("a", 1)
    two = one.update({"b": 2}, [("c", 3)])

    assert [0, 1, 3] == [len(empty), len(one), len(two)]
    assert {"b": 2, "c": 3} == dict(two.remove("a").items())
    assert (1, None, True, False) == (two.get("a"), two.get("x"), "b" in two, "x" in two)
    assert two is module.HashTrieMap.convert(two)
    assert {"k": 1} == dict(module.HashTrieMap.convert({"k": 1}))
    assert {"a": 1} == dict(one.discard("x"))
    assert one == module.HashTrieMap([("a", 1)])
    with pytest.raises(KeyError):
        empty.remove("a")

    some = module.HashTrieSet().insert("a").update(["b", "c"]).discard("c").discard("x")
    assert ({"a", "b"}, {"b"}) == (set(some), set(some.remove("a")))
    with pytest.raises(KeyError):
        some.remove("x")

    listed = module.List().push_front(1).push_front(2)
    assert ([2, 1], 2, [1], [1]) == (list(listed), listed.first, list(listed.rest), list(listed.drop_first()))


def test_the_manifest_of_krew_has_the_checksum_of_the_archive(plugin: Path) -> None:
    archived = krew.archive(plugin.read_bytes(), b"the licence", SOURCE)
    manifest = yaml.safe_load(krew.manifest(archived, "https://example.com/releases/v1.2.3/", SOURCE))
    (platform,) = manifest["spec"]["platforms"]

    assert hashlib.sha256(archived).hexdigest() == platform["sha256"]
    assert "https://example.com/releases/v1.2.3/kubectl-netattach-1.2.3.tar.gz" == platform["uri"]
    assert ("netattach", "v1.2.3", "Plugin") == (
        manifest["metadata"]["name"],
        manifest["spec"]["version"],
        manifest["kind"],
    )
    with tarfile.open(fileobj=io.BytesIO(archived)) as tar:
        modes = {each.name: (each.mode, each.mtime) for each in tar}
        file = tar.extractfile(platform["bin"])
        assert file is not None
        assert plugin.read_bytes() == file.read()
    assert {"LICENSE": (0o644, EPOCH), "kubectl-netattach": (0o755, EPOCH)} == modes


def test_the_limits_of_krew_are_kept() -> None:
    """Of https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/ and of its naming guide."""
    spec = yaml.safe_load(krew.manifest(b"", "", SOURCE))["spec"]

    assert len(spec["shortDescription"]) <= 50
    assert "kubectl-netattach-1.2.3.tar.gz" == spec["platforms"][0]["uri"]
    assert spec["version"].startswith("v")

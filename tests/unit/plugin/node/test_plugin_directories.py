"""Several directories of plugins: the order in which they are searched, and what cannot be seen from the container."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from netattach_plugin.node import plugin_directories
from netattach_plugin.node.plugin_directories import PluginDirectories


@pytest.fixture
def first(tmp_path: Path) -> Path:
    (tmp_path / "first").mkdir()
    return tmp_path / "first"


@pytest.fixture
def second(tmp_path: Path) -> Path:
    (tmp_path / "second").mkdir()
    return tmp_path / "second"


def _program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_first_directory_that_has_it_wins(first: Path, second: Path) -> None:
    """As libcni and the shim search."""
    both = PluginDirectories((first, second))
    _program(second / "bridge")
    _program(second / "vlan")
    assert second / "bridge" == both.find("bridge")

    _program(first / "bridge")
    (first / "vlan").write_text("not executable")

    assert (first / "bridge", second / "vlan", None) == tuple(map(both.find, ("bridge", "vlan", "dhcp")))
    assert [first / "bridge", second / "vlan"] == [each.path for each in both.binaries()]
    assert f"{first}:{second}" == both.cni_path


@pytest.mark.parametrize(
    ("target", "listed"),
    [
        ("/not/in/this/container/vlan", True),
        ("../elsewhere/vlan", True),
        ("/dev/null/vlan", True),
        ("vlan", False),
        ("real", True),
        ("directory", False),
        ("/dev/null", False),
    ],
    ids=[
        "out of the mount",
        "a relative one",
        "through no directory",
        "a loop",
        "inside",
        "directory",
        "device",
    ],
)
def test_a_link_that_cannot_be_followed_is_listed_and_not_described(
    first: Path, target: str, *, listed: bool
) -> None:
    _program(first / "real")
    (first / "directory").mkdir()
    (first / "vlan").symlink_to(target)
    found = {each.path.name: each.found for each in PluginDirectories((first,)).binaries()}

    assert listed == ("vlan" in found)
    assert (target == "real") == (found.get("vlan") is not None)
    assert found["real"] is not None


def test_directories_are_learnt_from_calls(first: Path, second: Path) -> None:
    """Once each; what is no absolute path would be looked for in the daemon's own directory."""
    reports: list[int] = []
    directories = PluginDirectories((first,), lambda: reports.append(1))
    directories.learn(f"{first}")
    directories.learn("")
    assert [] == reports

    directories.learn(f"{second}/:{first}:relative::{second}")
    directories.learn(f"{second}")

    assert ((first, second), [1]) == (directories.paths, reports)


def test_another_path_of_the_same_directory_is_not_learnt(first: Path, second: Path) -> None:
    """The shim of the first one is in it. Of several directories it is not known which is which."""
    directories = PluginDirectories((first,))
    directories.learn("/var/snap/microk8s/6089/opt/cni/bin", has_shim=True)
    assert [first] == list(directories.paths)

    directories.learn(f"{first}:{second}", has_shim=True)
    assert [first, second] == list(directories.paths)


def test_the_number_of_directories_is_limited(first: Path) -> None:
    directories = PluginDirectories((first,))
    directories.learn(":".join(f"/d{number}" for number in range(1000)))

    assert 17 == len(directories.paths)


def test_a_directory_that_is_not_mounted_is_unseen(first: Path, tmp_path: Path) -> None:
    directories = PluginDirectories((first, tmp_path / "configured"))
    directories.learn(str(tmp_path / "learnt"))
    assert (str(tmp_path / "configured"), str(tmp_path / "learnt")) == directories.unseen

    (tmp_path / "learnt").mkdir()
    (tmp_path / "configured").symlink_to(tmp_path / "learnt")
    assert [] == list(directories.unseen)


@pytest.fixture
def container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container: first and second are mounted, and what else is below this directory belongs to its image."""
    mounts = [
        f"1 0 8:1 / {at} rw - ext4 /dev/sda1 rw" for at in ("/", tmp_path / "first", tmp_path / "second")
    ]
    (tmp_path / "mountinfo").write_text("\n".join(mounts))
    monkeypatch.setattr(plugin_directories, "_MOUNTINFO", tmp_path / "mountinfo")
    return tmp_path


def test_a_directory_of_the_containers_image_is_not_the_nodes(
    first: Path, second: Path, container: Path
) -> None:
    """The runtime searches the node's directory of this path, so that any plugin may be there; the image's are never run."""
    _program(second / "vlan")
    (container / "image").mkdir()
    _program(container / "image/python")
    (container / "link").symlink_to(second)
    directories = PluginDirectories((first,))
    directories.learn(f"{container}/image:{container}/link:{second}/")

    assert (f"{container}/image",) == directories.unseen
    assert (None, container / "link/vlan") == (directories.find("python"), directories.find("vlan"))
    assert ["vlan"] == [each.path.name for each in directories.binaries()]
    assert f"{first}:{container}/image:{container}/link:{second}" == directories.cni_path


def test_a_link_of_the_node_to_the_containers_image_leads_out_of_what_is_mounted(
    first: Path, second: Path, container: Path
) -> None:
    (container / "image").mkdir()
    _program(container / "image/python")
    (second / "linked").symlink_to(container / "image")
    directories = PluginDirectories((first,))
    directories.learn(str(second / "linked"))

    assert (f"{second}/linked",) == directories.unseen
    assert [] == list(directories.binaries())


def test_without_a_container_every_directory_is_the_nodes(first: Path, container: Path) -> None:
    (container / "mountinfo").write_text("1 0 8:1 / / rw - ext4 /dev/sda1 rw")
    (container / "more").mkdir()
    directories = PluginDirectories((first,))
    directories.learn(str(container / "more"))

    assert () == directories.unseen


def _flat(used: Path, _: Path) -> None:
    used.mkdir()
    _program(used / "bridge")


def _linked_directory(used: Path, data: Path) -> None:
    used.symlink_to(data)


def _linked_files(used: Path, data: Path) -> None:
    used.mkdir()
    (used / "bridge").symlink_to(data / "bridge")


def _release_behind_a_link(used: Path, data: Path) -> None:
    (data.parent / "current").symlink_to(data.name)
    used.symlink_to("data/current")


@pytest.mark.parametrize("layout", [_flat, _linked_directory, _linked_files, _release_behind_a_link])
def test_layouts_with_links(tmp_path: Path, layout: Callable[[Path, Path], None]) -> None:
    """With all that the links lead to mounted, plugins are found under the paths that the runtime uses."""
    data, used = tmp_path / "data/0f1e", tmp_path / "bin"
    data.mkdir(parents=True)
    _program(data / "bridge")
    layout(used, data)
    directories = PluginDirectories((used,))

    assert used / "bridge" == directories.find("bridge")
    (binary,) = directories.binaries()
    assert binary.found is not None
    assert os.path.samestat(binary.found, (used / "bridge").stat())

"""Our files on the node: whole or not there, in the right order, and away again only where we are uninstalled."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from netattach_core.attach.attachment import Network
from netattach_core.cni import netattach_conf
from netattach_kube.resource import DAEMON_SETS, NAMESPACES
from netattach_plugin.cluster.settings_file import SettingsFile
from netattach_plugin.cluster.uninstall_watch import UninstallWatch
from netattach_plugin.files import atomic_file
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.installer import Installer
from netattach_plugin.node.uninstall_chain import UninstallChain
from support import api_server
from support.api_server import ApiServer
from support.twins import FixedNetworks

PRIMARY = '{"cniVersion": "0.4.0", "name": "cbr0", "plugins": [{"type": "bridge"}]}'


class TestAtomic:
    def test_what_is_there_already_is_not_written_again(self, tmp_path: Path) -> None:
        assert atomic_file.write(tmp_path / "f", b"a", 0o600)
        inode = (tmp_path / "f").stat().st_ino
        assert not atomic_file.write(tmp_path / "f", b"a", 0o600)
        assert inode == (tmp_path / "f").stat().st_ino

    def test_another_content_or_mode_is_another_file(self, tmp_path: Path) -> None:
        atomic_file.write(tmp_path / "f", b"a", 0o600)

        assert atomic_file.write(tmp_path / "f", b"b", 0o600)
        assert atomic_file.write(tmp_path / "f", b"b", 0o755)
        assert (b"b", 0o755) == ((tmp_path / "f").read_bytes(), (tmp_path / "f").stat().st_mode & 0o777)

    def test_a_full_disk_leaves_the_old_file_and_nothing_else(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        atomic_file.write(tmp_path / "f", b"a", 0o600)

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="No space left"):
            atomic_file.write(tmp_path / "f", b"b", 0o600)

        assert ["f"] == [path.name for path in tmp_path.iterdir()]
        assert b"a" == (tmp_path / "f").read_bytes()

    def test_a_program_that_runs_is_replaced_under_its_feet(self, tmp_path: Path) -> None:
        atomic_file.write(tmp_path / "f", b"old", 0o755)
        with (tmp_path / "f").open("rb") as running:
            atomic_file.write(tmp_path / "f", b"new", 0o755)

            assert b"old" == running.read()


class Node:
    """The directories of a node."""

    def __init__(self, root: Path) -> None:
        self.bin, self.conf = root / "bin", root / "net.d"
        for folder in (self.bin, self.conf):
            folder.mkdir()
        self.shim = root / "shim"
        self.shim.write_bytes(b"the shim")
        self.installer = Installer(
            shim=self.shim,
            bin_dir=self.bin,
            conf_dir=self.conf,
            networks=CniConfDir(self.conf),
            behind=UninstallChain(self.conf, root / "chains"),
        )

    @property
    def files(self) -> list[str]:
        return sorted(path.name for path in self.conf.iterdir())

    def our_version(self) -> str:
        version: str = json.loads((self.conf / "00-netattach.conflist").read_text())["cniVersion"]
        return version


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def test_before_a_primary_network_there_is_nothing_to_stand_before(node: Node) -> None:
    node.installer.look()

    assert [] == node.files
    assert "no default network yet" in str(node.installer.problem)


def test_the_shim_and_the_conf_are_put_there(node: Node) -> None:
    (node.conf / "10-default.conflist").write_text(PRIMARY)
    node.installer.look()

    assert None is node.installer.problem
    assert ["00-netattach.conflist", "10-default.conflist"] == node.files
    assert (b"the shim", 0o755) == (
        (node.bin / "netattach").read_bytes(),
        (node.bin / "netattach").stat().st_mode & 0o777,
    )
    assert "0.4.0" == node.our_version()


def test_a_primary_that_comes_later_or_changes_is_followed(node: Node) -> None:
    node.installer.look()
    (node.conf / "10-default.conflist").write_text(PRIMARY)
    node.installer.look()
    assert "0.4.0" == node.our_version()

    (node.conf / "10-default.conflist").write_text(PRIMARY.replace("0.4.0", "1.0.0"))
    node.installer.look()
    assert "1.0.0" == node.our_version()


def test_what_somebody_removes_or_spoils_is_fixed(node: Node) -> None:
    (node.conf / "10-default.conflist").write_text(PRIMARY)
    node.installer.look()
    (node.conf / "00-netattach.conflist").write_text("spoilt")
    (node.bin / "netattach").unlink()
    node.installer.look()

    assert "0.4.0" == node.our_version()
    assert (node.bin / "netattach").exists()


def test_a_half_written_primary_keeps_our_conf_as_it_is(node: Node) -> None:
    (node.conf / "10-default.conflist").write_text(PRIMARY)
    node.installer.look()
    (node.conf / "10-default.conflist").write_text(PRIMARY[:20])
    node.installer.look()

    assert "10-default.conflist cannot be read" in str(node.installer.problem)
    assert "0.4.0" == node.our_version()


def test_a_disk_that_refuses_is_told_and_tried_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    (node.conf / "10-default.conflist").write_text(PRIMARY)
    with monkeypatch.context() as patched:
        patched.setattr(atomic_file, "write", _refuse)
        node.installer.look()
        assert "Read-only file system" in str(node.installer.problem)
    node.installer.look()

    assert None is node.installer.problem


def _refuse(*_: object, **__: object) -> bool:
    raise OSError(30, "Read-only file system")


def test_removed_is_removed_and_the_shim_stays(node: Node) -> None:
    """A runtime may call DEL with the conf that it called ADD with."""
    (node.conf / "10-default.conflist").write_text(PRIMARY)
    node.installer.look()
    node.installer.remove()
    node.installer.look()

    assert ["10-default.conflist"] == node.files
    assert (node.bin / "netattach").exists()


def test_a_look_under_way_does_not_bring_it_back(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks are in a thread of their own: removing waits for the end of one, and the next one does nothing."""
    (node.conf / "10-default.conflist").write_text(PRIMARY)
    under_way, go_on, write = threading.Event(), threading.Event(), atomic_file.write

    def slow(path: Path, data: bytes, mode: int) -> bool:
        under_way.set()
        go_on.wait(10)
        return write(path, data, mode)

    monkeypatch.setattr(atomic_file, "write", slow)
    with ThreadPoolExecutor() as threads:
        look = threads.submit(node.installer.look)
        under_way.wait(10)
        removal = threads.submit(node.installer.remove)
        go_on.set()
        look.result(10)
        removal.result(10)

    assert ["10-default.conflist"] == node.files


def test_what_cannot_be_removed_is_told_and_ends_nothing(
    node: Node, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The calls under way have still to be served."""
    monkeypatch.setattr(Path, "unlink", _refuse)
    node.installer.remove()

    assert "remove" in caplog.text
    assert "00-netattach.conflist by hand" in caplog.text


def test_a_node_without_a_primary_is_told_when_our_conf_goes(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    """Our conf would hinder every pod, also when a primary comes."""
    (node.conf / "00-netattach.conflist").write_text("{}")
    node.installer.remove()

    assert [] == node.files
    assert "without a network" in caplog.text


@pytest.mark.parametrize("name", ["00-multus.conf", "00-calico.conflist"])
def test_a_file_that_the_runtime_takes_instead_of_ours_is_named(node: Node, name: str) -> None:
    (node.conf / name).write_text(PRIMARY)
    node.installer.look()

    assert f"{node.conf / name}, which comes before" in str(node.installer.problem)
    (node.conf / name).rename(node.conf / "10-default.conflist")
    node.installer.look()
    assert None is node.installer.problem


@pytest.mark.parametrize("name", ["00-a.txt", ".00-a.conf.tmp", "00-notes", "10-default.conf"])
def test_other_files_are_not_before_ours(name: str) -> None:
    assert [] == netattach_conf.files_before_ours([netattach_conf.FILE_NAME, name])


def test_a_directory_of_another_user_is_named(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugins' own archive makes one where it is unpacked with its owners; root without DAC_OVERRIDE cannot write there."""
    os.chown(node.bin, 1001, 127)

    def refuse(path: Path, *_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(atomic_file, "write", refuse)
    node.installer.look()

    assert f"{node.bin} belongs to user 1001: chown it to root" in str(node.installer.problem)


def test_the_shim_comes_before_the_conf(tmp_path: Path) -> None:
    """Else a runtime would look in vain for the program that the conf names."""
    node = Node(tmp_path)
    node.installer = Installer(
        shim=tmp_path / "absent",
        bin_dir=node.bin,
        conf_dir=node.conf,
        networks=FixedNetworks(Network("n", PRIMARY, "n")),
        behind=UninstallChain(node.conf, tmp_path / "chains"),
    )
    node.installer.look()

    assert [] == node.files
    assert "absent" in str(node.installer.problem)


def run(story: Callable[[ApiServer, UninstallWatch], Coroutine[Any, Any, None]]) -> None:
    async def serve() -> None:
        async with api_server.serving() as server, asyncio.timeout(20), asyncio.TaskGroup() as tasks:
            server.put(NAMESPACES, {"metadata": {"name": "ns"}})
            server.put(DAEMON_SETS, {"metadata": {"name": "ds", "namespace": "ns"}})
            fate = UninstallWatch(server.api, "ns", "ds")
            task = tasks.create_task(fate.run())
            await until(lambda: len(fate._seen) == 2)
            await story(server, fate)
            task.cancel()

    asyncio.run(serve())


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110  # nothing else tells it
            await asyncio.sleep(0.01)


class TestFate:
    def test_an_upgrade_is_no_uninstallation(self) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.put(DAEMON_SETS, {"metadata": {"name": "ds", "namespace": "ns"}, "spec": {"image": "new"}})

            assert not await fate.uninstalled()

        run(story)

    def test_a_deleted_daemon_set_is_one(self) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.delete(DAEMON_SETS, "ds", "ns")

            assert await fate.uninstalled()

        run(story)

    @pytest.mark.parametrize(
        ("resource", "name", "namespace"), [(DAEMON_SETS, "ds", "ns"), (NAMESPACES, "ns", "")]
    )
    def test_what_was_seen_to_be_deleted_is_remembered_without_permission_to_ask(
        self, resource: Any, name: str, namespace: str
    ) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            metadata = {"name": name, "deletionTimestamp": "2026-01-01T00:00:00Z"}
            server.put(resource, {"metadata": metadata | ({"namespace": namespace} if namespace else {})})
            await until(lambda: bool(fate._deleted))
            server.fail(401, times=99)

            assert await fate.uninstalled()

        run(story)

    def test_one_that_was_never_there_is_not_deleted(self) -> None:
        """Whoever installed us gave it another name, or started us by hand."""

        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            assert not await UninstallWatch(server.api, "ns", "another name").uninstalled()

        run(story)

    def test_one_that_was_made_again_is_alive(self) -> None:
        """`kubectl delete --cascade=orphan` and another apply: our pod lives on, and its upgrade is no uninstallation."""

        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.delete(DAEMON_SETS, "ds", "ns")
            await until(lambda: bool(fate._deleted))
            server.put(DAEMON_SETS, {"metadata": {"name": "ds", "namespace": "ns"}})
            await until(lambda: not fate._deleted)

            assert not await fate.uninstalled()

        run(story)

    @pytest.mark.parametrize("status", [401, 403, 500])
    def test_what_cannot_be_told_is_none(self, status: int) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.fail(status, times=99)

            assert not await fate.uninstalled()

        run(story)

    def test_an_api_that_is_away_is_none(self) -> None:
        async def story(server: ApiServer, fate: UninstallWatch) -> None:
            server.away = True

            assert not await fate.uninstalled()

        run(story)


class TestSettingsFile:
    def test_without_a_file_all_is_as_by_default(self, tmp_path: Path) -> None:
        assert "async" == SettingsFile(tmp_path / "absent").current.status_for_plain_pods

    def test_a_change_is_read(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        settings = SettingsFile(path)
        path.write_text("statusForPlainPods: never")
        settings.look()

        assert "never" == settings.current.status_for_plain_pods

    @pytest.mark.parametrize("broken", [b"statusForPlainPods: sometimes", b"a: [", b"\xff\xfe"])
    def test_the_last_good_ones_stay(self, tmp_path: Path, broken: bytes) -> None:
        path = tmp_path / "config.yaml"
        path.write_text("statusForPlainPods: never")
        settings = SettingsFile(path)
        path.write_bytes(broken)
        settings.look()

        assert "never" == settings.current.status_for_plain_pods
        assert settings.problem
        path.write_text("")
        settings.look()
        assert "async" == settings.current.status_for_plain_pods
        assert None is settings.problem

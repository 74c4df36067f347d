"""Full or read-only disks, and broken ledger entries: failures are reported, nothing is left, pods can be deleted."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from netattach_cli.demo import demo_node
from netattach_cli.demo.demo_node import NodePaths
from support.faults import state
from support.node import CnitoolNode
from support.waiting import eventually

LAN: dict[str, Any] = {
    "type": "host-local",
    "subnet": "10.0.3.0/24",
    "rangeStart": "10.0.3.100",
    "rangeEnd": "10.0.3.200",
}
GOOD: dict[str, Any] = {"cniVersion": "1.0.0", "type": "macvlan", "master": "eth1", "ipam": LAN}
LEDGER, LEASES = "/var/lib/cni/netattach", "/var/lib/cni/networks"


@dataclass
class Disks:
    """A node with small disks in place of some directories."""

    node: CnitoolNode
    clean: object = None

    @contextlib.contextmanager
    def disk(self, directory: str) -> Iterator[Callable[[str], None]]:
        """A disk of some pages in place of the directory, with its files; `turn` makes it full, read-only or good."""
        run = self.node.stage.run

        def turn(kind: str) -> None:
            run("mount", "-o", f"remount,{'ro' if kind == 'read-only' else 'rw'}", directory)
            if kind == "full":
                run("sh", "-c", f"cat /dev/zero > {directory}/.filler", check=False)
            if kind == "good":
                run("rm", "-f", f"{directory}/.filler")

        run("sh", "-ec", f"mkdir -p {directory}; cp -a {directory} /run/copy")
        run("mount", "-t", "tmpfs", "-o", "size=256k,nr_inodes=200,mode=700", "small", directory)
        run("sh", "-ec", f"cp -a /run/copy/. {directory}")
        try:
            yield turn
        finally:
            run("umount", directory)
            run("rm", "-rf", "/run/copy")

    def nothing_is_left(self) -> None:
        eventually(lambda: state(self.node) == self.clean)

    def entries(self) -> list[str]:
        """Seen from the node, which has mounts of its own."""
        listed = self.node.stage.run("find", LEDGER, "-type", "f").stdout.split()
        return [path for path in listed if Path(path).name not in {".filler", "primary"}]

    def leases(self) -> list[str]:
        return self.node.stage.run("sh", "-c", f"ls -d {LEASES}/*/[0-9]*", check=False).stdout.split()

    def spoil(self, content: bytes | None) -> None:
        """Overwrites the only entry; None truncates it in the middle."""
        [entry] = self.node.stage.paths.ledger.glob("*.json")
        data = entry.read_bytes()
        entry.write_bytes(data[: len(data) // 2] if content is None else content)


@pytest.fixture(scope="module")
def disks(places: NodePaths, cnitool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disks]:
    """For all tests here, none of which leaves anything."""
    root = tmp_path_factory.mktemp("disks")
    with demo_node.build(NodePaths(root / "stage", places.plugins, places.shim)) as built, built.daemon():
        node = CnitoolNode(built, cnitool)
        node.create_nad("good", GOOD)
        with node.pod("good") as pod:
            node.add(pod)
            node.delete(pod)
        yield Disks(node, state(node))


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_a_ledger_on_a_broken_disk(disks: Disks, kind: str) -> None:
    """No pod is attached without a ledger entry; an attached one can be deleted, at the latest when the disk works again."""
    node = disks.node
    with disks.disk(LEDGER) as turn, node.pod("good") as old, node.pod("good") as new:
        node.add(old)
        turn(kind)

        added = node.call("add", new)
        deleted = node.call("del", old)

        assert 0 != added.returncode
        assert "the ledger cannot be written" in added.stderr
        assert ["lo"] == node.link_names(new)
        assert ["lo"] == node.link_names(old)
        assert [] == disks.leases()
        assert (kind == "full") == (deleted.returncode == 0), deleted.stderr
        if kind == "read-only":
            assert "the ledger's entry cannot be removed" in deleted.stderr
        turn("good")
        node.delete(old)
        node.delete(new)
        assert [] == disks.entries()
    disks.nothing_is_left()


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_leases_on_a_broken_disk(disks: Disks, kind: str) -> None:
    """host-local fails; a DEL that could not release an address fails, and the next one releases it."""
    node = disks.node
    with disks.disk(LEASES) as turn, node.pod("good") as old, node.pod("good") as new:
        node.add(old)
        held = disks.leases()
        assert 2 == len(held)
        turn(kind)

        added = node.call("add", new)

        assert 0 != added.returncode
        assert ["lo"] == node.link_names(new)
        deleted = node.call("del", old)
        assert (deleted.returncode == 0) == (disks.leases() == []), deleted.stderr
        turn("good")
        node.delete(old)
        node.delete(new)
        assert [] == disks.leases()
        assert [] == disks.entries()
    disks.nothing_is_left()


@pytest.mark.parametrize("kind", ["full", "read-only"])
def test_configs_on_a_broken_disk(disks: Disks, kind: str) -> None:
    """They are only read: pods are attached and deleted."""
    node = disks.node
    with disks.disk(str(node.stage.paths.conf_dir)) as turn, node.pod("good") as pod:
        turn(kind)

        node.add(pod)

        assert ["lo", "eth0", "net1"] == node.link_names(pod)
        node.delete(pod)
        turn("good")
    disks.nothing_is_left()


@pytest.mark.parametrize("content", [None, b"", b"\0" * 4096, b"{}", b"\xff garbage"])
@pytest.mark.parametrize("nad_stays", [True, False])
def test_a_broken_entry(disks: Disks, content: bytes | None, nad_stays: bool) -> None:  # noqa: FBT001  # a table's column
    """The pod is deleted at once, and its resources are released: by its current networks, and by the leases that name it."""
    node = disks.node
    with node.pod("good") as pod:
        node.add(pod)
        disks.spoil(content)
        if not nad_stays:
            (node.stage.paths.store / "nads/default/good.json").unlink()
        try:
            added = node.call("add", pod)
            assert 0 != added.returncode
            node.delete(pod)
        finally:
            node.create_nad("good", GOOD)
        assert [] == node.leases()
        assert [] == node.ledger_entries()
        assert (["lo"] if nad_stays else ["lo", "net1"]) == node.link_names(
            pod
        )  # which goes with the namespace
    disks.nothing_is_left()


def test_a_broken_entry_of_a_running_pod_survives_a_restart(
    places: NodePaths, cnitool: Path, tmp_path: Path
) -> None:
    """The daemon does not undo it, and attaches other pods."""
    with demo_node.build(NodePaths(tmp_path / "stage", places.plugins, places.shim)) as built:
        node = CnitoolNode(built, cnitool)
        node.create_nad("good", GOOD)
        with node.pod("good") as pod:
            with built.daemon():
                node.add(pod)
            Disks(node).spoil(None)
            with built.daemon():
                _comes_and_goes(node)
                assert ["lo", "eth0", "net1"] == node.link_names(pod)
                node.delete(pod)
                assert [] == node.leases()
                assert [] == node.ledger_entries()


def _comes_and_goes(node: CnitoolNode) -> None:
    with node.pod("good") as other:
        node.add(other)
        node.delete(other)


def test_a_socket_that_is_deleted(disks: Disks) -> None:
    """With its directory, as a cleaner of /run does. Calls wait until it exists again."""
    disks.node.stage.run("rm", "-r", "/run/netattach")

    _comes_and_goes(disks.node)

    disks.nothing_is_left()

"""What the daemon leaves on disk for the shim, and what it makes of what the shim left: files only, no shim."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import ConfigError, TryAgainError
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Call, Feature, Note
from netattach_plugin.calls.sandbox_lock import SandboxLocks
from netattach_plugin.cluster import plain_pod_status
from netattach_plugin.cluster.plain_pod_status import PlainPodStatus
from netattach_plugin.cluster.status_queue import StatusQueue
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.primary_compiler import PlainPods, PrimaryCompiler
from netattach_plugin.node.primary_compiler import plain_pods as of_settings
from netattach_plugin.state.shim_ledger import ShimLedger
from support.twins import MemoryStore

PRIMARY = '{"cniVersion": "1.0.0", "name": "cbr0", "plugins": [{"type": "bridge"}, {"type": "portmap"}]}'
MAC = '{"cniVersion": "1.0.0", "name": "mac", "type": "macvlan"}'
RESULT = '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/n"}],"ips":[{"address":"10.0.0.2/24","interface":0}]}'


class Node:
    """The directories that daemon and shim share."""

    def __init__(self, root: Path) -> None:
        self.ledger, self.conf = root / "ledger", root / "net.d"
        self.conf.mkdir()
        (self.conf / "00-netattach.conflist").write_text("{}")
        (self.conf / "10-cbr0.conflist").write_text(PRIMARY)
        self.chosen = ""
        self.plain = PlainPods()
        self.compiler = PrimaryCompiler(
            ledger=self.ledger,
            conf_dir=self.conf,
            networks=CniConfDir(self.conf, lambda: self.chosen),
            deadline=2.5,
            plain_pods=lambda: self.plain,
            named=lambda: bool(self.chosen),
        )

    @property
    def primary(self) -> Path:
        return self.ledger / "chains/primary"

    def chain(self) -> compiled_chain.Chain:
        return compiled_chain.parse(self.primary.read_bytes())

    def source(self) -> compiled_chain.Source:
        source = self.chain().source
        assert source is not None
        return source

    def leave_note(self, name: str, result: str = RESULT, cut: int | None = None) -> Path:
        """As the shim does for the pod of that name."""
        args = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME={name};K8S_POD_UID=u-{name}"
        note = Note(self.chain(), Call("/n", "eth0", args, "{}"), result)
        path = self.ledger / "chains/plain" / f"s-{name}"
        path.write_bytes(compiled_chain.encode_note(note)[:cut])
        return path


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = Node(tmp_path)
    node.compiler.look()
    return node


class TestTheCompiledPrimary:
    def test_it_is_there_with_what_it_was_made_from(self, node: Node) -> None:
        """For the shim alone to read."""
        assert ["bridge", "portmap"] == [step.plugin for step in node.chain().steps]
        assert (("10-cbr0.conflist", PRIMARY.encode()),) == node.source().files
        assert (str(node.conf), "00-netattach.conflist", True, "cbr0") == (
            node.source().directory, node.source().own, node.source().first, node.source().absent,
        )  # fmt: skip  # one comparison, three lines
        assert 2500 == node.chain().deadline_ms
        assert 0o600 == node.primary.stat().st_mode & 0o777
        assert 0o700 == node.primary.parent.stat().st_mode & 0o777

    def test_it_is_written_only_where_it_is_another_one(self, node: Node) -> None:
        """A look each 2 seconds must not wear the disk out."""
        inode = node.primary.stat().st_ino
        node.compiler.look()
        assert inode == node.primary.stat().st_ino

        (node.conf / "10-cbr0.conflist").write_text(PRIMARY.replace("portmap", "tuning"))
        node.compiler.look()
        assert ["bridge", "tuning"] == [step.plugin for step in node.chain().steps]

    def test_the_files_before_it_belong_to_the_choice(self, node: Node) -> None:
        """Of which none is a network: Multus' own, for instance."""
        multus = '{"name": "multus", "type": "multus", "cniVersion": "1.0.0"}'
        (node.conf / "05-multus.conf").write_text(multus)
        (node.conf / "01-notes.txt").write_text("no configuration")
        (node.conf / "99-later.conf").write_text("{}")
        node.compiler.look()

        assert [("05-multus.conf", multus.encode()), ("10-cbr0.conflist", PRIMARY.encode())] == list(
            node.source().files
        )

    def test_a_primary_that_is_chosen_needs_no_others(self, node: Node) -> None:
        """Whatever comes before it."""
        (node.conf / "05-first.conf").write_text(MAC)
        node.chosen = "cbr0"
        node.compiler.look()

        assert (False, ["10-cbr0.conflist"]) == (
            node.source().first,
            [name for name, _ in node.source().files],
        )

    def test_plugins_in_a_directory_beside_it_are_for_the_daemon(self, node: Node) -> None:
        """The shim does not use what was compiled before, as the name must be absent."""
        before = node.primary.read_bytes()
        (node.conf / "cbr0").mkdir()
        (node.conf / "cbr0/10-more.conf").write_text('{"type": "tuning"}')
        node.compiler.look()

        assert before == node.primary.read_bytes()

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("10-cbr0.conf", MAC),
            ("10-cbr0.conflist", PRIMARY.replace('"name"', '"loadOnlyInlinedPlugins": true, "name"')),
        ],
    )
    def test_where_no_directory_counts_none_must_be_absent(self, node: Node, name: str, text: str) -> None:
        """A conf, and a list that says so."""
        (node.conf / "10-cbr0.conflist").unlink()
        (node.conf / name).write_text(text)
        node.compiler.look()

        assert "" == node.source().absent

    def test_a_primary_that_cannot_be_read_keeps_what_there_is(self, node: Node) -> None:
        """It is not used anyway: its file has changed."""
        before = node.primary.read_bytes()
        (node.conf / "10-cbr0.conflist").write_text("{")
        with pytest.raises(TryAgainError):
            node.compiler.look()

        assert before == node.primary.read_bytes()

    def test_a_network_that_is_no_file_is_none(self, node: Node) -> None:
        """Nothing that the shim could compare."""
        elsewhere = PrimaryCompiler(
            ledger=node.ledger, conf_dir=node.conf / "other", networks=CniConfDir(node.conf), deadline=1.0
        )

        with pytest.raises(ConfigError, match="is no file of"):
            elsewhere.look()

    @pytest.mark.parametrize(
        ("settings", "plain", "excepted"),
        [
            (SelectionSettings(), True, ()),
            (SelectionSettings(defaults=("mac",)), False, ("kube-system",)),
            (SelectionSettings(defaults=("mac",), system_namespaces=frozenset()), False, ()),
        ],
    )
    def test_cluster_default_networks_are_for_all_but_the_system(
        self,
        node: Node,
        settings: SelectionSettings,
        plain: bool,  # noqa: FBT001 - a table's column
        excepted: tuple[str, ...],
    ) -> None:
        """Then only its pods are plain."""
        node.plain = of_settings(settings)
        node.compiler.look()

        assert (plain, excepted) == (Feature.PLAIN in node.chain().features, node.chain().excepted)


def _sandbox(*networks: str) -> Sandbox:
    default = Attachment("cbr0", "eth0", PRIMARY, "cbr0", default=True, result=RESULT)
    others = (Attachment(f"shop/{name}", f"net{i}", MAC, name) for i, name in enumerate(networks, 1))
    return Sandbox("s1", "/n", PodRef("shop", "web", "u1"), Phase.ADDED, (default, *others))


class TestTheLedger:
    @pytest.fixture
    def ledger(self, node: Node) -> ShimLedger:
        return ShimLedger(node.ledger, 1.5)

    def deletion(self, node: Node) -> compiled_chain.Chain:
        return compiled_chain.parse((node.ledger / "chains/del/s1").read_bytes())

    def test_with_each_entry_goes_its_deletion(self, node: Node, ledger: ShimLedger) -> None:
        """Written anew with each save, gone with the entry."""
        asyncio.run(ledger.save(_sandbox("a", "b")))
        assert ["net2", "net1", "eth0", "eth0"] == [step.ifname for step in self.deletion(node).steps]
        assert 1500 == self.deletion(node).deadline_ms

        asyncio.run(ledger.save(_sandbox()))
        assert ["eth0", "eth0"] == [step.ifname for step in self.deletion(node).steps]

        asyncio.run(ledger.remove("s1"))
        assert [] == list((node.ledger / "chains/del").iterdir())
        assert [] == list(node.ledger.glob("*.json"))

    def test_no_entry_without_its_deletion_on_a_full_disk(
        self, node: Node, ledger: ShimLedger, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The ADD fails then, before anything is begun; and nothing half-written stays."""

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(Path, "rename", full)
            with pytest.raises(OSError, match="No space left"):
                asyncio.run(ledger.save(_sandbox()))

        assert [] == list((node.ledger / "chains/del").iterdir())
        assert [] == list(node.ledger.glob("*.json"))

    def test_no_deletion_without_an_entry_either(self, node: Node, ledger: ShimLedger) -> None:
        """It would be of plugins that never ran; where there is an earlier entry it frees what that holds."""
        (node.ledger / "s1.tmp").mkdir()
        with pytest.raises(OSError, match="directory"):
            asyncio.run(ledger.save(_sandbox("a")))
        assert [] == list((node.ledger / "chains/del").iterdir())

        (node.ledger / "s1.tmp").rmdir()
        asyncio.run(ledger.save(_sandbox()))
        (node.ledger / "s1.tmp").mkdir()
        with pytest.raises(OSError, match="directory"):
            asyncio.run(ledger.save(_sandbox("a")))
        assert ["net1", "eth0", "eth0"] == [step.ifname for step in self.deletion(node).steps]

    def test_more_than_the_shim_has_room_for_is_the_daemons_alone(
        self, node: Node, ledger: ShimLedger
    ) -> None:
        """The entry is there, and no deletion of an earlier save that would leave the rest."""
        asyncio.run(ledger.save(_sandbox()))
        asyncio.run(ledger.save(_sandbox(*map(str, range(300)))))

        assert [] == list((node.ledger / "chains/del").iterdir())
        assert 1 == len(list(node.ledger.glob("*.json")))

    def test_a_note_is_an_entry_until_there_is_one(self, node: Node, ledger: ShimLedger) -> None:
        """A pod that gets a network later is the ledger's from then on."""
        note = node.leave_note("1")
        note.rename(note.with_name("s1"))
        noted = asyncio.run(ledger.load("s1"))
        assert noted is not None
        assert 1 == ledger.count()
        assert (Phase.ADDED, PodRef("shop", "1", "u-1"), RESULT) == (
            noted.phase,
            noted.pod,
            noted.attachments[0].result,
        )

        more = dataclasses.replace(noted, attachments=(*noted.attachments, *_sandbox("a").attachments[1:]))
        asyncio.run(ledger.save(more))
        assert [] == list((node.ledger / "chains/plain").iterdir())
        assert more == asyncio.run(ledger.load("s1"))
        assert 1 == ledger.count()

    def test_what_the_shim_may_have_under_way_is_not_listed(self, node: Node, ledger: ShimLedger) -> None:
        """A daemon that starts would undo it as what an earlier one left."""
        asyncio.run(ledger.save(_sandbox()))
        node.leave_note("whole")
        node.leave_note("adding", result="")
        node.leave_note("cut", cut=40)

        assert ["s-whole", "s1"] == asyncio.run(ledger.container_ids())

    @pytest.mark.parametrize("cut", [0, 10, 300])
    def test_a_note_that_was_cut_off_is_none_and_goes_with_the_sandbox(
        self, node: Node, ledger: ShimLedger, cut: int
    ) -> None:
        """Its DEL goes the way of a sandbox that nobody knows."""
        note = node.leave_note("1", cut=cut)
        assert None is asyncio.run(ledger.load(note.name))

        asyncio.run(ledger.remove(note.name))
        assert not note.exists()


class TestStatusOfPlainPods:
    @pytest.fixture(autouse=True)
    def _short(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(plain_pod_status, "_EVERY", 0.01)

    def run(
        self, node: Node, store: MemoryStore, story: Callable[[], Coroutine[Any, Any, None]], **options: Any
    ) -> None:
        async def serve() -> None:
            status = StatusQueue(store, wait=1.0, **options)
            async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
                running = [
                    tasks.create_task(each)
                    for each in (status.run(), PlainPodStatus(node.ledger, status).run())
                ]
                await story()
                for task in running:
                    task.cancel()

        asyncio.run(serve())

    def store(self, *names: str) -> MemoryStore:
        store = MemoryStore()
        for name in names:
            store.create({"kind": "Pod", "metadata": {"namespace": "shop", "name": name, "uid": f"u-{name}"}})
        return store

    def ips(self, store: MemoryStore, name: str) -> list[str] | None:
        annotations = store.read("Pod", "shop", name)["metadata"].get("annotations") or {}
        text = annotations.get("k8s.v1.cni.cncf.io/network-status")
        return json.loads(text)[0]["ips"] if text else None

    def test_what_is_whole_is_told_once(self, node: Node) -> None:
        """Where it was whole when we came, and where it became so; a mark says so, also to the next daemon."""
        store = self.store("early", "late")
        early, late = node.leave_note("early"), node.leave_note("late", result="")

        async def story() -> None:
            await _until(lambda: self.ips(store, "early") == ["10.0.0.2"] and _is_told(early))
            assert self.ips(store, "late") is None
            node.leave_note("late")
            await _until(lambda: self.ips(store, "late") == ["10.0.0.2"] and _is_told(late))

        self.run(node, store, story)
        silent = self.store("early", "late")

        async def again() -> None:
            await asyncio.sleep(0.1)

        self.run(node, silent, again)
        assert (None, None) == (self.ips(silent, "early"), self.ips(silent, "late"))

    def test_an_api_that_is_away_is_waited_for(self, node: Node) -> None:
        """Marked only when it is written."""
        store = self.store("p")
        store.unreachable = True
        note = node.leave_note("p")

        async def story() -> None:
            await asyncio.sleep(0.1)
            assert not _is_told(note)
            store.unreachable = False
            await _until(lambda: self.ips(store, "p") == ["10.0.0.2"] and _is_told(note))

        self.run(node, store, story)

    def test_where_plain_pods_have_none_nothing_is_told(self, node: Node) -> None:
        """`statusForPlainPods: never`."""
        store = self.store("p")
        note = node.leave_note("p")

        async def story() -> None:
            await _until(lambda: _is_told(note))

        self.run(node, store, story, for_plain_pods=lambda: False)
        assert None is self.ips(store, "p")

    def test_what_cannot_be_read_hinders_no_other(self, node: Node) -> None:
        """A note cut off, one that is none, one with a result that is none, and a pod that is gone."""
        store = self.store("p", "broken")
        node.leave_note("cut", cut=40)
        (node.ledger / "chains/plain/garbage").write_bytes(b"garbage")
        node.leave_note("broken", result="[]")
        node.leave_note("gone")
        note = node.leave_note("p")

        async def story() -> None:
            await _until(lambda: _is_told(note))

        self.run(node, store, story)
        assert ["10.0.0.2"] == self.ips(store, "p")

    def test_a_pod_that_was_deleted_meanwhile_leaves_no_note_again(self, node: Node) -> None:
        """The mark is appended, never written anew."""
        note = node.leave_note("p")
        status = StatusQueue(self.store("p"), wait=1.0)
        ((path, read),) = PlainPodStatus(node.ledger, status).look()
        note.unlink()
        plain_pod_status._mark(path)  # between its look and its mark

        assert read.result
        assert not note.exists()


class TestLocks:
    def test_a_lock_is_nobodys_twice(self, tmp_path: Path) -> None:
        """And leaves no file."""
        locks = SandboxLocks(tmp_path / "cni.sock")
        with (
            locks.lock_if_free("s1") as first,
            locks.lock_if_free("s1") as second,
            locks.lock_if_free("s2") as other,
        ):
            assert (True, False, True) == (first, second, other)

        assert [] == list((tmp_path / "locks").iterdir())

    def test_a_file_that_was_removed_is_no_lock(self, tmp_path: Path) -> None:
        """Its holder removed it between our open and our lock: the next one has another file."""
        locks = SandboxLocks(tmp_path / "cni.sock")
        with locks.lock_if_free("s1") as first:
            (tmp_path / "locks/s1").unlink()
            with locks.lock_if_free("s1") as second:
                assert (True, True) == (first, second)


def _is_told(note: Path) -> bool:
    return compiled_chain.parse_note(note.read_bytes()).told


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # files tell nobody
        await asyncio.sleep(0.01)

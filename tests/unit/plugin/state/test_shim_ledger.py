"""The ledger with the shim's files: compiled DELs, and the shim's records as entries. Files only, no shim."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Chain
from netattach_plugin.files import atomic_file
from netattach_plugin.state.shim_ledger import ShimLedger
from support.shim_directories import DEFAULT_NETWORK, RESULT, ShimDirectories

MACVLAN = '{"cniVersion": "1.0.0", "name": "mac", "type": "macvlan"}'


def _sandbox(*networks: str) -> Sandbox:
    default = Attachment("cbr0", "eth0", DEFAULT_NETWORK, "cbr0", default=True, result=RESULT)
    others = (Attachment(f"shop/{name}", f"net{i}", MACVLAN, name) for i, name in enumerate(networks, 1))
    return Sandbox("s1", "/n", PodRef("shop", "web", "u1"), Phase.ADDED, (default, *others))


@pytest.fixture
def shared(tmp_path: Path) -> ShimDirectories:
    return ShimDirectories(tmp_path)


@pytest.fixture
def ledger(shared: ShimDirectories) -> ShimLedger:
    return ShimLedger(shared.ledger, 1.5)


def _deletion(shared: ShimDirectories) -> Chain:
    return compiled_chain.parse((shared.shim_files.deletions / "s1").read_bytes())


def _files(shared: ShimDirectories) -> tuple[list[str], list[str]]:
    """Compiled DELs and entries."""
    deletions = sorted(path.name for path in shared.shim_files.deletions.iterdir())
    return deletions, sorted(path.name for path in shared.ledger.glob("*.json"))


def test_each_entry_has_a_compiled_del(shared: ShimDirectories, ledger: ShimLedger) -> None:
    """Each save updates it, and it is removed with the entry."""
    asyncio.run(ledger.save(_sandbox("a", "b")))
    assert ["net2", "net1", "eth0", "eth0"] == [step.ifname for step in _deletion(shared).steps]
    assert 1500 == _deletion(shared).deadline_ms

    asyncio.run(ledger.save(_sandbox()))
    assert ["eth0", "eth0"] == [step.ifname for step in _deletion(shared).steps]

    asyncio.run(ledger.remove("s1"))
    assert ([], []) == _files(shared)


def test_the_compiled_del_has_the_results_of_an_add_that_succeeded(
    shared: ShimDirectories, ledger: ShimLedger
) -> None:
    """Of an entry in DELETING it stays what it is."""
    asyncio.run(ledger.save(dataclasses.replace(_sandbox("a"), phase=Phase.ADDING)))
    attached = _sandbox("a", "b")
    asyncio.run(ledger.save_without_sync(attached))
    assert ["net2", "net1", "eth0", "eth0"] == [step.ifname for step in _deletion(shared).steps]
    assert attached == asyncio.run(ledger.load("s1"))

    before = (shared.shim_files.deletions / "s1").stat()
    asyncio.run(ledger.save_without_sync(dataclasses.replace(attached, phase=Phase.DELETING)))
    assert before == (shared.shim_files.deletions / "s1").stat()


def test_a_full_disk_leaves_neither_entry_nor_compiled_del(
    shared: ShimDirectories, ledger: ShimLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ADD fails before anything is started, and no temporary file stays."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", full)
        with pytest.raises(OSError, match="No space left"):
            asyncio.run(ledger.save(_sandbox()))

    assert ([], []) == _files(shared)


def test_a_failed_first_save_leaves_no_compiled_del(
    shared: ShimDirectories, ledger: ShimLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would delete with plugins that never ran; with an earlier entry it releases what that has."""
    write = atomic_file.write

    def refused(path: Path, data: bytes, mode: int, *, sync: bool = True) -> None:
        if path.name == "s1.json":
            raise OSError(28, "No space left on device")
        write(path, data, mode, sync=sync)

    with monkeypatch.context() as patched:
        patched.setattr(atomic_file, "write", refused)
        with pytest.raises(OSError, match="No space left"):
            asyncio.run(ledger.save(_sandbox("a")))
    assert ([], []) == _files(shared)

    asyncio.run(ledger.save(_sandbox()))
    with monkeypatch.context() as patched:
        patched.setattr(atomic_file, "write", refused)
        with pytest.raises(OSError, match="No space left"):
            asyncio.run(ledger.save(_sandbox("a")))
    assert ["net1", "eth0", "eth0"] == [step.ifname for step in _deletion(shared).steps]


def test_an_entry_beyond_the_shims_limits_has_no_compiled_del(
    shared: ShimDirectories, ledger: ShimLedger
) -> None:
    """Nor that of an earlier save, which would release only a part."""
    asyncio.run(ledger.save(_sandbox()))
    asyncio.run(ledger.save(_sandbox(*map(str, range(300)))))

    assert ([], ["s1.json"]) == _files(shared)


def test_a_record_is_an_entry_until_one_is_saved(shared: ShimDirectories, ledger: ShimLedger) -> None:
    """The ledger takes over a pod that gets a secondary network later."""
    record = shared.write_record("1")
    record.rename(record.with_name("s1"))
    sandbox = asyncio.run(ledger.load("s1"))
    assert sandbox is not None
    assert 1 == ledger.count()
    assert (Phase.ADDED, PodRef("shop", "1", "u-1"), RESULT) == (
        sandbox.phase,
        sandbox.pod,
        sandbox.attachments[0].result,
    )

    more = dataclasses.replace(sandbox, attachments=(*sandbox.attachments, *_sandbox("a").attachments[1:]))
    asyncio.run(ledger.save(more))
    assert [] == list(shared.shim_files.records.iterdir())
    assert more == asyncio.run(ledger.load("s1"))
    assert 1 == ledger.count()


def test_an_add_that_the_shim_carries_out_is_not_listed(shared: ShimDirectories, ledger: ShimLedger) -> None:
    """A starting daemon would undo it as one that an earlier daemon left unfinished."""
    asyncio.run(ledger.save(_sandbox()))
    shared.write_record("complete")
    shared.write_record("adding", result="")
    shared.write_record("truncated", size=40)

    assert ["s-complete", "s1"] == asyncio.run(ledger.container_ids())


@pytest.mark.parametrize("size", [0, 10, 300])
def test_a_truncated_record_is_ignored_and_removed_with_its_sandbox(
    shared: ShimDirectories, ledger: ShimLedger, size: int
) -> None:
    """Its DEL is that of an unknown sandbox."""
    record = shared.write_record("1", size=size)
    assert None is asyncio.run(ledger.load(record.name))

    asyncio.run(ledger.remove(record.name))
    assert not record.exists()


def test_a_new_daemon_removes_compiled_dels_without_an_entry(
    shared: ShimDirectories, ledger: ShimLedger
) -> None:
    """And temporary files: of an ADD whose daemon was killed before it started anything."""
    asyncio.run(ledger.save(_sandbox()))
    for path in (shared.shim_files.deletions / "s2", shared.shim_files.deletions / ".s1.tmp"):
        path.write_text("left by a killed daemon")
    leftovers = [
        shared.ledger / ".s1.json.tmp",  # an earlier release's
        shared.ledger / ".netattach-1.tmp",
        shared.shim_files.chains / ".netattach-2.tmp",
        shared.shim_files.deletions / ".netattach-3.tmp",
    ]
    for path in leftovers:
        path.touch()

    async def start() -> None:
        async with ledger.locked():
            pass

    asyncio.run(start())

    assert (["s1"], ["s1.json"]) == _files(shared)
    assert [] == [path for path in leftovers if path.exists()]


def test_the_compiled_del_is_without_idle_plugins_where_the_adds_work_is_known(
    shared: ShimDirectories,
) -> None:
    """An entry in DELETING may have been made from a cache, and the setting may say that all are started."""
    skipping = ShimLedger(shared.ledger, 1.5, lambda: True)

    asyncio.run(skipping.save(_sandbox()))
    assert ["bridge"] == [step.plugin for step in _deletion(shared).steps]

    asyncio.run(skipping.save(dataclasses.replace(_sandbox(), phase=Phase.DELETING)))
    assert ["portmap", "bridge"] == [step.plugin for step in _deletion(shared).steps]

    asyncio.run(ShimLedger(shared.ledger, 1.5, lambda: False).save(_sandbox()))
    assert ["portmap", "bridge"] == [step.plugin for step in _deletion(shared).steps]

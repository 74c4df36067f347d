"""The daemon's edges on files: ledger, configuration directory, settings, and the queue of statuses."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netattach_core.attachment import Attachment
from netattach_core.errors import DecodeError, TryAgainError
from netattach_core.pod import PodRef
from netattach_core.sandbox import Phase, Sandbox
from netattach_plugin import settings
from netattach_plugin.conf_dir import ConfDir
from netattach_plugin.ledger import FileLedger
from netattach_plugin.settings import Settings
from netattach_plugin.status import StatusQueue
from support.twins import MemoryStore

ENTRY = Sandbox("c1", "/n", None, Phase.ADDING, (Attachment("a", "eth0", "{}", "a"),))
POD = {"kind": "Pod", "metadata": {"namespace": "ns", "name": "p", "uid": "u"}}


def test_the_ledger_keeps_an_entry_until_it_is_removed(tmp_path: Path) -> None:
    """Removing twice is success."""
    ledger = FileLedger(tmp_path / "ledger")

    async def story() -> list[Sandbox | None]:
        before = await ledger.load("c1")
        await ledger.save(ENTRY)
        between = await ledger.load("c1")
        await ledger.remove("c1")
        await ledger.remove("c1")
        return [before, between, await ledger.load("c1")]

    assert [None, ENTRY, None] == asyncio.run(story())
    assert [] == list((tmp_path / "ledger").iterdir())


def test_the_ledger_is_nobody_elses_business(tmp_path: Path) -> None:
    """Configurations may hold secrets."""
    asyncio.run(FileLedger(tmp_path / "ledger").save(ENTRY))

    assert 0o700 == (tmp_path / "ledger").stat().st_mode & 0o777
    assert 0o600 == (tmp_path / "ledger" / "c1.json").stat().st_mode & 0o777


def test_an_entry_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Not a sandbox that was never attached."""
    (tmp_path / "c1.json").write_text("{")

    with pytest.raises(DecodeError):
        asyncio.run(FileLedger(tmp_path).load("c1"))


def test_a_save_that_fails_leaves_the_entry_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: fsync says so, and the rename has not happened."""
    ledger = FileLedger(tmp_path)
    asyncio.run(ledger.save(ENTRY))
    monkeypatch.setattr(os, "fsync", _no_space)

    with pytest.raises(OSError, match="No space left"):
        asyncio.run(ledger.save(Sandbox("c1", "/other", None, Phase.ADDED, ())))

    assert ENTRY == asyncio.run(ledger.load("c1"))
    assert ["c1.json"] == [path.name for path in tmp_path.iterdir()]


def _no_space(_: int) -> None:
    raise OSError(28, "No space left on device")


PRIMARY = '{"cniVersion":"0.3.1","name":"flannel","plugins":[{"type":"flannel"}]}'


def test_the_primary_is_the_first_file_that_is_not_ours(tmp_path: Path) -> None:
    """Delegating to ourselves is a fork bomb (Multus #1130); Multus' conf is taken over from, never delegated to."""
    (tmp_path / "00-netattach.conflist").write_text('{"name":"netattach","plugins":[{"type":"netattach"}]}')
    (tmp_path / "00-multus.conf").write_text('{"name":"multus-cni-network","type":"multus-shim"}')
    (tmp_path / "05-readme.txt").write_text("x")
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)
    (tmp_path / "20-other.conf").write_text('{"name":"other","type":"bridge"}')

    primary = ConfDir(tmp_path).primary()

    assert ("flannel", PRIMARY, str(tmp_path / "10-flannel.conflist")) == (
        primary.network,
        primary.conf_text,
        primary.file,
    )


def test_without_a_primary_the_runtime_is_told_to_come_again(tmp_path: Path) -> None:
    """The node is booting."""
    with pytest.raises(TryAgainError, match="no default network yet"):
        ConfDir(tmp_path / "missing").primary()


def test_a_half_written_primary_is_waited_for(tmp_path: Path) -> None:
    """The next file may be another network, and pods would start in it (Multus #1499)."""
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY[:20])
    (tmp_path / "20-other.conf").write_text('{"name":"other","type":"bridge"}')

    with pytest.raises(TryAgainError, match=r"10-flannel\.conflist cannot be read"):
        ConfDir(tmp_path).primary()


def test_a_link_that_leads_nowhere_yet_is_waited_for(tmp_path: Path) -> None:
    """Installers link to files that they write a moment later."""
    (tmp_path / "05-real.conflist").symlink_to(tmp_path / "missing")
    (tmp_path / "99-other.conf").write_text('{"name":"other","type":"bridge"}')

    with pytest.raises(TryAgainError, match=r"05-real\.conflist cannot be read"):
        ConfDir(tmp_path).primary()


def test_a_network_is_found_by_its_name_and_a_list_before_a_conf(tmp_path: Path) -> None:
    """npwg-spec S11, S12; a broken file beside them is no obstacle."""
    (tmp_path / "10-a.conf").write_text('{"name":"a","type":"bridge"}')
    (tmp_path / "15-broken.conf").write_text("{")
    (tmp_path / "20-a.conflist").write_text('{"name":"a","plugins":[{"type":"macvlan"}]}')

    found = ConfDir(tmp_path).by_name("a")

    assert found is not None
    assert found.file.endswith("20-a.conflist")
    assert None is ConfDir(tmp_path).by_name("b")


def test_settings_come_from_the_environment() -> None:
    """And have defaults."""
    read = settings.from_environment(
        {"NETATTACH_SOCKET": "/x.sock", "NETATTACH_DRAIN": "1.5", "NETATTACH_NODE": "n"}
    )

    assert (Path("/x.sock"), 1.5, "n", Settings().ledger) == (read.socket, read.drain, read.node, read.ledger)


def test_a_setting_that_cannot_be_read_is_named() -> None:
    """An operator has to find it."""
    with pytest.raises(ValueError, match="NETATTACH_DRAIN is 'soon'"):
        settings.from_environment({"NETATTACH_DRAIN": "soon"})


def test_a_status_is_written_before_the_wait_ends() -> None:
    """The pod's containers find it there."""
    store = MemoryStore()
    store.create(POD)

    assert "[]" == asyncio.run(_deliver(store, outage=False))


def test_an_outage_of_the_api_delays_the_status_and_loses_nothing() -> None:
    """ADD goes on after a bounded time; the status comes when the API does."""
    store = MemoryStore()
    store.create(POD)

    assert "[]" == asyncio.run(_deliver(store, outage=True))


def test_the_status_of_a_pod_that_is_gone_stops_nobody() -> None:
    """The next one is written."""
    store = MemoryStore()
    store.create(POD)

    async def story() -> None:
        async with _running(store, wait=5) as queue:
            queue.deliver_later(PodRef("ns", "gone"), "[]")
            await queue.deliver(PodRef("ns", "p", "u"), "[]")

    asyncio.run(story())
    assert (
        "[]" == store.read("Pod", "ns", "p")["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"]
    )


@contextlib.asynccontextmanager
async def _running(store: MemoryStore, wait: float) -> AsyncIterator[StatusQueue]:
    """A queue with its worker."""
    queue = StatusQueue(store, wait)
    async with asyncio.TaskGroup() as tasks:
        worker = tasks.create_task(queue.run())
        yield queue
        worker.cancel()


async def _deliver(store: MemoryStore, *, outage: bool) -> str:
    store.unreachable = outage
    async with _running(store, wait=0.05) as queue:
        await queue.deliver(PodRef("ns", "p", "u"), "[]")
        if outage:
            assert "annotations" not in store.read("Pod", "ns", "p")["metadata"]
            store.unreachable = False
            async with asyncio.timeout(5):
                while "annotations" not in store.read("Pod", "ns", "p")["metadata"]:  # noqa: ASYNC110  # the store tells nobody
                    await asyncio.sleep(0.01)
    return _status(store)


def test_a_status_that_is_refused_keeps_no_other_from_being_written() -> None:
    """One broken object must not stop the node's statuses for ever."""
    store = MemoryStore()
    store.create(POD)
    store.create({"kind": "Pod", "metadata": {"namespace": "ns", "name": "broken", "uid": "b"}})
    store.refused.add("ns/broken")

    async def story() -> None:
        async with _running(store, wait=5) as queue:
            await queue.deliver(PodRef("ns", "broken", "b"), "[]")
            await queue.deliver(PodRef("ns", "p", "u"), "[]")

    asyncio.run(story())
    assert "[]" == _status(store)


def test_what_is_under_way_is_flushed_before_the_end() -> None:
    """A plain pod's status is written off its path, and the daemon may be stopped just then."""
    store = MemoryStore()
    store.create(POD)

    async def story() -> None:
        async with _running(store, wait=5) as queue:
            queue.deliver_later(PodRef("ns", "p", "u"), "[]")
            await queue.flush()

    asyncio.run(story())
    assert "[]" == _status(store)


def test_an_older_status_never_comes_after_a_newer_one() -> None:
    """The API was away for the first; both are due when it is back."""
    store = MemoryStore()
    store.create(POD)
    store.unreachable = True

    async def story() -> None:
        async with _running(store, wait=0.05) as queue:
            await queue.deliver(PodRef("ns", "p", "u"), "old")
            store.unreachable = False
            await queue.deliver(PodRef("ns", "p", "u"), "new")
            await asyncio.sleep(0.5)  # longer than the first pause

    asyncio.run(story())
    assert "new" == _status(store)


def _status(store: MemoryStore) -> str:
    text: str = store.read("Pod", "ns", "p")["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"]
    return text

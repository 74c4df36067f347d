"""The daemon's edges on files: ledger, configuration directory, settings, and the queue of statuses."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.errors import DecodeError, TryAgainError
from netattach_plugin import settings
from netattach_plugin.cluster.status_queue import StatusQueue
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.settings import Settings
from netattach_plugin.state.ledger import FileLedger
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

    primary = CniConfDir(tmp_path).primary()

    assert ("flannel", PRIMARY, str(tmp_path / "10-flannel.conflist")) == (
        primary.network,
        primary.config_text,
        primary.file,
    )


def test_without_a_primary_the_runtime_is_told_to_come_again(tmp_path: Path) -> None:
    """The node is booting."""
    with pytest.raises(TryAgainError, match="no default network yet"):
        CniConfDir(tmp_path / "missing").primary()


def test_a_half_written_primary_is_waited_for(tmp_path: Path) -> None:
    """The next file may be another network, and pods would start in it (Multus #1499)."""
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY[:20])
    (tmp_path / "20-other.conf").write_text('{"name":"other","type":"bridge"}')

    with pytest.raises(TryAgainError, match=r"10-flannel\.conflist cannot be read"):
        CniConfDir(tmp_path).primary()


def test_a_link_that_leads_nowhere_yet_is_waited_for(tmp_path: Path) -> None:
    """Installers link to files that they write a moment later."""
    (tmp_path / "05-real.conflist").symlink_to(tmp_path / "missing")
    (tmp_path / "99-other.conf").write_text('{"name":"other","type":"bridge"}')

    with pytest.raises(TryAgainError, match=r"05-real\.conflist cannot be read"):
        CniConfDir(tmp_path).primary()


def test_a_network_is_found_by_its_name_and_a_list_before_a_conf(tmp_path: Path) -> None:
    """npwg-spec S11, S12; a broken file beside them is no obstacle."""
    (tmp_path / "10-a.conf").write_text('{"name":"a","type":"bridge"}')
    (tmp_path / "15-broken.conf").write_text("{")
    (tmp_path / "20-a.conflist").write_text('{"name":"a","plugins":[{"type":"macvlan"}]}')

    found = CniConfDir(tmp_path).by_name("a")

    assert found is not None
    assert found.file.endswith("20-a.conflist")
    assert None is CniConfDir(tmp_path).by_name("b")


def test_an_earlier_file_that_comes_later_is_the_primary_from_then_on(tmp_path: Path) -> None:
    """Multus stays with the first that it saw (#1499)."""
    directory = CniConfDir(tmp_path)
    (tmp_path / "50-late.conf").write_text('{"name":"late","type":"bridge"}')
    assert "late" == directory.primary().network

    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)

    assert "flannel" == directory.primary().network


@pytest.mark.parametrize("chosen", ["other", "20-other.conf"])
def test_the_primary_that_the_settings_name_goes_before_the_first(tmp_path: Path, chosen: str) -> None:
    """By the name of its network or of its file, from the moment that they do; a broken neighbour does not matter."""
    names = [""]
    directory = CniConfDir(tmp_path, lambda: names[-1])
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)
    (tmp_path / "20-other.conf").write_text('{"name":"other","type":"bridge"}')
    assert "flannel" == directory.primary().network

    names.append(chosen)
    (tmp_path / "05-broken.conf").write_text("{")

    assert "other" == directory.primary().network


ABSENT = {
    "a name of none": (
        "nobody",
        r"primaryNetwork is 'nobody', and .* has no such file or network; 15-half\.conf cannot be read",
    ),
    "a file that is not there": ("30-x.conf", "primaryNetwork is '30-x.conf'"),
    "a file that is half written": ("15-half.conf", r"15-half\.conf cannot be read"),
    "a file elsewhere": ("../x.conf", "primaryNetwork is"),
    "our own": ("00-netattach.conflist", "primaryNetwork is"),
    "one that Multus left": ("00-multus.conf", "primaryNetwork is"),
}


@pytest.mark.parametrize(("chosen", "message"), ABSENT.values(), ids=ABSENT)
def test_no_other_primary_stands_in_for_the_one_that_the_settings_name(
    tmp_path: Path, chosen: str, message: str
) -> None:
    """Pods would start in another network than they are to have."""
    directory = tmp_path / "net.d"
    directory.mkdir()
    (tmp_path / "x.conf").write_text('{"name":"x","type":"bridge"}')
    (directory / "00-netattach.conflist").write_text('{"name":"netattach","plugins":[{"type":"netattach"}]}')
    (directory / "00-multus.conf").write_text('{"name":"multus-cni-network","type":"multus-shim"}')
    (directory / "10-flannel.conflist").write_text(PRIMARY)
    (directory / "15-half.conf").write_text('{"name":"nobody"')

    with pytest.raises(TryAgainError, match=message):
        CniConfDir(directory, lambda: chosen).primary()


def test_plugins_in_the_directory_of_a_networks_name_are_chained_behind_its_own(tmp_path: Path) -> None:
    """As libcni does since 1.3, and so the runtime before us; by name, `.conf` alone."""
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)
    (tmp_path / "flannel").mkdir()
    for name, text in {"20.conf": '{"type":"b"}\n', "10.conf": '{"type":"a"}', "x.json": "{"}.items():
        (tmp_path / "flannel" / name).write_text(text)

    chained = CniConfDir(tmp_path).primary().config_text

    own = '{"type":"flannel"}'
    assert PRIMARY.replace(own, f'{own}, {{"type":"a"}}, {{"type":"b"}}') == chained
    assert chained == getattr(CniConfDir(tmp_path).by_name("flannel"), "config_text", "")


@pytest.mark.parametrize("more", ['{"type":', '{"type":"a"} x', '{"type":"netattach', "{}", "[]", ""])
def test_a_chained_plugin_that_is_half_written_is_waited_for(tmp_path: Path, more: str) -> None:
    """A pod without it would lack what it does."""
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)
    (tmp_path / "flannel").mkdir()
    (tmp_path / "flannel/10.conf").write_text(more)

    with pytest.raises(TryAgainError, match=r"10-flannel\.conflist cannot be read"):
        CniConfDir(tmp_path).primary()


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "10-flannel.conflist": PRIMARY.replace("{", '{"loadOnlyInlinedPlugins":true,', 1),
        "10-flannel.conf": '{"name":"flannel","type":"flannel"}',
        "10-up.conflist": PRIMARY.replace("flannel", "../net.d/flannel", 1),
    }.items(),
)
def test_nothing_is_chained_where_libcni_chains_nothing(tmp_path: Path, name: str, text: str) -> None:
    directory = tmp_path / "net.d"
    (directory / "flannel").mkdir(parents=True)
    (directory / "flannel/10.conf").write_text('{"type":"a"}')
    (directory / name).write_text(text)

    assert text == CniConfDir(directory).primary().config_text


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

"""The calls of the probe: what they record, also where they fail."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from netattach_core.attach import probe_network
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DelegateError, NetattachError, NotReadyError, TryAgainError
from netattach_plugin.call_ports import Shim
from netattach_plugin.engine import probe
from netattach_plugin.engine.probe import ProbeCalls, ProbeNetworks
from netattach_plugin.state.probe_file import ProbeFile
from support.twins import FakeShim
from support.twins_of_links import FakePodLinks

NOW = "2026-11-30T10:00:00Z"


class FixedKinds:
    """The kinds that the kernel makes; `error` is its refusal."""

    def __init__(self) -> None:
        self.found: tuple[str, ...] = ("macvlan", "veth")
        self.error: OSError | None = None

    async def kinds(self, route_socket: int) -> tuple[str, ...]:
        assert 6 == route_socket
        if self.error:
            raise self.error
        return self.found


class FakeEngine:
    """Calls, in order; `failures` by command."""

    def __init__(self, networks: ProbeNetworks) -> None:
        self.networks = networks
        self.calls: list[str] = []
        self.failures: dict[str, Exception] = {}

    async def call(self, request: CniRequest, shim: Shim) -> str:
        self.calls.append(request.command)
        if request.command in self.failures:
            raise self.failures[request.command]
        if request.command == "ADD":
            await self.networks.attachments(request, await self.networks.select(request))
        return "{}"


class Probing:
    """The calls with fakes below them."""

    def __init__(self, root: Path) -> None:
        self.networks, self.kinds, self.forgotten = ProbeNetworks(), FixedKinds(), 0
        self.engine = FakeEngine(self.networks)
        self.file = ProbeFile(root, "boot-1")
        self.ended = 0
        self.calls = ProbeCalls(
            engine=self.engine,  # type: ignore[arg-type]  # its one method
            networks=self.networks,
            forget=self._forget,
            links=self.kinds,  # type: ignore[arg-type]  # its one method
            file=self.file,
            now=lambda: NOW,
            ended=self._end,
        )

    def _end(self) -> None:
        self.ended += 1

    def _forget(self) -> None:
        self.forgotten += 1

    def call(self, command: str, sockets: tuple[int, ...] = (5, 6)) -> Exception | None:
        request = CniRequest(command, probe_network.CONTAINER_ID, "/n", "probe0", {}, "1.0.0")
        shim = FakeShim(FakePodLinks(), route_sockets=sockets)
        try:
            asyncio.run(self.calls.call(request, shim))
        except (NetattachError, RuntimeError) as error:
            return error
        return None


@pytest.fixture
def probing(tmp_path: Path) -> Probing:
    return Probing(tmp_path)


def test_a_probe_has_succeeded_after_its_del(probing: Probing) -> None:
    assert probing.call("ADD") is None
    assert (None, 0) == (probing.file.probe, probing.ended)
    assert probing.call("DEL") is None

    assert probing.file.probe is not None
    assert (True, "", NOW, "boot-1") == (
        probing.file.probe.succeeded,
        probing.file.probe.message,
        probing.file.probe.time,
        probing.file.probe.boot_id,
    )
    assert (("macvlan", "veth"), 1) == (probing.file.link_kinds, probing.ended)


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        ("ADD", DelegateError("plugin macvlan failed"), "plugin macvlan failed"),
        ("ADD", RuntimeError("oops"), "internal error: RuntimeError('oops')"),
        ("DEL", NetattachError("the disk is read-only"), "the disk is read-only"),
    ],
)
def test_the_first_failure_is_recorded(
    probing: Probing, command: str, error: Exception, message: str
) -> None:
    """A runtime calls DEL after a failed ADD, too; that succeeds and changes nothing of what is recorded."""
    probing.engine.failures[command] = error
    for each in ("ADD", "DEL"):
        probing.call(each)
    probing.call("DEL")

    assert probing.file.probe is not None
    assert (False, message, 1) == (
        probing.file.probe.succeeded,
        probing.file.probe.message,
        probing.ended,
    )
    assert ["ADD"] + ["DEL"] * (command == "DEL") == probing.engine.calls


def test_kinds_that_cannot_be_tried_are_those_that_were_known(probing: Probing) -> None:
    probing.call("ADD")
    probing.call("DEL")
    probing.kinds.error = OSError(1, "Operation not permitted")
    error = probing.call("ADD")

    assert "Operation not permitted" in str(error)
    assert ("macvlan", "veth") == probing.file.link_kinds
    assert probing.file.probe is not None
    assert not probing.file.probe.succeeded


def test_a_kernel_without_links_is_a_failure(probing: Probing) -> None:
    probing.kinds.found = ()

    assert isinstance(probing.call("ADD"), NotReadyError)
    assert () == probing.file.link_kinds


def test_a_shim_without_sockets_is_refused(probing: Probing) -> None:
    assert isinstance(probing.call("ADD", sockets=()), TryAgainError)
    assert [] == probing.engine.calls


def test_what_an_interrupted_probe_has_left_is_removed(
    probing: Probing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the next one, or where no DEL follows."""
    monkeypatch.setattr(probe, "_DELETE_SECONDS", 0.01)
    request = CniRequest("ADD", probe_network.CONTAINER_ID, "/n", "probe0", {}, "1.0.0")

    async def story() -> None:
        async with asyncio.timeout(60):
            await probing.calls.call(request, FakeShim(FakePodLinks(), route_sockets=(5, 6)))
            while probing.forgotten < 2:  # noqa: ASYNC110  # the loop's timer
                await asyncio.sleep(0.01)

    asyncio.run(story())
    assert (2, None) == (probing.forgotten, probing.file.probe)

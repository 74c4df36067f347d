"""The caches of Multus and of the runtime as files: which are read, which are passed over, which go."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni import netattach_conf
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DecodeError
from netattach_plugin.state.cni_caches import CniCaches
from support import multus
from support.multus import Delegate

CALL = CniRequest("DEL", "c1", "/n", "eth0", {}, "1.0.0")
PRIMARY = Delegate("cbr0", {"cniVersion": "1.0.0", "name": "cbr0", "plugins": [{"type": "bridge"}]})
DATA = Delegate("default/data", {"cniVersion": "1.0.0", "name": "data", "type": "macvlan"})
MULTUS = Delegate("multus-cni-network", {"name": "multus-cni-network", "type": "multus-shim"})
OURS = Delegate("netattach", json.loads(netattach_conf.text("1.0.0")))


class Files:
    """The two directories."""

    def __init__(self, root: Path) -> None:
        self.multus, self.libcni = root / "multus", root
        self.cache = CniCaches(self.multus, self.libcni)

    def note(self, directory: Path, delegate: Delegate, ifname: str, container_id: str = "c1") -> Path:
        path = directory / "results" / f"{delegate.config_name}-{container_id}-{ifname}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(multus.cached(delegate, container_id, ifname, "/n", {"cniVersion": "1.0.0"}))
        return path

    def scratch(self, *delegates: Delegate) -> Path:
        path = self.multus / "c1"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(multus.scratch(delegates))
        return path

    def read(self) -> list[tuple[str, str]]:
        found = asyncio.run(self.cache.attachments(CALL))
        return [(each.ifname, each.conf.name) for each in found]

    def left(self) -> list[str]:
        return sorted(str(path.relative_to(self.libcni)) for path in self.libcni.rglob("*") if path.is_file())


def behind(plugins: list[dict[str, str]]) -> Delegate:
    """The default network with us at its end, as a runtime took it while we were uninstalled."""
    ours = json.loads(netattach_conf.chained_text())
    return Delegate("cbr0", {"cniVersion": "1.0.0", "name": "cbr0", "plugins": [*plugins, ours]})


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_nothing_is_noted(files: Files) -> None:
    """Neither directory is there."""
    assert [] == files.read()


def test_the_default_network_as_the_runtime_attached_it(files: Files) -> None:
    """By its own file, whatever the default network is called today."""
    files.note(files.libcni, PRIMARY, "eth0")

    assert [("eth0", "cbr0")] == files.read()


def test_what_the_runtime_noted_of_meta_plugins_is_no_default_network(files: Files) -> None:
    """Multus' conf and ours; nor is another interface's, or another container's whose id begins like it."""
    files.note(files.libcni, MULTUS, "eth0")
    files.note(files.libcni, OURS, "eth0")
    files.note(files.libcni, PRIMARY, "lo")
    files.note(files.libcni, PRIMARY, "eth0", "c1-2")

    assert [] == files.read()


def test_multus_comes_before_the_runtime(files: Files) -> None:
    """Which noted Multus itself there, or what it attached before Multus came."""
    files.note(files.libcni, PRIMARY, "eth0")
    files.scratch(PRIMARY, DATA)

    assert [("eth0", "cbr0"), ("net1", "data")] == files.read()


def test_multus_results_without_the_default_network(files: Files) -> None:
    """Its DEL freed that one and failed at the other."""
    files.note(files.multus, DATA, "net1")
    files.note(files.libcni, PRIMARY, "eth0")

    assert [("eth0", "cbr0"), ("net1", "data")] == files.read()


@pytest.mark.parametrize("spoilt", ["list", "multus", "runtime"])
@pytest.mark.parametrize("how", ["cut", "garbage", "directory"])
def test_a_file_that_cannot_be_read_is_named_until_it_is_fixed_or_removed(
    files: Files, spoilt: str, how: str
) -> None:
    """Not a word of it is taken for success by containerd."""
    path = {
        "list": lambda: files.scratch(PRIMARY, DATA),
        "multus": lambda: files.note(files.multus, DATA, "net1"),
        "runtime": lambda: files.note(files.libcni, PRIMARY, "eth0"),
    }[spoilt]()
    whole = path.read_bytes()
    path.unlink()
    if how == "directory":
        path.mkdir()
    else:
        path.write_bytes(whole[: len(whole) // 2] if how == "cut" else b"\xff\x00")

    with pytest.raises(DecodeError) as failure:
        files.read()

    assert f"{path}, which tells of it, cannot be read" in failure.value.message
    assert "not found" not in failure.value.message.lower()
    assert "no such file" not in failure.value.message.lower()
    path.rmdir() if how == "directory" else path.unlink()
    assert [] == files.read()
    path.write_bytes(whole)
    assert [] != files.read()


def test_a_list_whose_configuration_is_broken_is_named(files: Files) -> None:
    """It can be read, and not carried out."""
    path = files.scratch(PRIMARY, Delegate("default/data", {"name": "data"}))

    with pytest.raises(DecodeError, match=str(path)):
        files.read()


def test_what_is_freed_is_forgotten(files: Files) -> None:
    """All kinds of files of this sandbox, and nobody else's."""
    files.scratch(PRIMARY, DATA)
    files.note(files.multus, PRIMARY, "eth0")
    files.note(files.multus, DATA, "net1")
    files.note(files.libcni, PRIMARY, "eth0")
    files.note(files.libcni, MULTUS, "eth0")
    files.note(files.multus, DATA, "net1", "c2")
    made = asyncio.run(files.cache.attachments(CALL))

    asyncio.run(files.cache.forget(Sandbox("c1", "/n", None, Phase.DELETING, made)))

    assert ["multus/results/data-c2-net1"] == files.left()


def test_what_cannot_be_removed_fails_nothing(files: Files) -> None:
    """All that it told of is freed."""
    path = files.scratch(PRIMARY)
    path.unlink()
    path.mkdir()

    asyncio.run(files.cache.forget(Sandbox("c1", "/n", None, Phase.DELETING, ())))

    assert path.exists()


def test_a_pod_that_was_made_while_we_stood_behind_the_default_network(files: Files) -> None:
    """Has that network, with the result that the runtime noted; of what we stood there for it knows nothing."""
    files.note(files.libcni, behind([{"type": "bridge"}, {"type": "portmap"}]), "eth0")

    (made,) = asyncio.run(files.cache.attachments(CALL))

    assert ["bridge", "portmap"] == [each.type for each in made.conf.plugins]
    assert ("cbr0", True, {"cniVersion": "1.0.0"}) == (made.conf.name, made.default, json.loads(made.result))


def test_a_chain_of_nothing_but_us_is_no_default_network(files: Files) -> None:
    files.note(files.libcni, behind([]), "eth0")

    assert [] == files.read()


def test_what_is_handed_over_is_read_again(files: Files) -> None:
    """As Multus and libcni read it, modes as they make them; and it goes with the sandbox when we are back."""
    made = (
        Attachment("cbr0", "eth0", json.dumps(PRIMARY.config), "cbr0", default=True, result="{}"),
        Attachment("default/data", "net1", '{"type":"macvlan"}', "data", result="{}"),
    )
    sandbox = Sandbox("c1", "/n", None, Phase.ADDED, made)

    files.cache.hand_over(sandbox)

    assert [("eth0", "cbr0"), ("net1", "data")] == files.read()
    assert [
        "multus/c1",
        "multus/results/cbr0-c1-eth0",
        "multus/results/data-c1-net1",
        "results/cbr0-c1-eth0",
    ] == files.left()
    assert {0o600} == {path.stat().st_mode & 0o777 for path in files.libcni.rglob("*") if path.is_file()}
    asyncio.run(files.cache.forget(sandbox))
    assert [] == files.left()


def test_the_list_for_multus_comes_last(files: Files) -> None:
    """A full disk leaves no list that would free less than was attached."""
    files.multus.mkdir()
    (files.multus / "results").write_text("in the way")

    with pytest.raises(OSError, match="results"):
        files.cache.hand_over(Sandbox("c1", "/n", None, Phase.ADDED, ()))

    assert not (files.multus / "c1").exists()

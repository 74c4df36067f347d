"""The caches of Multus and of the runtime as files: which are read, ignored, removed and written."""

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
DEFAULT = Delegate("cbr0", {"cniVersion": "1.0.0", "name": "cbr0", "plugins": [{"type": "bridge"}]})
DATA = Delegate("default/data", {"cniVersion": "1.0.0", "name": "data", "type": "macvlan"})
MULTUS = Delegate("multus-cni-network", {"name": "multus-cni-network", "type": "multus-shim"})
NETATTACH = Delegate("netattach", json.loads(netattach_conf.text("1.0.0")))


class CacheFiles:
    """The directories of Multus and of the runtime."""

    def __init__(self, root: Path) -> None:
        self.multus, self.libcni = root / "multus", root
        self.cache = CniCaches(self.multus, self.libcni)

    def write_result(
        self, directory: Path, delegate: Delegate, ifname: str, container_id: str = "c1"
    ) -> Path:
        path = directory / "results" / f"{delegate.config_name}-{container_id}-{ifname}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(multus.cached(delegate, container_id, ifname, "/n", {"cniVersion": "1.0.0"}))
        return path

    def write_list(self, *delegates: Delegate) -> Path:
        path = self.multus / "c1"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(multus.delegate_list(delegates))
        return path

    def read(self) -> list[tuple[str, str]]:
        found = asyncio.run(self.cache.attachments(CALL))
        return [(each.ifname, each.config.name) for each in found]

    def left(self) -> list[str]:
        return sorted(str(path.relative_to(self.libcni)) for path in self.libcni.rglob("*") if path.is_file())


def uninstalled(plugins: list[dict[str, str]]) -> Delegate:
    """The default network as a runtime used it after an uninstall: with the shim appended."""
    shim = json.loads(netattach_conf.chained_text())
    return Delegate("cbr0", {"cniVersion": "1.0.0", "name": "cbr0", "plugins": [*plugins, shim]})


@pytest.fixture
def files(tmp_path: Path) -> CacheFiles:
    return CacheFiles(tmp_path)


def test_no_caches(files: CacheFiles) -> None:
    """Neither directory exists."""
    assert [] == files.read()


def test_the_default_network_as_the_runtime_attached_it(files: CacheFiles) -> None:
    """From its cache file, whatever the default network's name is now."""
    files.write_result(files.libcni, DEFAULT, "eth0")

    assert [("eth0", "cbr0")] == files.read()


def test_cached_calls_of_meta_plugins_are_not_the_default_network(files: CacheFiles) -> None:
    """Multus' and netattach's; nor is that of another interface, or of a container with an id that begins alike."""
    files.write_result(files.libcni, MULTUS, "eth0")
    files.write_result(files.libcni, NETATTACH, "eth0")
    files.write_result(files.libcni, DEFAULT, "lo")
    files.write_result(files.libcni, DEFAULT, "eth0", "c1-2")

    assert [] == files.read()


def test_multus_cache_precedes_the_runtimes(files: CacheFiles) -> None:
    """The runtime has cached its call of Multus, or an attachment from before Multus was installed."""
    files.write_result(files.libcni, DEFAULT, "eth0")
    files.write_list(DEFAULT, DATA)

    assert [("eth0", "cbr0"), ("net1", "data")] == files.read()


def test_multus_results_without_the_default_network(files: CacheFiles) -> None:
    """Its DEL released that one and failed for the other."""
    files.write_result(files.multus, DATA, "net1")
    files.write_result(files.libcni, DEFAULT, "eth0")

    assert [("eth0", "cbr0"), ("net1", "data")] == files.read()


def test_a_temporary_file_of_a_killed_process_is_ignored(files: CacheFiles) -> None:
    path = files.write_result(files.libcni, Delegate("cbr0", {"name": "cbr0", "type": "bridge"}), "eth0")
    path.with_name(f".{path.name}.netattach-new").write_bytes(b"{")

    assert [("eth0", "cbr0")] == files.read()


@pytest.mark.parametrize("damaged", ["list", "multus", "runtime"])
@pytest.mark.parametrize("how", ["truncated", "garbage", "directory"])
def test_an_unreadable_file_is_named_until_it_is_fixed_or_removed(
    files: CacheFiles, damaged: str, how: str
) -> None:
    """containerd must not mistake the message for success."""
    path = {
        "list": lambda: files.write_list(DEFAULT, DATA),
        "multus": lambda: files.write_result(files.multus, DATA, "net1"),
        "runtime": lambda: files.write_result(files.libcni, DEFAULT, "eth0"),
    }[damaged]()
    data = path.read_bytes()
    path.unlink()
    if how == "directory":
        path.mkdir()
    else:
        path.write_bytes(data[: len(data) // 2] if how == "truncated" else b"\xff\x00")

    with pytest.raises(DecodeError) as failure:
        files.read()

    assert f"its record {path} cannot be read" in failure.value.message
    assert "not found" not in failure.value.message.lower()
    assert "no such file" not in failure.value.message.lower()
    path.rmdir() if how == "directory" else path.unlink()
    assert [] == files.read()
    path.write_bytes(data)
    assert [] != files.read()


def test_a_list_with_an_invalid_configuration_is_named(files: CacheFiles) -> None:
    """It can be read and not used."""
    path = files.write_list(DEFAULT, Delegate("default/data", {"name": "data"}))

    with pytest.raises(DecodeError, match=str(path)):
        files.read()


def test_all_files_of_a_released_sandbox_are_removed(files: CacheFiles) -> None:
    """And none of another sandbox."""
    files.write_list(DEFAULT, DATA)
    files.write_result(files.multus, DEFAULT, "eth0")
    files.write_result(files.multus, DATA, "net1")
    files.write_result(files.libcni, DEFAULT, "eth0")
    files.write_result(files.libcni, MULTUS, "eth0")
    files.write_result(files.multus, DATA, "net1", "c2")
    made = asyncio.run(files.cache.attachments(CALL))

    asyncio.run(files.cache.forget(Sandbox("c1", "/n", None, Phase.DELETING, made)))

    assert ["multus/results/data-c2-net1"] == files.left()


def test_a_file_that_cannot_be_removed_is_no_error(files: CacheFiles) -> None:
    """Its attachments are released."""
    path = files.write_list(DEFAULT)
    path.unlink()
    path.mkdir()

    asyncio.run(files.cache.forget(Sandbox("c1", "/n", None, Phase.DELETING, ())))

    assert path.exists()


def test_a_pod_created_after_an_uninstall(files: CacheFiles) -> None:
    """It has the default network with the cached result, without the shim."""
    files.write_result(files.libcni, uninstalled([{"type": "bridge"}, {"type": "portmap"}]), "eth0")

    (made,) = asyncio.run(files.cache.attachments(CALL))

    assert ["bridge", "portmap"] == [each.type for each in made.config.plugins]
    assert ("cbr0", True, {"cniVersion": "1.0.0"}) == (
        made.config.name,
        made.default,
        json.loads(made.result),
    )


def test_a_chain_of_the_shim_alone_is_not_the_default_network(files: CacheFiles) -> None:
    files.write_result(files.libcni, uninstalled([]), "eth0")

    assert [] == files.read()


def test_an_exported_sandbox_can_be_read_and_removed(files: CacheFiles) -> None:
    """As Multus and libcni would, and with their file modes."""
    made = (
        Attachment("cbr0", "eth0", json.dumps(DEFAULT.config), "cbr0", default=True, result="{}"),
        Attachment("default/data", "net1", '{"type":"macvlan"}', "data", result="{}"),
    )
    sandbox = Sandbox("c1", "/n", None, Phase.ADDED, made)

    files.cache.export(sandbox)

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


def test_the_list_for_multus_comes_last(files: CacheFiles) -> None:
    """A full disk leaves no list with which Multus would release less than was attached."""
    files.multus.mkdir()
    (files.multus / "results").write_text("in the way")

    with pytest.raises(OSError, match="results"):
        files.cache.export(Sandbox("c1", "/n", None, Phase.ADDED, ()))

    assert not (files.multus / "c1").exists()

"""What is read of the caches of Multus and libcni, when it is read again, and what is ignored."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.caches import libcni, multus
from netattach_plugin.state import multus_pods
from netattach_plugin.state.multus_pods import MultusPods

POD = PodRef("shop", "web", "u")
BRIDGE = '{"cniVersion":"1.0.0","type":"bridge"}'


class Caches:
    """Multus' directory and libcni's, and what is read of them."""

    def __init__(self, root: Path) -> None:
        self.multus, self.libcni = root / "multus", root / "cni"
        self.pods = MultusPods(self.multus, self.libcni)

    def write(
        self, container_id: str, *networks: str, pod: PodRef = POD, results: Path | None = None
    ) -> Path:
        """As Multus leaves them; returns its list of the sandbox's networks."""
        args = {"K8S_POD_NAMESPACE": pod.namespace, "K8S_POD_NAME": pod.name, "K8S_POD_UID": pod.uid}
        default = Attachment("cbr0", "eth0", BRIDGE, "cbr0", default=True, args=args)
        others = [
            Attachment(name, f"net{number}", BRIDGE, "lan") for number, name in enumerate(networks, start=1)
        ]
        directory = results or self.multus / "results"
        directory.mkdir(parents=True, exist_ok=True)
        self.multus.mkdir(exist_ok=True)
        (directory / f"cbr0-{container_id}-eth0").write_bytes(libcni.dump(container_id, "/n", default))
        delegates = self.multus / container_id
        delegates.write_bytes(multus.dump(Sandbox(container_id, "/n", pod, Phase.ADDED, (default, *others))))
        return delegates

    def read(self, pod: PodRef = POD) -> tuple[tuple[str, ...], ...]:
        self.pods.read()
        return self.pods.sandboxes(pod)


@pytest.fixture
def caches(tmp_path: Path) -> Caches:
    return Caches(tmp_path)


def test_without_multus_there_are_no_pods(caches: Caches) -> None:
    assert () == caches.read()
    assert not caches.pods


@pytest.mark.parametrize("own", [True, False], ids=["Multus' results", "the runtime's results"])
def test_a_sandbox_has_its_default_network_and_the_others(caches: Caches, own: bool) -> None:  # noqa: FBT001  # parametrized
    caches.write("c1", "shop/lan", "infra/san", results=None if own else caches.libcni / "results")

    assert (("cbr0", "shop/lan", "infra/san"),) == caches.read()
    assert caches.pods


def test_each_sandbox_of_a_pod_counts_and_none_of_another_pod_of_its_name(caches: Caches) -> None:
    caches.write("c2", "shop/lan")
    caches.write("c1", "infra/san")
    caches.write("c3", "shop/former", pod=PodRef("shop", "web", "former"))
    caches.write("c4", "shop/dmz", pod=PodRef("shop", "web"))  # as where the runtime passes no UID

    assert (("cbr0", "infra/san"), ("cbr0", "shop/lan"), ("cbr0", "shop/dmz")) == caches.read()


def test_a_list_that_changes_or_disappears(caches: Caches) -> None:
    path = caches.write("c1", "shop/lan")
    assert (("cbr0", "shop/lan"),) == caches.read()
    caches.write("c1", "shop/lan", "infra/san")
    assert (("cbr0", "shop/lan", "infra/san"),) == caches.read()
    path.unlink()
    assert () == caches.read()
    caches.write("c1", "shop/lan")
    assert (("cbr0", "shop/lan"),) == caches.read()


def test_a_list_that_is_replaced_by_one_of_the_same_size_and_time(caches: Caches) -> None:
    path = caches.write("c1", "shop/lan")
    before = path.stat()
    caches.read()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes().replace(b"shop/lan", b"shop/dmz"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.rename(path)

    assert (("cbr0", "shop/dmz"),) == caches.read()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from now on."""
    found: list[str] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        found.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    return found


def test_a_file_that_has_not_changed_is_read_once(caches: Caches, reads: list[str]) -> None:
    caches.write("c1", "shop/lan")
    caches.write("c2", pod=PodRef("shop", "other", "v"))
    (caches.multus / "results/broken-c3-eth0").write_text("{")
    for _ in range(3):
        caches.read()

    assert ["broken-c3-eth0", "c1", "c2", "cbr0-c1-eth0", "cbr0-c2-eth0"] == sorted(reads)


def test_on_a_node_without_multus_nothing_is_read(caches: Caches, reads: list[str]) -> None:
    """The runtime has a file for each pod."""
    caches.write("c1", "shop/lan", results=caches.libcni / "results")
    caches.multus.rename(caches.multus.with_name("moved"))

    assert () == caches.read()
    assert [] == reads


def test_files_that_are_gone_are_forgotten(caches: Caches) -> None:
    path = caches.write("c1", "shop/lan")
    caches.read()
    path.unlink()
    (caches.multus / "results/cbr0-c1-eth0").unlink()
    caches.read()

    assert ({}, {}) == (caches.pods._owners._known, caches.pods._delegates._known)
    assert not caches.pods


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[" * 100_000,
        b'{"kind":"cniCacheV1"}',
        b'{"kind":"cniCacheV1","containerId":7}',
        b'{"kind":"cniCacheV1","containerId":"c1","ifName":"eth0","networkName":"n","config":"e30=","cniArgs":[["a"]]}',
    ],
)
def test_content_that_is_no_cache_hides_no_pod(caches: Caches, content: bytes) -> None:
    caches.write("c1", "shop/lan")
    (caches.multus / "results/another-c2-eth0").write_bytes(content)
    caches.write("c3", "shop/lan").write_bytes(content)

    assert (("cbr0", "shop/lan"),) == caches.read()


def test_neither_a_pipe_nor_a_directory_nor_a_dangling_link_is_read(caches: Caches) -> None:
    """A pipe would never end."""
    caches.write("c1", "shop/lan")
    results = caches.multus / "results"
    os.mkfifo(results / "pipe-c2-eth0")
    (results / "directory-c3-eth0").mkdir()
    (results / "link-c4-eth0").symlink_to("nowhere")
    caches.write("c5", "shop/lan").unlink()
    os.mkfifo(caches.multus / "c5")

    assert (("cbr0", "shop/lan"),) == caches.read()


def test_a_file_that_is_too_large_is_not_read(caches: Caches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multus_pods, "_MOST_BYTES", 2000)
    caches.write("c1", "shop/lan")
    caches.write("c2", *["shop/lan"] * 20)

    assert (("cbr0", "shop/lan"),) == caches.read()


@pytest.mark.parametrize("container_id", ["../secret", "/etc/passwd", ".", "", "results"])
def test_no_container_id_leads_out_of_the_directory(caches: Caches, container_id: str) -> None:
    caches.write("c1", "shop/lan")
    (caches.multus.parent / "secret").write_bytes((caches.multus / "c1").read_bytes())
    data = (
        (caches.multus / "results/cbr0-c1-eth0").read_bytes().replace(b'"c1"', f'"{container_id}"'.encode())
    )
    (caches.multus / "results/cbr0-c1-eth0").write_bytes(data)

    assert () == caches.read()


def test_a_directory_that_cannot_be_listed_changes_nothing(caches: Caches) -> None:
    caches.write("c1", "shop/lan")
    caches.read()
    results = caches.multus / "results"
    results.rename(caches.multus / "moved")
    results.write_text("no directory")

    with pytest.raises(NotADirectoryError):
        caches.pods.read()
    assert (("cbr0", "shop/lan"),) == caches.pods.sandboxes(POD)


def test_a_file_that_cannot_be_read_now_hides_no_pod(caches: Caches, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a disk that fails, or without a descriptor: nothing is known then, which is not "no pods"."""
    caches.write("c1", "shop/lan")
    read_bytes = Path.read_bytes

    def fail(path: Path) -> bytes:
        if path.name == "c1":
            raise OSError(errno.EIO, "as requested")
        return read_bytes(path)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", fail)
        with pytest.raises(OSError, match="as requested"):
            caches.pods.read()

    assert (("cbr0", "shop/lan"),) == caches.read()

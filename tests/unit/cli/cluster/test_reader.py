"""Reading a cluster through kubectl: pages, rights, failures, and that nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netattach_cli.cluster import api_client, kubectl_proxy, reader
from netattach_cli.cluster.api_client import ApiClient
from netattach_cli.cluster.errors import ClusterError
from netattach_cli.cluster.kubectl_proxy import Target
from netattach_cli.cluster.reader import Reader
from netattach_kube.resource import INVENTORIES, NADS, PODS, SECRETS
from support import fake_kubectl
from unit.cli import cluster_objects as objects

Install = Callable[..., Path]


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """TMPDIR: the path of a socket may not be as long as that of a test's own directory."""
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        monkeypatch.setenv("TMPDIR", directory)
        yield Path(directory)


@pytest.fixture
def install(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    def installed(*bodies: object, **options: object) -> Path:
        fake_kubectl.install(tmp_path / "bin", bodies, **options)  # type: ignore[arg-type]  # passed on
        monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
        return tmp_path / "bin"

    return installed


def test_objects_are_read_with_the_users_kubectl(install: Install) -> None:
    folder = install(objects.network(), objects.pod("web"))

    with reader.connected(Target("config", "lab", "jane")) as found:
        networks, pods = found.many(NADS), found.kept(PODS, lambda body: str(body["metadata"]["name"]))
        one = found.one(PODS, "web", namespace="default")

        assert ["lan"] == [body["metadata"]["name"] for body in networks.objects]
        assert ["web"] == pods.objects
        assert one.first is not None
        assert [] == found.gaps()
    (kubectl,) = [line for line in fake_kubectl.requests(folder) if line.startswith("kubectl")]
    assert "kubectl --kubeconfig=config --context=lab --as=jane proxy --unix-socket=" in kubectl


def test_the_proxy_refuses_everything_but_reading(install: Install) -> None:
    folder = install()
    with reader.connected(Target()):
        pass

    assert fake_kubectl.requests(folder)[0].endswith(" --reject-methods=POST,PUT,PATCH,DELETE")


def test_a_long_list_is_read_in_pages(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_client, "PAGE", 10)
    folder = install(*(objects.pod(f"p{number}") for number in range(25)))

    with reader.connected(Target()) as found:
        assert 25 == len(found.many(PODS, labels="a=b", fields="kind=Pod").objects)
    pages = [line for line in fake_kubectl.requests(folder) if line.startswith("/api/v1/pods?")]
    assert 3 == len(pages)
    assert all("labelSelector=a%3Db&fieldSelector=kind%3DPod&limit=10" in page for page in pages)


def test_what_may_not_be_read_is_a_gap_and_the_rest_is_read(install: Install) -> None:
    install(objects.network(), forbidden=["secrets"], absent=["nodenetworkinventories"])

    with reader.connected(Target()) as found:
        secret = found.one(SECRETS, "s", namespace="n", unknown="the certificate is")
        inventories = found.many(INVENTORIES, unknown="the nodes are")

        assert not secret.known
        assert secret.first is None
        assert not inventories.known
        assert 1 == len(found.many(NADS).objects)
        assert [
            "you have no right to get secrets s in namespace n: the certificate is unknown",
            (
                "nodenetworkinventories.netattach.io cannot be read: the nodes are unknown: the cluster has no such kind of "
                "objects; is netattach installed in it?"
            ),
        ] == [gap.text for gap in found.gaps()]


def test_an_object_that_does_not_exist_is_no_gap(install: Install) -> None:
    install(objects.pod("other"))

    with reader.connected(Target()) as found:
        pending = found.one(PODS, "gone", namespace="default")

        assert (True, None, []) == (pending.known, pending.first, found.gaps())


@pytest.mark.parametrize(
    "name", ["", "..", "../secrets/x", "a/b", "a?limit=1", "a b", "%2e%2e", "x" + "/.." * 9]
)
def test_a_name_never_becomes_another_path_of_the_api(install: Install, name: str) -> None:
    folder = install()

    with reader.connected(Target()) as found:
        assert found.one(PODS, name, namespace="default").first is None
    assert [] == [line for line in fake_kubectl.requests(folder) if not line.startswith("kubectl")]


def test_without_kubectl_the_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ClusterError, match="kubectl is not installed"), reader.connected(Target()):
        pass
    with pytest.raises(ClusterError, match="kubectl is not installed"):
        kubectl_proxy.default_namespace(Target())


def test_the_last_line_of_a_kubectl_that_fails_is_shown(install: Install) -> None:
    install(broken='context "x\x1b[31m" does not exist')

    with pytest.raises(ClusterError) as caught, reader.connected(Target()):
        pass
    assert 'kubectl: context "x\\x1b[31m" does not exist' == str(caught.value)


@pytest.mark.parametrize("namespace", ["", "lab"])
def test_the_namespace_is_that_of_the_context(install: Install, namespace: str) -> None:
    install(namespace=namespace)

    assert (namespace or "default") == kubectl_proxy.namespace_of(kubectl_proxy.default_namespace(Target()))


def _ends(pid: int) -> bool:
    """Whether a process ends."""
    for _ in range(1200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_the_proxy_ends_with_its_user_and_leaves_nothing(install: Install, temporary: Path) -> None:
    folder = install()
    with reader.connected(Target()):
        pid = int((folder / "pid").read_text())

    assert _ends(pid)
    assert [] == list(temporary.iterdir())


def test_a_temporary_directory_with_a_long_path_is_not_used(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(objects.pod("web"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("x" * 90)))

    with reader.connected(Target()) as found:
        assert 1 == len(found.many(PODS).objects)


def test_the_proxy_ends_and_leaves_nothing_where_its_user_is_killed(
    install: Install, temporary: Path
) -> None:
    """A proxy that outlives it would leave the cluster open to whoever can open the socket."""
    folder = install()
    script = "import time\nfrom netattach_cli.cluster import reader\nfrom netattach_cli.cluster.kubectl_proxy import Target\n"
    script += "with reader.connected(Target()):\n    print('connected', flush=True)\n    time.sleep(1000)\n"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        assert b"connected\n" == user.stdout.readline()
        pid = int((folder / "pid").read_text())
        (directory,) = temporary.iterdir()
        assert 0o700 == directory.stat().st_mode & 0o777
        user.send_signal(signal.SIGKILL)

    assert _ends(pid)
    for _ in range(1200):
        if not directory.exists():
            break
        time.sleep(0.1)
    assert not directory.exists()


@pytest.fixture
def answer(tmp_path: Path) -> Iterator[Callable[[bytes], ApiClient]]:
    """A client of a server that answers each request with the same bytes."""
    path = str(tmp_path / "api")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    responses: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(responses[0])

    threading.Thread(target=serve, daemon=True).start()

    def with_response(response: bytes) -> ApiClient:
        responses.append(response)
        return ApiClient(path)

    yield with_response
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def _response(status: str, body: bytes) -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (
            _response("401 No", b'{"kind":"Status","message":"Unauthorized"}'),
            "does not accept your credentials: Unauthorized",
        ),
        (
            _response("502 Bad", b"dial tcp 192.0.2.1:6443: connection refused"),
            "cannot be reached: dial tcp 192.0.2.1:6443",
        ),
        (_response("500 Bad", b""), "cannot be reached: no message"),
        (b"garbage\r\n\r\n", "the connection to the API server broke"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "the connection to the API server broke"),
        (b"", "the connection to the API server broke"),
    ],
    ids=["credentials", "unreachable", "empty", "garbage", "cut off", "closed"],
)
def test_an_api_server_that_cannot_be_used(
    answer: Callable[[bytes], ApiClient], response: bytes, message: str
) -> None:
    with pytest.raises(ClusterError, match=message):
        answer(response).get("/api/v1/pods")


@pytest.mark.parametrize("body", [b"no json", b"[]", b"[" * 100_000], ids=["text", "a list", "nested deeply"])
def test_a_response_that_is_no_object_is_a_gap(answer: Callable[[bytes], ApiClient], body: bytes) -> None:
    found = Reader(answer(_response("200 OK", body)))

    assert not found.many(PODS).known
    assert 1 == len(found.gaps())


def test_an_api_server_that_does_not_answer(tmp_path: Path) -> None:
    path = str(tmp_path / "api")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with pytest.raises(ClusterError, match="did not answer within"):
            _ = Reader(ApiClient(path, 0.05)).many(PODS).objects

"""Requests: what is sent, and the error for each failure."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from netattach_core.errors import (
    ConfigError,
    ConflictError,
    NetattachError,
    NotFoundError,
    RefusedError,
    TryAgainError,
)
from netattach_kube import api as kube_api
from netattach_kube.failures import ExpiredError, ForbiddenError, TooLargeError, UnauthorizedError
from netattach_kube.resource import CRDS, NADS, NODES, PODS
from support import api_server, require
from support.api_server import ApiServer

Story = Callable[[ApiServer], Coroutine[Any, Any, None]]


def run(story: Story) -> None:
    async def serve() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await story(server)

    asyncio.run(serve())


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RefusedError),
        (401, UnauthorizedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (408, TryAgainError),
        (409, ConflictError),
        (410, ExpiredError),
        (422, RefusedError),
        (429, TryAgainError),
        (500, TryAgainError),
        (503, TryAgainError),
    ],
)
def test_each_status_of_a_failure_has_an_error(status: int, kind: type[NetattachError]) -> None:
    async def story(server: ApiServer) -> None:
        server.fail(status, "the reason")
        with pytest.raises(
            NetattachError, match=f"GET /api/v1/nodes/n: the API server answers {status}: the reason"
        ) as e:
            await server.api.get(NODES, "n")

        assert kind is type(e.value)

    run(story)


def test_an_unreachable_server_is_worth_a_retry() -> None:
    async def story(server: ApiServer) -> None:
        server.away = True
        with pytest.raises(TryAgainError, match="cannot be reached"):
            await server.api.get(NODES, "n")

    run(story)


def test_a_server_that_does_not_respond_is_waited_for_as_long_as_the_caller_has_time() -> None:
    async def story(server: ApiServer) -> None:
        server.delay = 3600
        with pytest.raises(TryAgainError, match="does not answer in time"):
            await server.api.get(NODES, "n", seconds=0.05)

    run(story)


def test_a_merge_patch_changes_only_its_fields() -> None:
    async def story(server: ApiServer) -> None:
        annotations = {"a": "1", "b": "2"}
        server.put(
            PODS, {"metadata": {"name": "p", "namespace": "n", "uid": "u", "annotations": annotations}}
        )
        patch = {"metadata": {"uid": "u", "annotations": {"b": "3"}}}
        await server.api.merge_patch(PODS, patch, "p", "n", "status")

        assert {"a": "1", "b": "3"} == server.read(PODS, "p", "n")["metadata"]["annotations"]
        assert "PATCH /api/v1/namespaces/n/pods/p/status" == str(server.requests[-1])
        assert "application/merge-patch+json" == server.requests[-1].content_type

    run(story)


def test_a_patch_for_another_uid_is_a_conflict() -> None:
    async def story(server: ApiServer) -> None:
        server.put(PODS, {"metadata": {"name": "p", "namespace": "n", "uid": "new"}})
        with pytest.raises(ConflictError):
            await server.api.merge_patch(PODS, {"metadata": {"uid": "old"}}, "p", "n", "status")

    run(story)


def test_apply_names_its_field_manager() -> None:
    async def story(server: ApiServer) -> None:
        await server.api.apply(CRDS, {"metadata": {"name": "c"}}, "c", manager="us")

        assert server.has(CRDS, "c")
        assert {"fieldManager": "us", "force": "true"} == server.requests[-1].query
        assert "application/apply-patch+yaml" == server.requests[-1].content_type

    run(story)


def test_objects_are_created_replaced_and_deleted() -> None:
    async def story(server: ApiServer) -> None:
        made = await server.api.create(NADS, {"metadata": {"name": "a", "namespace": "n"}}, "n")
        with pytest.raises(ConflictError):
            await server.api.create(NADS, {"metadata": {"name": "a", "namespace": "n"}}, "n")
        await server.api.replace(NADS, {**made, "spec": {"config": "x"}}, "a", "n")
        with pytest.raises(ConflictError):
            await server.api.replace(NADS, made, "a", "n")

        assert {"config": "x"} == (await server.api.get(NADS, "a", "n"))["spec"]
        await server.api.delete(NADS, "a", "n")
        assert not server.has(NADS, "a", "n")

    run(story)


def test_metadata_alone_can_be_requested() -> None:
    async def story(server: ApiServer) -> None:
        server.put(NODES, {"metadata": {"name": "n"}, "status": {"addresses": []}})

        assert "status" not in await server.api.get_metadata(NODES, "n")

    run(story)


def test_a_list_is_read_as_text_up_to_so_many_bytes() -> None:
    query = {"fieldSelector": "metadata.namespace=a", "resourceVersion": "0"}

    async def story(server: ApiServer) -> None:
        server.put(
            PODS, {"metadata": {"namespace": "a", "name": "p", "labels": {"x": "ü" * 5000}}, "spec": {}}
        )
        text = await server.api.metadata_text(PODS, query, most_bytes=50_000)
        (item,) = json.loads(text)["items"]
        assert ("p", False) == (item["metadata"]["name"], "spec" in item)
        assert query == server.requests[-1].query
        with pytest.raises(TooLargeError, match="GET /api/v1/pods: the response has more than 5000 bytes"):
            await server.api.metadata_text(PODS, query, most_bytes=5_000)
        server.fail(403)
        with pytest.raises(ForbiddenError):
            await server.api.metadata_text(PODS, query, most_bytes=50_000)

    run(story)


def test_the_text_of_a_list_takes_one_byte_a_character(monkeypatch: pytest.MonkeyPatch) -> None:
    """An emoji, which anybody may write into an annotation, would make it four."""

    async def story(server: ApiServer) -> None:
        body = {"items": [{"metadata": {"annotations": {"a": "x" * 10_000, "b": "\U0001f980"}}}]}
        answer = json.dumps(body, ensure_ascii=False)
        monkeypatch.setattr(server, "_list", lambda *_: web.Response(text=answer))
        text = await server.api.metadata_text(PODS, {}, most_bytes=50_000)

        assert sys.getsizeof(text) < len(text) + 100
        assert body == json.loads(text.encode("latin-1"))

    run(story)


def test_the_response_to_a_patch_can_be_metadata_alone() -> None:
    async def story(server: ApiServer) -> None:
        server.put(PODS, {"metadata": {"name": "p", "namespace": "ns"}, "spec": {"nodeName": "n"}})
        body = {"metadata": {"annotations": {"a": "b"}}}
        patched = await server.api.merge_patch(PODS, body, "p", "ns", "status", metadata_only=True)

        assert {"a": "b"} == patched["metadata"]["annotations"]
        assert "spec" not in patched

    run(story)


def test_a_paused_watch_reads_all_events_that_arrived_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = asyncio.Semaphore(0)
    begun: list[float] = []

    async def pause(response: aiohttp.ClientResponse, seconds: float) -> None:
        begun.append(seconds)
        await pauses.acquire()

    monkeypatch.setattr(kube_api, "_pause", pause)

    async def story(server: ApiServer) -> None:
        names: list[str] = []
        following = asyncio.create_task(_follow(server, names, pause=7.0))
        await server.asked("WATCH")
        server.put(NODES, {"metadata": {"name": "n0"}})
        await server.until(lambda: names == ["n0"] and begun == [7.0])
        for number in range(1, 50):
            server.put(NODES, {"metadata": {"name": f"n{number}"}})
        assert ["n0"] == names
        while len(names) < 50:
            pauses.release()
            await asyncio.sleep(0.01)
        following.cancel()

        assert [f"n{number}" for number in range(50)] == names

    run(story)


async def _follow(server: ApiServer, names: list[str], pause: float) -> None:
    async with aclosing(server.api.watch(NODES, {}, silence=60, pause=pause)) as events:
        async for event in events:
            names.append(event["object"]["metadata"]["name"])  # noqa: PERF401  # seen before the watch ends


@pytest.mark.parametrize("ends", [False, True], ids=["events follow", "the connection ends meanwhile"])
def test_what_arrives_in_a_pause_is_read_after_it(
    ends: bool,  # noqa: FBT001  # a table's column
) -> None:
    async def story(server: ApiServer) -> None:
        names: list[str] = []
        following = asyncio.create_task(_follow(server, names, pause=0.05))
        await server.asked("WATCH")
        for number in range(20):
            server.put(NODES, {"metadata": {"name": f"n{number}"}})
            await asyncio.sleep(0.01)
        if ends:
            server.drop_watches()
            with contextlib.suppress(NetattachError):
                await following
        await server.until(lambda: len(names) == 20)
        following.cancel()

        assert [f"n{number}" for number in range(20)] == names

    run(story)


@pytest.mark.parametrize(
    ("proxy", "trusted"), [("", False), ("http://proxy.example:3128", True)], ids=["none", "a proxy"]
)
def test_requests_look_for_a_proxy_only_where_the_environment_has_one(
    monkeypatch: pytest.MonkeyPatch,
    proxy: str,
    trusted: bool,  # noqa: FBT001  # a table's column
) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    if proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)

    assert trusted is kube_api.session_options()["trust_env"]


def test_requests_have_the_program_as_user_agent(tmp_path: Path) -> None:
    async def story(server: ApiServer) -> None:
        server.put(NODES, {"metadata": {"name": "n"}})
        kubeconfig = tmp_path / "kubeconfig"
        kubeconfig.write_text(
            "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "
            f"clusters: [{{name: c, cluster: {{server: '{server.url}'}}}}], users: [{{name: u, user: {{token: t}}}}]}}"
        )
        async with kube_api.connected("netattach-daemon", "1.2", kubeconfig) as api:
            await api.get(NODES, "n")

        assert "netattach-daemon/1.2" == server.requests[-1].user_agent

    run(story)


def test_a_response_that_is_not_an_object_is_worth_a_retry() -> None:
    async def story(server: ApiServer) -> None:
        with pytest.raises(TryAgainError, match="is not JSON"):
            kube_api._decoded(b"<html>", "GET /")
        with pytest.raises(TryAgainError, match="is not an object"):
            kube_api._decoded(b"[1]", "GET /")

    run(story)


@pytest.mark.parametrize("kubeconfig", ["absent", "broken", None])
def test_without_a_cluster_the_error_names_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kubeconfig: str | None
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    (tmp_path / "broken").write_text("{apiVersion: v1, kind: Config}")

    async def connect() -> None:
        async with kube_api.connected("netattach-daemon", "1", tmp_path / kubeconfig if kubeconfig else None):
            pass

    with pytest.raises(
        ConfigError, match="no API server: " + ("the kubeconfig" if kubeconfig else "this is not a pod")
    ):
        asyncio.run(connect())


@pytest.mark.parametrize("program", ["daemon", "operator", "webhooks"])
def test_without_a_cluster_each_program_ends_with_a_message_and_no_traceback(
    program: str, tmp_path: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "NETATTACH_CRDS": str(require.REPOSITORY / "crds")}
    command = [Path(sys.executable).with_name(f"netattach-{program}")]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert 2 == done.returncode
    assert (
        f'ERROR netattach-{program} "no API server: this is not a pod of a cluster: Service host/port is not set.'
        in done.stderr
    )
    assert "Traceback" not in done.stderr

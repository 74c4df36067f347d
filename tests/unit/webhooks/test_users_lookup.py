"""Which pods use a network: what is asked of the API server, and what is said where that does not tell all."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest
from aiohttp import web

from netattach_core import admission
from netattach_core.admission import NetworkUsers
from netattach_core.api.network_selection import SelectionSettings
from netattach_core.api.networks_annotation import NETWORKS
from netattach_core.api.objects import Key
from netattach_kube.api import Api
from netattach_kube.resource import PODS, Resource
from netattach_webhooks import users_lookup
from netattach_webhooks.users_lookup import NetworkNodes, UsersLookup
from support import api_server, virtual_time
from support.api_server import ApiServer, Request
from unit.webhooks.harness import run

NET = ("lab", "net")
EVERYWHERE = SelectionSettings()
ISOLATED = SelectionSettings(isolated=True)


def put_pod(server: ApiServer, name: str, node: str = "", namespace: str = "lab", **metadata: Any) -> Key:
    annotations = {NETWORKS: "lab/net", **metadata.pop("annotations", {})}
    body = {
        "metadata": {"namespace": namespace, "name": name, "annotations": annotations, **metadata},
        "spec": {"nodeName": node},
        "status": {"phase": "Running" if node else "Pending"},
    }
    server.put(PODS, body)
    return namespace, name


async def found(
    server: ApiServer,
    reporting: Sequence[str] = (),
    silent: Sequence[str] = (),
    settings: SelectionSettings = EVERYWHERE,
) -> NetworkUsers:
    return await UsersLookup(server.api).find(NET, NetworkNodes(reporting, silent), settings)


def lists(server: ApiServer) -> list[Request]:
    return [each for each in server.requests if each.path.endswith("/pods")]


def test_without_nodes_only_pending_pods_are_listed() -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            pending = put_pod(server, "pending")
            put_pod(server, "running", "node1")

            assert NetworkUsers((pending,)) == await found(server)
            (only,) = lists(server)
            assert {"fieldSelector": "status.phase=Pending", "resourceVersion": "0"} == only.query

    run(scenario)


def test_a_node_that_claims_to_have_pods_is_believed_as_far_as_its_pods_ask_for_the_network() -> None:
    """A daemon may be captured: neither what it reports nor pods of other nodes make a user."""

    async def scenario() -> None:
        async with api_server.serving() as server:
            put_pod(server, "another", "captured", annotations={NETWORKS: "lab/other"})
            put_pod(server, "elsewhere", "node2")

            assert NetworkUsers() == await found(server, ["captured"])
            assert NetworkUsers((("lab", "elsewhere"),)) == await found(server, ["captured", "node2"])

    run(scenario)


def test_pods_that_have_ended_do_not_count() -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            for phase in ("Succeeded", "Failed"):
                put_pod(server, phase.lower(), "node1")
                body = server.read(PODS, phase.lower(), "lab")
                server.put(PODS, {**body, "status": {"phase": phase}})

            assert NetworkUsers() == await found(server, ["node1"])

    run(scenario)


def test_where_namespaces_are_isolated_only_the_network_s_own_is_listed() -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            own = put_pod(server, "own", "node1")
            put_pod(server, "foreign", "node1", namespace="shop")

            assert NetworkUsers((own,)) == await found(server, ["node1"], settings=ISOLATED)
            assert {"/api/v1/namespaces/lab/pods"} == {each.path for each in lists(server)}

    run(scenario)


def test_of_many_nodes_some_are_asked_at_random() -> None:
    names = [f"node{number:03}" for number in range(300)]

    async def scenario() -> None:
        async with api_server.serving() as server:
            put_pod(server, "pending")
            users = await found(server, names, ["silent1", "silent2"])
            first = {each.query["fieldSelector"] for each in lists(server)}
            await found(server, names)
            second = {each.query["fieldSelector"] for each in lists(server)[len(first) :]}

            assert 33 == len(first) == len(second)
            assert first != second
            assert (
                "the pods of 268 of 300 nodes with attached pods are not known (at most 32 are asked); "
                "the pods of 2 of 2 nodes that do not report attached pods are not known (at most 32 are asked)"
            ) == users.unknown
            assert (("lab", "pending"),) == users.pods
            assert not users.unverified

    run(scenario)


@pytest.mark.parametrize("status", [403, 429, 500, 504])
def test_an_error_leaves_the_pods_of_that_node_unknown(status: int) -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            known = put_pod(server, "known", "node1")
            server.fail(status, path="/pods")  # that of pending pods or of a node
            server.fail(status, path="/pods")
            users = await found(server, ["node1", "node2", "node3"])

            assert str(status) in users.unknown
            assert users.unverified
            assert set(users.pods) <= {known}

    run(scenario)


def test_an_error_for_pending_pods_verifies_the_nodes_all_the_same() -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            known = put_pod(server, "known", "node1")
            server.fail(500, path="/pods")  # the first list
            users = await found(server, ["node1"])

            assert ((known,), False) == (users.pods, users.unverified)
            assert users.unknown.startswith("not all pending pods are known (GET /api/v1/pods: ")

    run(scenario)


def test_an_error_for_a_node_that_does_not_report_is_unknown_and_not_unverified() -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            server.fail(500, path="/pods", times=2)
            users = await found(server, silent=["old"])

            assert "the pods of 1 of 1 nodes that do not report attached pods are not known" in users.unknown
            assert not users.unverified

    run(scenario)


def test_an_api_server_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(users_lookup, "_SECONDS", 0.05)

    async def scenario() -> None:
        async with api_server.serving() as server:
            server.delay = 60
            users = await found(server, ["node1", "node2"])

            assert () == users.pods
            assert users.unverified
            assert "the pods of 2 of 2 nodes with attached pods are not known" in users.unknown
            assert "does not answer in time" in users.unknown

    run(scenario)


class HangingApi:
    """Answers the list of pending pods, and that of one node; lists of other nodes do not end unless `answers_all`."""

    def __init__(self, *, answers_all: bool = False) -> None:
        self.answers_all = answers_all
        self.lists = 0

    async def metadata_text(self, _: Resource, query: Mapping[str, str], *__: Any, **___: Any) -> str:
        self.lists += 1
        fields = query["fieldSelector"]
        if "node" in fields and "node1" not in fields and not self.answers_all:
            await asyncio.sleep(1e6)
        name = "running" if "node1" in fields else "pending"
        metadata = {"namespace": "lab", "name": name, "annotations": {NETWORKS: "net"}}
        return json.dumps({"items": [{"metadata": metadata}]})

    def lookup(self) -> UsersLookup:
        return UsersLookup(cast("Api", self))


class Thread:
    """In place of the thread that reads lists, on a loop with virtual time: it goes on when `may_end` is set."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(users_lookup, "_SECONDS", 1.5)
        monkeypatch.setattr(users_lookup, "run_in", self._run_in)
        self.texts = 0
        self.may_end = asyncio.Event()

    async def _run_in(self, _: ThreadPoolExecutor, function: Callable[..., Any], *args: Any) -> Any:
        self.texts += 1
        await self.may_end.wait()
        self.texts -= 1
        return function(*args)


def test_what_was_listed_in_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    Thread(monkeypatch).may_end.set()

    async def scenario() -> None:
        lookup, nodes = HangingApi().lookup(), NetworkNodes(["node1", "node2", "node3"])
        first, second, third = await asyncio.gather(*(lookup.find(NET, nodes, EVERYWHERE) for _ in range(3)))

        assert first == second
        assert (("lab", "pending"), ("lab", "running")) == first.pods
        assert (
            "the pods of 2 of 3 nodes with attached pods are not known (the API server does not answer in time)"
            == first.unknown
        )
        assert 1.5 == asyncio.get_running_loop().time()
        assert () == third.pods  # it waited for the others
        assert all(each.unverified for each in (first, third))

    virtual_time.run(scenario())


def test_of_very_many_lookups_at_once_some_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    Thread(monkeypatch).may_end.set()
    waiting: list[NetworkUsers] = []

    async def find(lookup: UsersLookup) -> None:
        users = await lookup.find(NET, NetworkNodes(["node2", "node3"]), EVERYWHERE)
        if asyncio.get_running_loop().time() == 0:
            assert "too many networks are changed or deleted at once" in users.unknown
            assert users.unverified
        else:
            waiting.append(users)

    async def scenario() -> None:
        lookup = HangingApi().lookup()
        await asyncio.gather(*(find(lookup) for _ in range(50)))

        assert 2 + 32 == len(waiting)
        assert 1.5 == asyncio.get_running_loop().time()
        await lookup.find(NET, NetworkNodes(["node1"]), EVERYWHERE)
        assert 1.5 == asyncio.get_running_loop().time()  # no slot is left taken

    virtual_time.run(scenario())


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_lookup_keeps_its_slot_until_its_lists_have_been_read(
    monkeypatch: pytest.MonkeyPatch, *, cancelled: bool
) -> None:
    """Nobody waits for it any more, and its text is still there: each later lookup would add another."""
    thread = Thread(monkeypatch)

    async def scenario() -> None:
        api = HangingApi(answers_all=True)
        lookup, nodes = api.lookup(), NetworkNodes(["node1", "node2"])
        for _ in range(3):
            finds = [asyncio.create_task(lookup.find(NET, nodes, EVERYWHERE)) for _ in range(5)]
            await asyncio.sleep(1)
            for find in finds if cancelled else ():
                find.cancel()
            for found in await asyncio.gather(*finds, return_exceptions=True):
                assert isinstance(found, asyncio.CancelledError if cancelled else NetworkUsers)
            assert (4, 4) == (api.lists, thread.texts)
        assert (3.0 if cancelled else 4.5) == asyncio.get_running_loop().time()

        await asyncio.sleep(1)
        thread.may_end.set()
        await asyncio.sleep(1)
        assert (4, 0, set()) == (api.lists, thread.texts, lookup._running)  # no list is requested for nobody
        users = await lookup.find(NET, nodes, EVERYWHERE)
        assert NetworkUsers((("lab", "pending"), ("lab", "running"))) == users

    virtual_time.run(scenario())


def test_a_connection_that_is_lost_is_an_unknown() -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            server.away = True
            users = await found(server, ["node1"])

            assert "cannot be reached" in users.unknown
            assert users.unverified

    run(scenario)


@pytest.mark.parametrize("node", ["node1", ""])
def test_of_a_list_that_is_too_large_the_network_s_own_pods_are_known(
    monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    """Pods of other namespaces with annotations of 256 KiB hide none of them, and keep no protected network."""
    limit = 100_000
    monkeypatch.setattr(users_lookup, "_NODE_BYTES", limit)
    monkeypatch.setattr(users_lookup, "_PENDING_BYTES", limit)

    async def scenario() -> None:
        async with api_server.serving() as server:
            own = put_pod(server, "own", node)
            put_pod(server, "large", node, "shop", annotations={"note": "x" * 256 * 1024})
            users = await found(server, ["node1"])

            assert ((own,), False) == (users.pods, users.unverified)
            assert f"more than {limit} bytes" in users.unknown

    run(scenario)


@pytest.mark.parametrize("status", [429, 500, 403])
def test_where_the_network_s_own_pods_cannot_be_listed_either_a_protected_network_is_kept(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(users_lookup, "_NODE_BYTES", 100_000)

    async def scenario() -> None:
        async with api_server.serving() as server:
            put_pod(server, "own", "node1")
            put_pod(server, "large", "node1", "shop", annotations={"note": "x" * 256 * 1024})
            server.fail(status, path="/namespaces/lab/pods", times=10)
            users = await found(server, ["node1"])

            assert ((), True) == (users.pods, users.unverified)

    run(scenario)


def test_of_pods_that_are_too_many_in_the_network_s_own_namespace_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(users_lookup, "_PENDING_BYTES", 10_000)

    async def scenario() -> None:
        async with api_server.serving() as server:
            for number in range(100):
                put_pod(server, f"p{number}")
            for settings in (EVERYWHERE, ISOLATED):
                users = await found(server, settings=settings)

                assert () == users.pods
                assert "not all pending pods are known" in users.unknown

    run(scenario)


@pytest.mark.parametrize("text", ["lab/net", "{}", '{"items": [{"metadata": ', '{"items": "lab/net"}'])
def test_a_response_that_is_no_list_is_an_unknown(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    async def scenario() -> None:
        async with api_server.serving() as server:
            monkeypatch.setattr(server, "_list", lambda *_: web.Response(text=text))

            users = await found(server, ["node1"])
            assert "not a list of the API" in users.unknown
            assert ((), True) == (users.pods, users.unverified)

    run(scenario)


def test_lookups_at_once_wait_for_each_other_and_share_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[str] = set()
    users_in = admission.users_in

    def noted(*args: Any) -> set[Key]:
        threads.add(threading.current_thread().name)
        return users_in(*args)

    monkeypatch.setattr(admission, "users_in", noted)

    async def scenario() -> None:
        async with api_server.serving() as server:
            pod = put_pod(server, "p", "node1")
            lookup, busy, most = UsersLookup(server.api), 0, 0
            text = server.api.metadata_text

            async def counted(*args: Any, **more: Any) -> Any:
                nonlocal busy, most
                busy += 1
                most = max(most, busy)
                try:
                    return await text(*args, **more)
                finally:
                    busy -= 1

            server.api.metadata_text = counted  # type: ignore[method-assign]
            nodes = NetworkNodes(("node1", "node2", "node3"))
            answers = await asyncio.gather(*(lookup.find(NET, nodes, EVERYWHERE) for _ in range(20)))

            assert [NetworkUsers((pod,))] * 20 == answers
            assert 4 >= most
            assert {"users_0"} == threads

    run(scenario)

"""The program that `helm test` runs: what works is no problem, and what does not is named."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from netattach_kube.resource import DAEMON_SETS, INVENTORIES
from netattach_operator import verify
from support import api_server
from support.api_server import ApiServer

NS, NODE_NS = "netattach-system", "netattach-node"
PROGRAM = "import sys; from netattach_operator import verify; sys.exit(verify.main())"
DENIED = 'admission webhook "nads.netattach.io" denied the request: deny [json-syntax] config'


def cluster(server: ApiServer, *, wanted: int = 2, ready: int = 2, inventories: int = 2) -> None:
    status = {"desiredNumberScheduled": wanted, "numberReady": ready}
    named = {"namespace": NODE_NS, "name": "netattach-daemon"}
    server.put(DAEMON_SETS, {"metadata": named, "status": status})
    for number in range(inventories):
        server.put(INVENTORIES, {"metadata": {"name": f"node{number}"}})


def problems(code: int = 403, message: str = DENIED, **state: Any) -> list[str]:
    """What is found where the API server answers this to the broken network; `code` 0: it accepts it."""

    async def scenario() -> list[str]:
        async with api_server.serving() as server:
            cluster(server, **state)
            if code:
                server.fail(code, message, method="POST")
            found = [each async for each in verify.problems(server.api, NS)]
            (tried,) = [each for each in server.requests if each.method == "POST"]
            assert {"dryRun": "All"} == tried.query
            return found

    return asyncio.run(scenario())


def test_an_installation_that_works_has_no_problem() -> None:
    assert [] == problems()


def test_a_daemon_that_is_not_ready_is_counted() -> None:
    assert [
        "1 of 2 daemons are ready; the events of the others say why: kubectl --namespace netattach-node describe pods"
    ] == (problems(ready=1))


def test_a_cluster_without_daemons_is_no_success() -> None:
    (found,) = problems(wanted=0, ready=0, inventories=0)

    assert found.startswith("no node runs a daemon")


def test_a_missing_inventory_is_counted() -> None:
    assert ["1 of 2 nodes have published their inventory: kubectl get nodenetworkinventories"] == problems(
        inventories=1
    )


def test_a_broken_network_that_is_admitted_is_a_problem() -> None:
    (found,) = problems(code=0)

    assert found.startswith("a broken network is admitted")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (500, 'failed calling webhook "nads.netattach.io": connection refused'),
        (403, "networks is forbidden: User cannot create resource"),
    ],
)
def test_a_refusal_by_anybody_else_is_a_problem(code: int, message: str) -> None:
    (found,) = problems(code=code, message=message)

    assert found.startswith("a network cannot be validated: ")
    assert message in found


def test_an_api_server_that_does_not_answer_is_a_problem_of_each_check() -> None:
    async def scenario() -> list[str]:
        async with api_server.serving() as server:
            server.away = True
            return [each async for each in verify.problems(server.api, NS)]

    assert 2 == len(asyncio.run(scenario()))


@pytest.mark.parametrize(
    ("ready", "status", "said"),
    [(2, 0, "each node has a daemon that is ready"), (1, 1, "1 of 2 daemons are ready")],
)
def test_the_program_ends_with_a_status_and_says_why(
    tmp_path: Path, ready: int, status: int, said: str
) -> None:
    async def scenario() -> tuple[int | None, str]:
        async with api_server.serving() as server:
            cluster(server, ready=ready)
            server.fail(403, DENIED, method="POST")
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", PROGRAM),
                env={**os.environ, "KUBECONFIG": str(_kubeconfig(tmp_path, server.url))},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            text, _ = await process.communicate()
            return process.returncode, text.decode()

    ended, text = asyncio.run(scenario())

    assert status == ended
    assert said in text


def _kubeconfig(directory: Path, url: str) -> Path:
    body = {
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(body))
    return path

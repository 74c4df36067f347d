"""The process as a whole: it leads, reports readiness, and ends with its exit statuses."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import kopf
import pytest

from netattach_kube import lease
from netattach_kube.program import FAILED, MISUSED, OK
from netattach_kube.resource import CRDS, EVENTS, INVENTORIES, LEASES, NADS, NODES, SECRETS
from netattach_operator import __main__ as program
from netattach_operator import crds, settings
from netattach_operator.__main__ import NO_LEADER, Operator
from netattach_operator.settings import Settings
from support import api_server, require
from support.api_server import ApiServer

OURS = crds.read(require.REPOSITORY / "crds")
NS = "netattach-system"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NS}/leases"
SETTINGS = Settings(identity="me", health="127.0.0.1:0")


def nad(name: str, config: str = '{"cniVersion": "1.0.0", "type": "tap"}') -> dict[str, Any]:
    return {"metadata": {"namespace": "ns", "name": name}, "spec": {"config": config}}


class Scene:
    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.stop = asyncio.Event()
        self.operator = Operator(server.api, SETTINGS, OURS, lambda _: kopf.ConnectionInfo(server=server.url))
        self.status: int | None = None

    async def run(self) -> None:
        self.status = await self.operator.run(self.stop)

    async def get(self, path: str) -> tuple[int, str]:
        url = f"http://127.0.0.1:{self.operator.port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status, await response.text()

    async def becomes(self, status: int, text: str = "") -> None:
        while self.status is None:
            with suppress(aiohttp.ClientError):
                is_status, is_text = await self.get("/readyz")
                if is_status == status and text in is_text:
                    return
            await asyncio.sleep(0.02)

    async def leads(self) -> None:
        """A candidate is ready too."""
        await self.server.until(lambda: self.server.has(LEASES, "netattach-operator", NS))
        while self.operator._leader is None:  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0.01)
        await self.becomes(200)

    def valid(self, name: str) -> str:
        if not self.server.has(NADS, name, "ns"):
            return ""
        conditions = self.server.read(NADS, name, "ns").get("status", {}).get("conditions", [])
        return str(conditions[0]["status"]) if conditions else ""

    def agents(self) -> set[str]:
        return {one.user_agent.split("/")[0] for one in self.server.requests if one.user_agent}

    def holder(self) -> Any:
        return self.server.read(LEASES, "netattach-operator", NS)["spec"]["holderIdentity"]


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            await act(Scene(server))

    asyncio.run(story())


@asynccontextmanager
async def running(scene: Scene) -> Any:
    """Stops the operator at the end of the block, and checks its status."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(scene.run())
        yield
        scene.stop.set()
    assert OK == scene.status


def test_in_an_empty_cluster_everything_is_brought_up_to_date() -> None:
    """CRDs, certificates, the status of existing NADs, and the number of their pods."""

    async def act(scene: Scene) -> None:
        server = scene.server
        server.put(NADS, nad("valid"))
        server.put(NADS, nad("invalid", "{,}"))
        server.put(NODES, {"metadata": {"name": "n1"}})
        async with running(scene):
            await scene.leads()
            await server.until(lambda: (scene.valid("valid"), scene.valid("invalid")) == ("True", "False"))
            server.put(NADS, nad("new"))
            await server.until(lambda: scene.valid("new") == "True")
            networks = [
                {"network": f"ns/{name}", "pods": count} for name, count in (("valid", 2), ("invalid", 1))
            ]
            status = {"plugins": [{"name": "bridge"}], "attached": {"pods": 2, "networks": networks}}
            server.put(INVENTORIES, {"metadata": {"name": "n1"}, "status": status})
            await server.until(lambda: scene.valid("new") == "False")
            await server.until(lambda: server.read(NADS, "valid", "ns")["status"].get("pods") == 2)
            await server.until(lambda: server.read(NADS, "invalid", "ns")["status"].get("pods") == 1)

        assert {crd["metadata"]["name"] for crd in OURS} == {b["metadata"]["name"] for b in server.all(CRDS)}
        assert 2 == len(server.all(SECRETS))

    played(act)


def test_only_the_status_of_nads_is_written() -> None:
    async def act(scene: Scene) -> None:
        before = scene.server.put(NADS, nad("a"))
        async with running(scene):
            await scene.server.until(lambda: scene.valid("a") == "True")

        after = scene.server.read(NADS, "a", "ns")
        del after["status"], after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]
        assert before == after
        writes = [one for one in scene.server.requests if one.method != "GET" and NADS.plural in one.path]
        assert {"status"} == {
            one.path.rsplit("/", 1)[-1] for one in writes if "customresource" not in one.path
        }

    played(act)


def test_all_requests_have_a_user_agent() -> None:
    """For the API server's audit log; kopf's watches have kopf's."""

    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.server.until(lambda: {"netattach-test", "kopf"} == scene.agents())

    played(act)


def test_the_lease_is_released_at_the_end() -> None:
    async def act(scene: Scene) -> None:
        async with running(scene):
            await scene.leads()
            assert "me" == scene.holder()

        assert "" == scene.holder()

    played(act)


def test_metrics_have_the_leader_and_the_nads() -> None:
    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad("a"))
        async with running(scene):
            await scene.server.until(lambda: scene.valid("a") == "True")
            _, text = await scene.get("/metrics")

        assert "netattach_operator_leader 1.0" in text
        assert 'netattach_nads{valid="true"} 1.0' in text

    played(act)


def test_a_candidate_is_ready_and_only_reads_the_lease() -> None:
    async def act(scene: Scene) -> None:
        held = {
            "holderIdentity": "other",
            "renewTime": "2026-01-01T00:00:00.000000Z",
            "leaseDurationSeconds": 600,
        }
        scene.server.put(LEASES, {"metadata": {"namespace": NS, "name": "netattach-operator"}, "spec": held})
        async with running(scene):
            await scene.server.asked(f"GET {LEASE}", 2)
            await scene.becomes(200)
            _, text = await scene.get("/metrics")

        assert "netattach_operator_leader 0.0" in text
        assert {LEASE + "/netattach-operator"} == {one.path for one in scene.server.requests}

    played(act)


def test_an_api_that_is_unreachable_at_the_start_is_waited_for() -> None:
    async def act(scene: Scene) -> None:
        scene.server.away = True
        scene.server.put(NADS, nad("a"))
        async with running(scene):
            await scene.server.asked(LEASE, 3)
            scene.server.away = False
            await scene.server.until(lambda: scene.valid("a") == "True")

    played(act)


def test_it_can_be_stopped_while_the_api_is_unreachable() -> None:
    async def act(scene: Scene) -> None:
        scene.server.away = True
        async with running(scene):
            await scene.server.asked(LEASE, 2)

    played(act)


def test_a_lost_lease_ends_the_process_with_a_status_of_its_own() -> None:
    async def act(scene: Scene) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(scene.run())
            await scene.leads()
            taken = scene.server.read(LEASES, "netattach-operator", NS)
            taken["spec"]["holderIdentity"] = "other"
            scene.server.put(LEASES, taken)

        assert NO_LEADER == scene.status
        assert "other" == scene.holder()

    played(act)


def test_an_api_that_is_unreachable_for_long_ends_the_process_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another one may lead by then."""

    async def act(scene: Scene) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(scene.run())
            await scene.leads()
            monkeypatch.setattr(lease, "_RENEW_WITHIN", 0.2)
            scene.server.away = True

        assert NO_LEADER == scene.status

    played(act)


def test_kopf_that_ends_by_itself_ends_the_process(caplog: pytest.LogCaptureFixture) -> None:
    async def act(scene: Scene) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(scene.run())
            scene.server.fail(404, path=INVENTORIES.plural, method="WATCH")

        assert FAILED == scene.status
        assert "kopf has ended by itself" in caplog.text
        assert "" == scene.holder()

    played(act)


def test_a_refused_crd_is_reported_and_the_certificates_are_issued_all_the_same() -> None:
    """The webhooks need them."""

    async def act(scene: Scene) -> None:
        scene.server.fail(422, "not this one", method="PATCH", path=CRDS.plural, times=10**6)
        async with running(scene):
            await scene.becomes(503, "not this one")
            await scene.server.until(lambda: len(scene.server.all(SECRETS)) == 2)

    played(act)


def test_an_upstream_crd_that_cannot_be_replaced_is_used() -> None:
    async def act(scene: Scene) -> None:
        for crd in OURS:
            scene.server.put(CRDS, {**crd, "metadata": {"name": crd["metadata"]["name"]}})
        scene.server.fail(422, "not this one", method="PATCH", path=CRDS.plural, times=10**6)
        scene.server.put(NADS, nad("a"))
        async with running(scene):
            await scene.server.until(lambda: scene.valid("a") == "True")
            await scene.becomes(503, "not this one")

    played(act)


@pytest.mark.parametrize(
    "variables", [{"NETATTACH_HEALTH": "x"}, {"NETATTACH_CRDS": "/nowhere"}], ids=["an address", "no CRDs"]
)
def test_settings_that_cannot_be_read_end_it_at_once(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    read = settings.from_environment
    monkeypatch.setattr(settings, "from_environment", lambda: read(variables))

    assert MISUSED == program.main()
    assert " ERROR netattach-operator " in capsys.readouterr().err


def test_as_a_program_it_ends_on_sigterm_with_status_0(tmp_path: Path) -> None:
    """With a kubeconfig, signals and all."""

    async def act(scene: Scene) -> None:
        scene.server.put(NADS, nad("a"))
        kubeconfig = tmp_path / "config"
        kubeconfig.write_text(
            "{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], "
            f"clusters: [{{name: c, cluster: {{server: '{scene.server.url}'}}}}], users: [{{name: u, user: {{}}}}]}}"
        )
        variables = {
            **os.environ,
            "KUBECONFIG": str(kubeconfig),
            "NETATTACH_CRDS": str(require.REPOSITORY / "crds"),
            "NETATTACH_HEALTH": "127.0.0.1:0",
            "NETATTACH_IDENTITY": "program",
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "netattach_operator", env=variables, stderr=asyncio.subprocess.PIPE
        )
        async with asyncio.timeout(api_server.PATIENCE):
            await scene.server.until(lambda: scene.valid("a") == "True" or process.returncode is not None)
            process.send_signal(signal.SIGTERM)
            _, log = await process.communicate()

        assert (OK, "True") == (process.returncode, scene.valid("a"))
        assert "program leads" in log.decode()
        assert "Traceback" not in log.decode()
        assert "" == scene.holder()
        assert [] == [event["reason"] for event in scene.server.all(EVENTS)]
        assert "netattach-operator" in scene.agents()

    played(act)

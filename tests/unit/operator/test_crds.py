"""Our CRDs replace upstream's, and never at the cost of objects."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from netattach_core.errors import ConfigError, RefusedError, TryAgainError
from netattach_kube.resource import CRDS, EVENTS, NADS
from netattach_operator import crd_keeper, crds
from netattach_operator.crd_keeper import CrdKeeper
from netattach_operator.crds import Action
from netattach_operator.metrics import Metrics
from support import api_server, require
from support.api_server import ApiServer

OURS = crds.read(require.REPOSITORY / "crds")
NAD = next(one for one in OURS if one["spec"]["group"] == NADS.group)
NAME = NAD["metadata"]["name"]


def upstream() -> dict[str, Any]:
    """As in the manifest of Multus: without status, columns and our short name."""
    body = copy.deepcopy(NAD)
    body["metadata"] = {"name": NAME, "annotations": {"from": "multus"}}
    version = body["spec"]["versions"][0]
    del version["subresources"], version["additionalPrinterColumns"]
    body["spec"]["names"]["shortNames"] = ["net-attach-def"]
    return body


def live(change: Callable[[dict[str, Any]], object] = lambda _: None) -> dict[str, Any]:
    """Ours as a server returns it: with its defaults."""
    body = copy.deepcopy(NAD)
    body["spec"] |= {"conversion": {"strategy": "None"}, "preserveUnknownFields": False}
    body["status"] = {"storedVersions": ["v1"], "conditions": [{"type": "Established", "status": "True"}]}
    change(body)
    return body


def test_the_files_are_those_of_our_two_kinds() -> None:
    assert {"NetworkAttachmentDefinition", "NodeNetworkInventory"} == {
        one["spec"]["names"]["kind"] for one in OURS
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(None, "there is no CRD", id="no file"),
        pytest.param("kind: [", "cannot be read", id="no YAML"),
        pytest.param("kind: Pod", "x.yaml is not a CustomResourceDefinition", id="another kind"),
        pytest.param("7", "x.yaml is not a CustomResourceDefinition", id="no object"),
    ],
)
def test_an_image_without_its_crds_is_an_error(tmp_path: Path, text: str | None, problem: str) -> None:
    if text is not None:
        (tmp_path / "x.yaml").write_text(text)

    with pytest.raises(ConfigError, match=problem):
        crds.read(tmp_path)


def test_a_missing_crd_is_created() -> None:
    assert Action.CREATE is crds.decide(NAD, None)[0]


def test_a_crd_that_contains_all_of_ours_is_kept() -> None:
    """Whatever the server or another manager has added."""
    assert (Action.KEEP, "") == crds.decide(NAD, live())
    assert Action.KEEP is crds.decide(NAD, live(lambda b: b["metadata"]["labels"].update(team="x")))[0]


def test_the_crd_of_upstream_is_adopted() -> None:
    assert Action.ADOPT is crds.decide(NAD, upstream())[0]


def test_the_reason_is_the_path_that_differs() -> None:
    changed = live(lambda b: b["spec"]["versions"][0].pop("subresources"))

    assert (Action.ADOPT, "its spec.versions[0].subresources differed") == crds.decide(NAD, changed)


def _another_version(body: dict[str, Any]) -> None:
    body["spec"]["versions"].append({"name": "v2", "served": True, "storage": False})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(
            lambda b: b["status"].update(storedVersions=["v1", "v1beta1"]),
            "objects are stored in version v1beta1, which ours does not have",
            id="objects in a version that ours does not have",
        ),
        pytest.param(_another_version, "it has version v2, which ours does not have", id="a newer version"),
        pytest.param(
            lambda b: b["spec"].update(conversion={"strategy": "Webhook"}),
            "it converts between versions (Webhook), and ours does not",
            id="a conversion",
        ),
    ],
)
def test_a_crd_with_more_than_ours_is_kept_as_it_is(
    change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    assert (Action.KEEP_FOREIGN, reason) == crds.decide(NAD, live(change))


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        pytest.param([], (False, "the API server does not serve it yet"), id="nothing yet"),
        pytest.param([{"type": "Established", "status": "True"}], (True, ""), id="established"),
        pytest.param(
            [
                {"type": "Established", "status": "False", "message": "not all names are accepted"},
                {"type": "NamesAccepted", "status": "False", "message": '"nad" is already in use'},
            ],
            (False, '"nad" is already in use'),
            id="a short name of another kind",
        ),
    ],
)
def test_a_crd_is_established_when_the_server_says_so(
    conditions: list[dict[str, str]], expected: tuple[bool, str]
) -> None:
    assert expected == crds.is_established({"status": {"conditions": conditions}})


def played(act: Callable[[ApiServer, CrdKeeper, Metrics], Awaitable[None]]) -> None:
    async def story() -> None:
        async with api_server.serving() as server, asyncio.timeout(api_server.PATIENCE):
            metrics = Metrics()
            await act(server, CrdKeeper(server.api, [NAD], metrics), metrics)

    asyncio.run(story())


def reasons(server: ApiServer) -> list[str]:
    return [event["reason"] for event in server.all(EVENTS)]


def patches(server: ApiServer) -> int:
    return sum(request.method == "PATCH" for request in server.requests)


def test_an_upstream_crd_is_adopted_with_all_its_nads() -> None:
    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        server.put(CRDS, upstream())
        nad = server.put(NADS, {"metadata": {"namespace": "ns", "name": "old"}, "spec": {"config": "{}"}})

        await keeper.keep(NAD)

        after = server.read(CRDS, NAME)
        assert NAD["spec"] == after["spec"]
        assert {"from": "multus"} == after["metadata"]["annotations"]
        assert nad == server.read(NADS, "old", "ns")
        assert ["Adopted"] == reasons(server)
        assert after["metadata"]["uid"] == server.all(EVENTS)[0]["involvedObject"]["uid"]

    played(act)


def test_it_is_applied_with_our_field_manager_and_by_force() -> None:
    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        await keeper.keep(NAD)

        applied = next(request for request in server.requests if request.method == "PATCH")
        assert "application/apply-patch+yaml" == applied.content_type
        assert {"fieldManager": "netattach-operator", "force": "true"} == applied.query
        assert [] == reasons(server)

    played(act)


def test_a_crd_that_is_up_to_date_is_not_written() -> None:
    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        server.put(CRDS, live())

        await keeper.keep(NAD)

        assert 0 == patches(server)

    played(act)


def test_a_crd_that_is_not_adopted_is_reported_once() -> None:
    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        server.put(CRDS, live(_another_version))

        await keeper.keep(NAD)
        await keeper.keep(NAD)

        assert 0 == patches(server)
        assert ["NotAdopted"] == reasons(server)

    played(act)


def test_against_another_manager_it_is_applied_once_per_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two never compete."""

    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        for _ in range(3):
            server.put(CRDS, {**upstream(), "status": live()["status"]})
            await keeper.keep(NAD)
        assert 1 == patches(server)

        monkeypatch.setattr(crd_keeper, "_EVERY", 0)
        await keeper.keep(NAD)

        assert 2 == patches(server)
        assert ["Adopted", "AppliedAgain"] == reasons(server)
        assert 2 == metrics.registry.get_sample_value("netattach_crd_applies_total", {"crd": NAME})

    played(act)


def test_a_crd_that_the_server_refuses_is_an_error() -> None:
    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        server.fail(422, "spec is invalid", method="PATCH")

        with pytest.raises(RefusedError, match="spec is invalid"):
            await keeper.keep(NAD)

    played(act)


def test_a_crd_that_is_not_established_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crd_keeper, "_POLLS", 2)
    refused = [{"type": "NamesAccepted", "status": "False", "message": "taken"}]

    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        server.put(CRDS, live(lambda b: b["status"].update(conditions=refused)))

        with pytest.raises(TryAgainError, match="taken"):
            await keeper.keep(NAD)

    played(act)


def test_a_failure_is_retried_and_reported_meanwhile() -> None:
    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        assert "the CRDs have not been applied yet" == keeper.problem
        server.fail(503, method="PATCH", times=3)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(keeper.run())
            await server.asked("PATCH", 2)
            assert keeper.problem
            assert f"CRD {NAME} is not up to date" in keeper.problem
            await keeper.served()
            while keeper.problem:  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)
            running.cancel()

        assert 4 == patches(server)

    played(act)


def test_kinds_are_served_once_discovery_lists_them() -> None:
    """Also those of an upstream CRD, where ours is refused."""

    async def act(server: ApiServer, keeper: CrdKeeper, metrics: Metrics) -> None:
        async with asyncio.TaskGroup() as tasks:
            served = tasks.create_task(keeper.served())
            await server.asked(f"/apis/{NADS.group}", 2)
            assert not served.done()
            server.put(CRDS, upstream())

    played(act)

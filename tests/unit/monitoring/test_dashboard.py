"""The dashboard and the alerts in a real Prometheus that scrapes the three programs: no query is without an answer."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import kopf
import pytest

from netattach_kube.resource import NADS
from netattach_operator import crds
from netattach_operator.__main__ import Operator
from netattach_operator.settings import Settings as OperatorSettings
from netattach_plugin.wiring import cluster, shared
from support import access_reviews, api_server, metric_names, prometheus, require
from support.access_reviews import AccessReviews
from support.api_server import ApiServer
from support.chart import CHART
from support.daemon_node import TWO, DaemonNode, EmptyPods, free_address
from support.prometheus import Prometheus
from support.twins import failed
from support.twins_of_links import FakeLinks
from unit.operator.conftest import _like_a_cluster, _short_pauses  # noqa: F401  # fixtures that are used by themselves
from unit.webhooks import harness as webhooks
from unit.webhooks.conftest import _key_pair
from unit.webhooks.harness import Harness

DASHBOARD = json.loads((CHART / "monitoring/dashboard.json").read_text())
VARIABLES = {"$__rate_interval": "20s", "$instance": ".*", "$network": ".*"}


def panels() -> Iterator[Mapping[str, Any]]:
    return (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


QUERIES = {
    f"{panel['title']}: {target['refId']}": target["expr"]
    for panel in panels()
    for target in panel["targets"]
}


def test_the_dashboard_names_metrics_that_exist() -> None:
    named = {name for query in QUERIES.values() for name in re.findall(r"\b(?:netattach|process)_\w+", query)}

    assert len(named) > 15
    assert set() == named - metric_names.exported()


def test_the_variables_name_metrics_and_labels_that_exist() -> None:
    queries = [each["definition"] for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]

    assert 2 == len(queries)
    for query in queries:
        found = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", query)
        assert found is not None
        metric, label = found.groups()
        assert metric in metric_names.exported()
        assert label in metric_names.labels()[metric.removesuffix("_count")] | {"instance"}


def test_each_panel_has_an_id_a_place_and_the_chosen_data_source() -> None:
    every = DASHBOARD["panels"]

    assert len({panel["id"] for panel in every}) == len(every)
    places = [tuple(panel["gridPos"][key] for key in ("x", "y")) for panel in every]
    assert len(set(places)) == len(places)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in every)
    sources = {each["datasource"]["uid"] for panel in panels() for each in (panel, *panel["targets"])}
    assert {"${datasource}"} == sources
    assert "datasource" in {each["name"] for each in DASHBOARD["templating"]["list"]}


@pytest.fixture
def access(monkeypatch: pytest.MonkeyPatch) -> AccessReviews:
    """The API server in memory reviews tokens too; it stores no reviews, as the real one."""
    reviews, create = AccessReviews(), ApiServer._create

    def answer(self: ApiServer, target: Any, body: dict[str, Any]) -> Any:
        if target.plural in access_reviews.PLURALS:
            return reviews.answer(target.plural, body["spec"])
        return create(self, target, body)

    monkeypatch.setattr(ApiServer, "_create", answer)
    return reviews


@asynccontextmanager
async def daemon(directory: Path) -> AsyncIterator[DaemonNode]:
    """Its metrics need a token."""
    async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
        node, stop = DaemonNode(server, directory), asyncio.Event()
        node.settings = dataclasses.replace(node.settings, metrics=free_address())
        node.settings.config.write_text("")
        task = tasks.create_task(cluster.serve(node.settings, stop))
        await node.ready()
        yield node
        stop.set()
        await task


@asynccontextmanager
async def operator() -> AsyncIterator[Operator]:
    async with api_server.serving() as server, asyncio.TaskGroup() as tasks:
        server.put(NADS, webhooks.nad("{,}", "broken") | {"metadata": {"namespace": "ns", "name": "broken"}})
        settings = OperatorSettings(identity="me", health="127.0.0.1:0")
        made = Operator(
            server.api,
            settings,
            crds.read(require.REPOSITORY / "crds"),
            lambda _: kopf.ConnectionInfo(server=server.url),
        )
        stop = asyncio.Event()
        task = tasks.create_task(made.run(stop))
        await server.until(lambda: bool(made.port) and "status" in server.read(NADS, "broken", "ns"))
        yield made
        stop.set()
        await task


async def busy(node: DaemonNode, reviews: Harness) -> None:
    """Pods come and go, one of them fails, and reviews have findings; until it is cancelled."""
    for number in range(10**6):
        pod = node.create_pod(f"p{number}", TWO)
        await node.call("ADD", pod, TWO)
        await node.call("DEL", pod, TWO)
        if number % 3 == 0:
            await node.call("ADD", pod, TWO, failed("no such master"))
        kind, config = "NetworkAttachmentDefinition", "{,}" if number % 2 else webhooks.VALID_CONFIG
        await reviews.post_review("nads", webhooks.review(kind, webhooks.nad(config)))
        await asyncio.sleep(0.2)


def jobs(node: DaemonNode, made: Operator, reviews: Harness) -> list[dict[str, Any]]:
    def job(component: str, target: str, **more: Any) -> dict[str, Any]:
        config = [{"targets": [target], "labels": {"component_of_target": component}}]
        return {"job_name": component, "static_configs": config, **more}

    return [
        job(
            "daemon",
            node.settings.metrics,
            scheme="https",
            tls_config={"insecure_skip_verify": True},
            authorization={"credentials": "good"},
        ),
        job("stranger", node.settings.metrics, scheme="https", tls_config={"insecure_skip_verify": True}),
        job("operator", f"127.0.0.1:{made.port}"),
        job("webhooks", f"127.0.0.1:{reviews.program.health_port}"),
    ]


async def answers(server: Prometheus, query: str) -> list[Any]:
    """The result once there is one."""
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    while not (found := await server.query(query)):  # noqa: ASYNC110  # only asking shows it
        await asyncio.sleep(0.2)
    return found


async def assert_all_is_answered(server: Prometheus) -> None:
    unanswered = dict(QUERIES)
    try:
        async with asyncio.timeout(api_server.PATIENCE):
            for name, query in QUERIES.items():
                await answers(server, query)
                del unanswered[name]
    except TimeoutError:
        pytest.fail(f"these have no answer: {unanswered}")


def test_every_query_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, access: AccessReviews
) -> None:
    """Those of the dashboard have values, and those of the alerts can be evaluated."""
    require.prometheus("prometheus")
    monkeypatch.setattr(shared, "NetlinkLinks", lambda: FakeLinks(EmptyPods()))

    async def story() -> None:
        async with AsyncExitStack() as started, asyncio.TaskGroup() as tasks:
            node = await started.enter_async_context(daemon(tmp_path))
            made = await started.enter_async_context(operator())
            reviews = await started.enter_async_context(webhooks.serving(_key_pair()))
            work = tasks.create_task(busy(node, reviews))
            scraped = prometheus.scraping(
                tmp_path, jobs(node, made, reviews), CHART / "monitoring/rules.yaml"
            )
            async with scraped as server:
                await assert_all_is_answered(server)
                rules = await server.rules()
                assert [] == [
                    (rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"
                ]
                targets = await server.targets()
                assert "401" in targets.pop("stranger")[1]
                assert {"good"} == {each["token"] for each in access.asked if "token" in each}
                assert {"daemon", "operator", "webhooks"} == targets.keys()
                assert {("up", "")} == set(targets.values())
                (failing,) = await server.query(
                    'sum(netattach_network_call_duration_seconds_count{network="cbr0",outcome="failure"})'
                )
                assert float(failing["value"][1]) > 0
            work.cancel()

    asyncio.run(story())

"""The cluster settings are followed, and an invalid text changes nothing."""

import asyncio
import logging
from collections.abc import Iterable

import pytest

from netattach_kube import cluster_settings, logs, watched
from netattach_kube.cluster_settings import ClusterSettings
from netattach_kube.live_settings import LiveSettings
from netattach_kube.resource import CONFIG_MAPS
from support import api_server
from support.api_server import ApiServer


def put(server: ApiServer, text: str) -> None:
    metadata = {"name": cluster_settings.NAME, "namespace": cluster_settings.NAMESPACE}
    server.put(CONFIG_MAPS, {"metadata": metadata, "data": {cluster_settings.KEY: text}})


def level() -> int:
    return logging.getLogger("netattach_webhooks.app").getEffectiveLevel()


def no_lab(settings: ClusterSettings) -> Iterable[str]:
    return ["lab is not a namespace"] if "lab" in settings.validation.selection.global_namespaces else []


def test_the_last_valid_settings_are_in_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watched, "_FIRST_PAUSE", 0.01)

    async def until(live: LiveSettings, *, isolated: bool, problem: str = "") -> None:
        def holds() -> bool:
            return live.current.validation.selection.isolated == isolated and problem in (live.problem or "")

        async with asyncio.timeout(api_server.PATIENCE):
            while not holds():  # noqa: ASYNC110  # it has no event
                await asyncio.sleep(0.01)

    async def story() -> None:
        changes: list[str] = []
        async with api_server.serving() as server:
            live = LiveSettings(server.api, no_lab, lambda: changes.append("changed"))
            running = asyncio.create_task(live.run())
            await live.synced.wait()
            assert ClusterSettings() == live.current

            put(server, "namespaceIsolation: true\nlogLevel: debug")
            await until(live, isolated=True)
            assert logging.DEBUG == level()
            for text, problem in (
                ("{", "is not YAML"),
                ("globalNamespaces: [lab]", "lab is not a namespace"),
            ):
                put(server, text)
                await until(live, isolated=True, problem=problem)
            assert live.current.validation.selection.isolated
            assert ["changed"] == changes

            put(server, "namespaceIsolation: false")
            await until(live, isolated=False)
            assert logging.INFO == level()
            assert live.problem is None
            put(server, "namespaceIsolation: true")
            await until(live, isolated=True)
            server.delete(CONFIG_MAPS, cluster_settings.NAME, cluster_settings.NAMESPACE)
            await until(live, isolated=False)
            running.cancel()
            await asyncio.wait([running])

    with logs.handled():
        asyncio.run(story())

"""Who may read metrics, and how little a stranger can make the API server do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest

from netattach_core.errors import TryAgainError
from netattach_kube import scrape_access
from netattach_kube.scrape_access import ScrapeAccess
from support.access_reviews import AccessReviews

OK, UNAUTHORIZED, FORBIDDEN = HTTPStatus.OK, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN
BUSY, UNKNOWN = HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE


class Scene:
    def __init__(self) -> None:
        self.api = AccessReviews()
        self.now = 1000.0
        self.access = ScrapeAccess(self.api, lambda: self.now)

    async def asks(self, token: str, address: str = "10.0.0.1") -> HTTPStatus:
        return await self.access.status(f"Bearer {token}", address)


def played(act: Callable[[Scene], Awaitable[None]]) -> None:
    async def story() -> None:
        await act(Scene())

    asyncio.run(story())


def test_a_token_of_a_user_who_may_read_metrics_is_allowed() -> None:
    async def act(scene: Scene) -> None:
        assert OK == await scene.asks("good")
        token, access = scene.api.asked
        assert {"token": "good"} == token
        assert ("prometheus", ["g"]) == (access["user"], access["groups"])
        assert {"path": "/metrics", "verb": "get"} == access["nonResourceAttributes"]

    played(act)


@pytest.mark.parametrize("header", ["", "good", "Basic Z29vZA==", "Bearer", "Bearer  "])
def test_without_a_bearer_token_nobody_is_asked(header: str) -> None:
    async def act(scene: Scene) -> None:
        assert UNAUTHORIZED == await scene.access.status(header, "10.0.0.1")
        assert [] == scene.api.asked

    played(act)


def test_a_stranger_is_refused() -> None:
    async def act(scene: Scene) -> None:
        assert [UNAUTHORIZED, FORBIDDEN] == [await scene.asks("invented"), await scene.asks("stranger")]

    played(act)


def test_an_answer_is_asked_for_once_until_it_is_old() -> None:
    async def act(scene: Scene) -> None:
        for token in ("good", "stranger", "invented"):
            for _ in range(100):
                await scene.asks(token)
        assert 2 + 2 + 1 == len(scene.api.asked)
        scene.now += scrape_access._ALLOWED
        scene.api.readers.clear()
        assert FORBIDDEN == await scene.asks("good")

    played(act)


def test_a_permission_that_was_granted_meanwhile_counts_soon() -> None:
    async def act(scene: Scene) -> None:
        assert FORBIDDEN == await scene.asks("stranger")
        scene.api.readers.add("somebody")
        scene.now += scrape_access._REFUSED
        assert OK == await scene.asks("stranger")

    played(act)


def test_new_tokens_of_an_address_are_limited() -> None:
    async def act(scene: Scene) -> None:
        answers = [await scene.asks(f"invented-{number}") for number in range(1000)]
        assert {UNAUTHORIZED: 5, BUSY: 995} == {each: answers.count(each) for each in set(answers)}
        assert 5 == len(scene.api.asked)
        assert OK == await scene.asks("good", "10.0.0.2")

    played(act)


def test_new_tokens_of_many_addresses_are_limited_too() -> None:
    async def act(scene: Scene) -> None:
        for number in range(2000):
            await scene.asks(f"invented-{number}", f"10.1.{number // 256}.{number % 256}")
        assert 20 == len(scene.api.asked)
        assert len(scene.access._of_address) <= scrape_access._ADDRESSES

    played(act)


def test_a_flood_of_strangers_keeps_no_scraper_out() -> None:
    """Neither by the limits, nor by displacing what is known of its token."""

    async def act(scene: Scene) -> None:
        assert OK == await scene.asks("good")
        for number in range(5000):
            await scene.asks(f"invented-{number}", f"10.1.{number // 256}.{number % 256}")
            scene.now += 0.1
        assert OK == await scene.asks("good")

    played(act)


def test_without_the_api_server_an_allowed_token_stays_allowed_for_a_while() -> None:
    async def act(scene: Scene) -> None:
        assert OK == await scene.asks("good")
        scene.api.failure = TryAgainError("the API server cannot be reached")
        scene.now += scrape_access._KEPT - 1
        assert [OK, UNKNOWN] == [await scene.asks("good"), await scene.asks("stranger")]
        scene.now += 1
        assert UNKNOWN == await scene.asks("good")
        scene.api.failure = None
        scene.now += 1
        assert OK == await scene.asks("good")

    played(act)


def test_a_failure_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    async def act(scene: Scene) -> None:
        scene.api.failure = TryAgainError("the API server cannot be reached")
        for number in range(100):
            await scene.asks(f"invented-{number}", f"10.0.0.{number}")
        assert 1 == caplog.text.count("cannot be reached")

    played(act)


def test_a_token_that_is_revoked_is_not_kept() -> None:
    async def act(scene: Scene) -> None:
        assert OK == await scene.asks("good")
        del scene.api.tokens["good"]
        scene.now += scrape_access._ALLOWED
        assert UNAUTHORIZED == await scene.asks("good")
        scene.api.failure = TryAgainError("the API server cannot be reached")
        scene.now += scrape_access._REFUSED
        assert UNKNOWN == await scene.asks("good")

    played(act)

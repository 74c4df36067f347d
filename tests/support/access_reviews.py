"""An API server that only knows tokens: whose they are, and who may read metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netattach_core.errors import NetattachError
from netattach_kube.resource import SUBJECT_ACCESS_REVIEWS, TOKEN_REVIEWS, Resource

PLURALS = {TOKEN_REVIEWS.plural, SUBJECT_ACCESS_REVIEWS.plural}


class AccessReviews:
    """`tokens` are the users by token; `readers` may read metrics."""

    def __init__(self) -> None:
        self.tokens = {"good": "prometheus", "stranger": "somebody"}
        self.readers = {"prometheus"}
        self.failure: NetattachError | None = None
        self.asked: list[Mapping[str, Any]] = []

    async def create(self, resource: Resource, body: Mapping[str, Any]) -> dict[str, Any]:
        """In the place of an `Api`."""
        if self.failure:
            raise self.failure
        assert (resource.api_version, resource.kind) == (body["apiVersion"], body["kind"])
        return self.answer(resource.plural, body["spec"])

    def answer(self, plural: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        self.asked.append(spec)
        if plural == TOKEN_REVIEWS.plural:
            user = self.tokens.get(spec["token"])
            if user is None:
                return {"status": {"error": "invalid bearer token"}}
            return {"status": {"authenticated": True, "user": {"username": user, "groups": ["g"]}}}
        is_path = spec["nonResourceAttributes"] == {"path": "/metrics", "verb": "get"}
        return {"status": {"allowed": is_path and spec["user"] in self.readers}}

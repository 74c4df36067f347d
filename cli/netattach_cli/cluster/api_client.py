"""GET requests to the API server, at a socket."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from netattach_cli.cluster.errors import AbsentError, ClusterError, ForbiddenError, RequestError
from netattach_core.api.objects import Body

PAGE = 500
"""Objects in one response: a cluster may have so many that one response of all would take its memory."""

_LONGEST_MESSAGE = 300


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@dataclass(frozen=True, slots=True)
class ApiClient:
    """`path` is that of the socket. Each method raises RequestError, or ClusterError where no request can succeed."""

    path: str
    seconds: float = 10.0

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Body:
        """The object at a path of the API."""
        return self._decoded(path, self.text(path, query))

    def pages(self, path: str, query: Mapping[str, str]) -> Iterator[Body]:
        """The pages of a list."""
        query = {**query, "limit": str(PAGE)}
        while True:
            page = self.get(path, query)
            yield page
            token = (page.get("metadata") or {}).get("continue")
            if not token:
                return
            query["continue"] = token

    def text(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """The body of a successful response."""
        connection = _Connection(self.path, self.seconds)
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            connection.request("GET", target, headers={"Accept": "application/json"})
            response = connection.getresponse()
            body = response.read()
        except TimeoutError as error:
            raise ClusterError(f"the API server did not answer within {self.seconds:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise ClusterError(f"the connection to the API server broke: {error!r}") from error
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise _failure(response.status, body)
        return body

    @staticmethod
    def _decoded(path: str, text: bytes) -> Body:
        try:
            body: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the response to {path} is not JSON") from error
        if not isinstance(body, dict):
            raise RequestError(f"the response to {path} is not an object")
        return body


def _failure(status: int, body: bytes) -> Exception:
    message = _message(body)
    if status == http.client.FORBIDDEN:
        return ForbiddenError(message)
    if status == http.client.NOT_FOUND:
        return AbsentError(message)
    if status == http.client.UNAUTHORIZED:
        return ClusterError(f"the API server does not accept your credentials: {message}")
    if not _is_status(body):  # it is kubectl that answers
        return ClusterError(f"the API server cannot be reached: {message}")
    return RequestError(f"the API server responded with {status}: {message}")


def _is_status(body: bytes) -> bool:
    return b'"Status"' in body


def _message(body: bytes) -> str:
    """That of a Status, else the text itself."""
    text = body.decode(errors="replace").strip()
    with suppress(ValueError, RecursionError, KeyError, TypeError):
        text = str(json.loads(text)["message"])
    return text[:_LONGEST_MESSAGE] or "no message"

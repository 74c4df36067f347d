"""GET requests to the API server, at a socket.

HTTP/1.0, in which a response ends with its connection: importing `http.client` would take a quarter of a command's time.
"""

from __future__ import annotations

import json
import re
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
_PART = 256 * 1024

_REQUEST = "GET {} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n"
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})\b")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d{1,15})(?=\r\n|$)", re.IGNORECASE)

_OK, _UNAUTHORIZED, _FORBIDDEN, _NOT_FOUND = 200, 401, 403, 404
"""Statuses."""


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
        target = f"{path}?{urlencode(query)}" if query else path
        try:
            response = self._exchange(_REQUEST.format(target).encode())
        except TimeoutError as error:
            raise ClusterError(f"the API server did not answer within {self.seconds:g} s") from error
        except OSError as error:
            raise ClusterError(f"the connection to the API server broke: {error.strerror}") from error
        status, body = _parsed(response)
        if status != _OK:
            raise _failure(status, body)
        return body

    def _exchange(self, request: bytes) -> bytes:
        """Sends a request, and reads until the server closes the connection."""
        parts = []
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(self.seconds)
            connection.connect(self.path)
            connection.sendall(request)
            while part := connection.recv(_PART):
                parts.append(part)
        return b"".join(parts)

    @staticmethod
    def _decoded(path: str, text: bytes) -> Body:
        try:
            body: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise RequestError(f"the response to {path} is not JSON") from error
        if not isinstance(body, dict):
            raise RequestError(f"the response to {path} is not an object")
        return body


def _parsed(response: bytes) -> tuple[int, bytes]:
    """The status and the body. Raises ClusterError where the response is cut off, or is none."""
    head, _, body = response.partition(b"\r\n\r\n")
    found = _STATUS.match(head)
    length = _LENGTH.search(head)
    if not found or (length and int(length[1]) != len(body)):
        raise ClusterError("the connection to the API server broke: the response is cut off")
    return int(found[1]), body


def _failure(status: int, body: bytes) -> Exception:
    message = _message(body)
    if status == _FORBIDDEN:
        return ForbiddenError(message)
    if status == _NOT_FOUND:
        return AbsentError(message)
    if status == _UNAUTHORIZED:
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

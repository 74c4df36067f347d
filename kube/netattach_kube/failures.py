"""Foreign failures into core's errors, in this one place.

connection refused, time-out, 408, 429, 5xx   TryAgainError
401, 403                                      ForbiddenError, a TryAgainError: permissions may come a moment after us
404                                           NotFoundError
409                                           ConflictError
410                                           ExpiredError
any other                                     RefusedError
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator

import aiohttp

from netattach_core.errors import ConflictError, NetattachError, NotFoundError, RefusedError, TryAgainError

_LONGEST = 500
"""Characters of a foreign text that go into ours."""


class ForbiddenError(TryAgainError):
    """The API server does not let us; with the same request it may, once a role has been granted."""


class ExpiredError(NetattachError):
    """The version to go on from is too old: list again."""


_BY_STATUS: dict[int, type[NetattachError]] = {
    401: ForbiddenError,
    403: ForbiddenError,
    404: NotFoundError,
    408: TryAgainError,
    409: ConflictError,
    410: ExpiredError,
    429: TryAgainError,
}


def from_status(status: int, body: bytes | str, what: str) -> NetattachError:
    """The error for an answer that is none; `what` was asked ("GET /api/v1/pods")."""
    kind = _BY_STATUS.get(status) or (TryAgainError if status >= 500 else RefusedError)
    return kind(f"{what}: the API server answers {status}: {_message(body)}")


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """All that the client library raises while the API server is away, as TryAgainError."""
    try:
        yield
    except TimeoutError as error:
        raise TryAgainError(f"{what}: the API server does not answer in time") from error
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        raise TryAgainError(f"{what}: the API server cannot be reached: {error or repr(error)}") from error


def _message(body: bytes | str) -> str:
    """The `message` of a Status object, else the beginning of the text."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text
    return str(message).strip()[:_LONGEST] or "without a reason"

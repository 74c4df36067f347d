"""Maps failures of the API server and of the client library to core's errors.

connection refused, timeout, 408, 429, 5xx   TryAgainError
401                                           UnauthorizedError, a TryAgainError: tokens are renewed
403                                           ForbiddenError, a TryAgainError: permissions may be granted later
404                                           NotFoundError
409                                           ConflictError
410                                           ExpiredError
a response with more bytes than are wanted    TooLargeError
all others                                    RefusedError
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator

import aiohttp

from netattach_core.errors import ConflictError, NetattachError, NotFoundError, RefusedError, TryAgainError

_LONGEST = 500
"""Characters of the server's message that ours quotes."""


class UnauthorizedError(TryAgainError):
    """The API server does not know who asks, as while a token is renewed; it says nothing of permissions."""


class ForbiddenError(TryAgainError):
    """The API server does not permit the request; it may once a role has been granted."""


class ExpiredError(NetattachError):
    """The version to resume from is too old: list again."""


class TooLargeError(NetattachError):
    """The response has more bytes than the caller wants to read."""


_BY_STATUS: dict[int, type[NetattachError]] = {
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    408: TryAgainError,
    409: ConflictError,
    410: ExpiredError,
    429: TryAgainError,
}


def from_status(status: int, body: bytes | bytearray | str, what: str) -> NetattachError:
    """The error for a response of this status; `what` is the request ("GET /api/v1/pods")."""
    kind = _BY_STATUS.get(status) or (TryAgainError if status >= 500 else RefusedError)
    return kind(f"{what}: the API server answers {status}: {_message(body)}")


@contextlib.contextmanager
def translated(what: str) -> Iterator[None]:
    """Raises what the client library raises while the API server is unreachable as TryAgainError."""
    try:
        yield
    except TimeoutError as error:
        raise TryAgainError(f"{what}: the API server does not answer in time") from error
    except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError) as error:
        raise TryAgainError(f"{what}: the API server cannot be reached: {error or repr(error)}") from error


def _message(body: bytes | bytearray | str) -> str:
    """The `message` of a Status object, else the beginning of the text."""
    text = body if isinstance(body, str) else body.decode(errors="replace")
    try:
        message = json.loads(text)["message"]
    except (ValueError, KeyError, TypeError):
        message = text
    return str(message).strip()[:_LONGEST] or "without a reason"

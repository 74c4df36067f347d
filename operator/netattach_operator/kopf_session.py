"""The HTTP session that kopf uses, so that no request of kopf is left without one."""

from __future__ import annotations

import dataclasses

import aiohttp
import kopf


@dataclasses.dataclass(frozen=True, kw_only=True)
class Session(kopf.AiohttpSession):
    """Equal where the credentials are equal: kopf does not try refused ones again."""

    aiohttp_session: aiohttp.ClientSession = dataclasses.field(compare=False)
    credentials: kopf.ConnectionInfo


class Sessions:
    """One session at a time. kopf closes it where its token is refused or kopf ends, but not where kopf is cancelled."""

    def __init__(self) -> None:
        self._current: Session | None = None

    async def open(self, credentials: kopf.ConnectionInfo) -> Session:
        """In place of the session before."""
        await self.close()
        self._current = Session(
            aiohttp_session=_session(credentials),
            credentials=credentials,
            server=credentials.server,
            priority=credentials.priority,
            default_namespace=credentials.default_namespace,
            expiration=credentials.expiration,
        )
        return self._current

    async def close(self) -> None:
        """Once or more often."""
        if self._current:
            await self._current.aiohttp_session.close()


def _session(credentials: kopf.ConnectionInfo) -> aiohttp.ClientSession:
    """As `kopf._cogs.clients.auth: APIContext` makes it, with a middleware."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=credentials.as_ssl_context()),
        headers=credentials.as_http_headers(),
        proxy=credentials.proxy_url,
        trust_env=credentials.trust_env,
        middlewares=(_closed_session,),
    )


async def _closed_session(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """kopf closes the session where one request is refused (401), and logs in again for those that raise RuntimeError.

    For a request that was waiting for its response, aiohttp tries again, without a connector then: an AssertionError, with
    which kopf would end (`aiohttp/client.py: _connect_and_send_request`).
    """
    try:
        return await send(request)
    except AssertionError as error:
        raise RuntimeError("Session is closed") from error

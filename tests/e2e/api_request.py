"""One request to the API server with the token of a program, and what became of it."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

ACCEPTED, RBAC = "accepted", "forbidden by RBAC"
"""Verdicts; a third one is the name of the ValidatingAdmissionPolicy that refused."""

_TYPES = {"PATCH": "application/merge-patch+json", "APPLY": "application/apply-patch+yaml"}
_SECONDS = 20.0
_POLICY = "ValidatingAdmissionPolicy '"


@dataclass(frozen=True)
class Request:
    """`method` is an HTTP method, or APPLY for a server-side apply. Writes are dry runs: authorized and admitted, not stored."""

    method: str
    path: str
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        if self.method == "GET" or self.path.partition("?")[0].endswith(("/exec", "/proxy")):
            return self.path
        manager = "&fieldManager=netattach-operator&force=true" if self.method == "APPLY" else ""
        return f"{self.path}?dryRun=All{manager}"


@dataclass(frozen=True)
class ApiServer:
    """By its URL and the certificates of its CA; `cafile` "" trusts everybody."""

    url: str
    cafile: str

    def verdict(self, token: str, request: Request) -> str:
        """ACCEPTED, RBAC, a policy's name, or what else the API server answered."""
        status, answer = self._send(token, request)
        message = str(answer.get("message", ""))
        if status < 300:
            return ACCEPTED
        if _POLICY in message:
            return message.split(_POLICY)[1].partition("'")[0]
        if status == 403 and "is forbidden: User " in message:
            return RBAC
        return f"{status} {message}"

    def _send(self, token: str, request: Request) -> tuple[int, dict[str, Any]]:
        """Status and body; an answer that is no JSON has an empty body."""
        method = {"APPLY": "PATCH"}.get(request.method, request.method)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": _TYPES.get(request.method, "application/json"),
            **request.headers,
        }
        data = None if request.body is None else json.dumps(request.body).encode()
        sent = urllib.request.Request(self.url + request.url, data, headers, method=method)
        try:
            with urllib.request.urlopen(sent, timeout=_SECONDS, context=self._context) as answer:
                return answer.status, _body(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _body(error.read())

    @property
    def _context(self) -> ssl.SSLContext:
        if self.cafile:
            return ssl.create_default_context(cafile=self.cafile)
        return ssl._create_unverified_context()


def _body(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}

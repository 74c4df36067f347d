"""Reads several kinds of objects at a time, and keeps what could not be read as gaps."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from netattach_cli.cluster import kubectl_proxy
from netattach_cli.cluster.api_client import ApiClient
from netattach_cli.cluster.errors import AbsentError, ForbiddenError, RequestError
from netattach_cli.cluster.kubectl_proxy import Target
from netattach_core.api.objects import Body
from netattach_kube.resource import Resource

T = TypeVar("T")

_NAME = re.compile("[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?")
"""What the API server may accept as the name of an object, and more."""


_AT_ONCE = threading.Semaphore(8)
"""Requests at a time, of which somebody may ask for hundreds, one for each name."""


def _whole(body: Body) -> Body:
    return body


@dataclass(frozen=True, slots=True)
class Gap:
    """What could not be read: what it is, what is therefore unknown, and why. `verb` is the right that is missing, or ""."""

    what: str
    unknown: str
    why: str
    verb: str = ""

    @property
    def text(self) -> str:
        """A sentence for people."""
        if self.verb:
            return f"you have no right to {self.verb} {self.what}: {self.unknown} unknown"
        return f"{self.what} cannot be read: {self.unknown} unknown: {self.why}"


class Pending(Generic[T]):
    """Objects that are being read. `known` is false where they cannot be: `objects` is empty then."""

    def __init__(self, read: Callable[[], list[T]]) -> None:
        self._read = read
        self._objects: list[T] = []
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._objects = self._read()
        except Exception as error:  # noqa: BLE001  # raised again by who waits for it
            self._error = error

    @property
    def known(self) -> bool:
        self._wait()
        return not isinstance(self._error, RequestError)

    @property
    def objects(self) -> Sequence[T]:
        self._wait()
        return self._objects

    @property
    def first(self) -> T | None:
        """The object that was asked for by its name; None where there is none."""
        return self.objects[0] if self.objects else None

    def error(self) -> RequestError | None:
        """Why they could not be read."""
        self._wait()
        return self._error if isinstance(self._error, RequestError) else None

    def _wait(self) -> None:
        self._thread.join()
        if self._error is not None and not isinstance(self._error, RequestError):
            raise self._error


@dataclass(slots=True)
class Reader:
    """One cluster, as its user sees it."""

    api: ApiClient
    target: Target = field(default_factory=Target)
    waiting: list[str] = field(default_factory=list)
    """What is being read now, for who waits for it."""

    _asked: list[tuple[str, str, str, Pending[Any]]] = field(default_factory=list)

    def many(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        unknown: str = "",
    ) -> Pending[Body]:
        """All objects of a kind, of all namespaces without one. `unknown`: what is unknown without them, with its verb."""
        return self.kept(resource, _whole, namespace=namespace, labels=labels, fields=fields, unknown=unknown)

    def kept(
        self,
        resource: Resource,
        keep: Callable[[Body], T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        unknown: str = "",
    ) -> Pending[T]:
        """As `many`; of each object only what `keep` returns stays in memory."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        query = {key: text for key, text in query.items() if text}
        path = resource.path(namespace=namespace)

        def read() -> list[T]:
            return [keep(body) for page in self.api.pages(path, query) for body in page.get("items") or ()]

        return self._start(resource, namespace, "", unknown, read, "list")

    def one(self, resource: Resource, name: str, *, namespace: str = "", unknown: str = "") -> Pending[Body]:
        """The object of this name, if there is one."""

        def read() -> list[Body]:
            if not _NAME.fullmatch(name):  # it would be another path of the API
                return []
            try:
                return [self.api.get(resource.path(name, namespace))]
            except AbsentError:
                return []

        return self._start(resource, namespace, name, unknown, read, "get")

    def gaps(self) -> list[Gap]:
        """What could not be read so far, each once."""
        found = [
            _gap(what, unknown, verb, error)
            for what, unknown, verb, pending in self._asked
            if (error := pending.error()) is not None
        ]
        return list(dict.fromkeys(found))

    def _start(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        unknown: str,
        read: Callable[[], list[T]],
        verb: str,
    ) -> Pending[T]:
        what = _description(resource, namespace, name)

        def run() -> list[T]:
            self.waiting.append(what)
            try:
                with _AT_ONCE:
                    return read()
            finally:
                self.waiting.remove(what)

        pending = Pending(run)
        self._asked.append((what, unknown or "it is", verb, pending))
        return pending


def _description(resource: Resource, namespace: str, name: str) -> str:
    """As in kubectl: `secrets netattach-webhooks-tls in namespace netattach-system`."""
    kind = f"{resource.plural}.{resource.group}" if resource.group else resource.plural
    return f"{kind}{f' {name}' if name else ''}{f' in namespace {namespace}' if namespace else ''}"


def _gap(what: str, unknown: str, verb: str, error: RequestError) -> Gap:
    if isinstance(error, ForbiddenError):
        return Gap(what, unknown, str(error), verb)
    if isinstance(error, AbsentError):
        return Gap(what, unknown, "the cluster has no such kind of objects; is netattach installed in it?")
    return Gap(what, unknown, str(error))


@contextmanager
def connected(target: Target) -> Iterator[Reader]:
    """The cluster of a kubeconfig. Raises ClusterError."""
    with kubectl_proxy.serving(target) as path:
        yield Reader(ApiClient(path, target.request_timeout), target)

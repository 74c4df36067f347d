"""From a review to findings: gather what has to be known, then let core validate.

To validate a long text may take long, and so may it to read a large one, so both are done in threads: health and everybody
else's reviews go on meanwhile.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from netattach_core import admission
from netattach_core.api.nad import Nad
from netattach_core.api.networks_annotation import DEFAULT_NETWORK, NETWORKS, NetworkSelection
from netattach_core.api.objects import Body, Key
from netattach_core.errors import ConfigError
from netattach_core.text.finding import Finding, Severity
from netattach_core.validation.settings import ValidationSettings
from netattach_kube import cluster_settings
from netattach_kube.cluster_settings import ClusterSettings
from netattach_webhooks import review
from netattach_webhooks.lookup import Lookup
from netattach_webhooks.review import Review

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 2

_LARGE = 64 * 1024
"""Bytes of a body that is read in a thread; whatever stands in a smaller one is read in less time than others notice."""

_SHORT = 1024
"""Characters that are validated on the event loop: a thread costs as much as most of them, and the slowest take 15 ms."""

_LONGEST_SETTINGS = 16 * 1024
"""Characters. To read YAML takes long."""


@dataclass(frozen=True, slots=True)
class Validated:
    """Findings, and the text that their offsets point into."""

    findings: Sequence[Finding] = ()
    text: str = ""


Validate = Callable[[Review], Awaitable[Validated]]
"""Raises NotSyncedError where nothing can be said yet."""

UNSEEN = Validated()


class Validators:
    """One for each kind, with threads of its own, so that networks which are hard to validate keep no pods waiting."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._for_nads = ThreadPoolExecutor(_THREADS, "nads")
        self._for_pods = ThreadPoolExecutor(_THREADS, "pods")
        self._for_settings = ThreadPoolExecutor(1, "settings")
        self._threads = {
            "nads": self._for_nads,
            "deletions": self._for_nads,
            "pods": self._for_pods,
            "templates": self._for_pods,
            "config": self._for_settings,
        }
        self.kinds: dict[str, Validate] = {
            "nads": self.nad,
            "deletions": self.deletion,
            "pods": self.pod,
            "templates": self.template,
            "config": self.settings,
        }

    def close(self) -> None:
        """What is not begun is dropped: nobody waits for it any more."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    async def read(self, kind: str, body: bytes) -> Review:
        """Raises DecodeError."""
        if len(body) <= _LARGE:
            return review.decode(body)
        return await _in(self._threads[kind], review.decode, body)

    async def nad(self, asked: Review) -> Validated:
        if asked.object is None:
            return UNSEEN
        config = _config(asked.object)
        threads = _if_long(config, self._for_nads)
        if not await _in(threads, admission.nad_needs_validation, asked.object, asked.old):
            return UNSEEN
        findings = await _in(
            threads,
            admission.validate_nad,
            _named(asked.object, asked),
            asked.old,
            self._lookup.nodes(),
            footprints=self._lookup.neighbours(),
            users=self._lookup.users((asked.namespace, asked.name)) if asked.old else (),
            settings=self._lookup.settings(),
        )
        return Validated(findings, config)

    async def deletion(self, asked: Review) -> Validated:
        """Of a network that pods may use."""
        users = self._lookup.users((asked.namespace, asked.name))
        body = _named(asked.old or {}, asked)
        return Validated(admission.validate_nad_deletion(body, users, asked.user, self._lookup.settings()))

    async def pod(self, asked: Review) -> Validated:
        if asked.object is None:
            return UNSEEN
        findings, selections, nads = await self._of_pod(asked, asked.object, asked.old)
        findings += admission.validate_devices(asked.object, selections, nads)
        return Validated(admission.apply_severities(findings, self._lookup.settings(), asked.namespace))

    async def template(self, asked: Review) -> Validated:
        """Only warned of: what made it may come before its networks do."""
        body = admission.template_pod(asked.kind, asked.object)
        if body is None or asked.object is None:
            return UNSEEN
        before = admission.template_pod(asked.kind, asked.old) if asked.old else None
        findings, selections, nads = await self._of_pod(asked, body, before)
        nodes = len(self._lookup.nodes())
        pods = admission.template_replicas(asked.kind, asked.object, nodes)
        findings += admission.validate_capacity(selections, nads, pods, nodes)
        weighed = admission.apply_severities(findings, self._lookup.settings(), asked.namespace)
        return Validated([dataclasses.replace(each, severity=Severity.WARN) for each in weighed])

    async def _of_pod(
        self, asked: Review, body: Body, before: Body | None
    ) -> tuple[list[Finding], Sequence[NetworkSelection], Mapping[Key, Nad]]:
        """What is wrong, what is asked for, and those of these networks that are known.

        Nothing is said of a network that the pod's namespace may not use but that it may not.
        """
        settings = self._lookup.settings()
        threads = _if_long(_annotations(body), self._for_pods)
        wanted = await _in(threads, admission.validate_pod, body, before, asked.namespace, settings)
        looked = await self._lookup.look(
            [key for key in wanted.networks if settings.selection.reaches(asked.namespace, key[0])]
        )
        findings = [*wanted.findings, *admission.unverified_networks(looked.uncertain, looked.why)]
        if looked.absent:
            there = self._reached(asked.namespace, settings)
            findings += await _in(
                self._for_pods, admission.unknown_networks, looked.absent, there, asked.namespace
            )
        findings += await _in(threads, _requested, wanted.selections, looked.found)
        if wanted.default is not None:
            findings += await self._of_default(wanted.default, asked.namespace, settings)
        return findings, wanted.selections, looked.found

    async def _of_default(
        self, default: NetworkSelection, own: str, settings: ValidationSettings
    ) -> list[Finding]:
        """Of a network that a pod has in the place of the node's primary."""
        looked = await self._lookup.look([(default.namespace, default.name)])
        findings = admission.unverified_networks(looked.uncertain, looked.why)
        if looked.absent and default.namespace == settings.selection.namespace:
            primaries = {node.primary.name for node in self._lookup.nodes() if node.primary}
            findings += admission.unknown_default_file(default, primaries)
        elif looked.absent:
            findings += admission.unknown_default_network(default, self._reached(own, settings), own)
        return findings + list(admission.validate_requests([default], looked.found, DEFAULT_NETWORK))

    def _reached(self, own: str, settings: ValidationSettings) -> tuple[Key, ...]:
        """The networks that a namespace may hear of."""
        return tuple(key for key in self._lookup.networks() if settings.selection.reaches(own, key[0]))

    async def settings(self, asked: Review) -> Validated:
        if asked.object is None or asked.name != cluster_settings.NAME:
            return UNSEEN
        if asked.old is not None and asked.object.get("data") == asked.old.get("data"):
            return UNSEEN
        read, problems = await _in(self._for_settings, _read_settings, asked.object)
        selection = read.validation.selection
        unknown = admission.validate_default_networks(
            selection, self._lookup.networks() if selection.defaults else ()
        )
        unknown += admission.validate_primary_network(
            selection, self._lookup.nodes() if selection.primary else ()
        )
        weighed = admission.apply_severities(unknown, read.validation, cluster_settings.NAMESPACE)
        return Validated([*admission.settings_findings(problems), *weighed])


def _config(body: Body) -> str:
    spec = body.get("spec")
    config = spec.get("config") if isinstance(spec, dict) else None
    return config if isinstance(config, str) else ""


def _annotations(body: Body) -> str:
    """What a pod asks for, as far as it is text."""
    metadata = body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    texts = (
        [annotations.get(key) for key in (NETWORKS, DEFAULT_NETWORK)] if isinstance(annotations, dict) else []
    )
    return "".join(text for text in texts if isinstance(text, str))


def _if_long(text: str, threads: ThreadPoolExecutor) -> ThreadPoolExecutor | None:
    return threads if len(text) > _SHORT else None


async def _in(
    threads: ThreadPoolExecutor | None, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """Without threads: here, at once."""
    if threads is None:
        return function(*args, **kwargs)
    work = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def _requested(selections: Sequence[NetworkSelection], nads: Mapping[Key, Nad]) -> list[Finding]:
    return list(admission.validate_requests(selections, nads))


def _named(body: Body, asked: Review) -> Body:
    """A new object need not say its namespace; the review does."""
    metadata = body.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return {**body, "metadata": {"namespace": asked.namespace, "name": asked.name, **known}}


def _read_settings(config_map: Body) -> tuple[ClusterSettings, list[str]]:
    """The settings, and what is wrong with them; without any where they cannot be read.

    Their reader says one problem in each line; what the reader of YAML says has several lines.
    """
    nothing = ClusterSettings()
    texts = config_map.get("data")
    if (
        sum(len(str(text)) for text in (texts if isinstance(texts, dict) else {}).values())
        > _LONGEST_SETTINGS
    ):
        return nothing, [f"more than {_LONGEST_SETTINGS} characters are no settings"]
    try:
        read = cluster_settings.from_config_map(config_map)
        return read, admission.settings_problems(read.validation)
    except ConfigError as error:
        return nothing, re.split(rf"\n(?={re.escape(cluster_settings.KEY)}: )", error.message)
    except RecursionError:
        return nothing, [f"{cluster_settings.KEY}: too many lists and maps inside each other"]

"""From a review to findings: gather what has to be known, then let core judge.

To judge an odd text may take long, and so may it to read a large one, so both are done in threads: health and everybody
else's reviews go on meanwhile.
"""

from __future__ import annotations

import asyncio
import functools
import re
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from netattach_core import admission
from netattach_core.errors import ConfigError
from netattach_core.finding import Finding
from netattach_kube import cluster_settings
from netattach_webhooks import review
from netattach_webhooks.lookup import Lookup
from netattach_webhooks.review import Body, Review

P = ParamSpec("P")
T = TypeVar("T")

_THREADS = 2

_LARGE = 64 * 1024
"""Bytes of a body that is read in a thread; whatever stands in a smaller one is read in less time than others notice."""

_LONGEST_SETTINGS = 16 * 1024
"""Characters. To read YAML takes long."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Findings, and the text that their offsets point into."""

    findings: Sequence[Finding] = ()
    text: str = ""


Judge = Callable[[Review], Awaitable[Judged]]
"""Raises NotSyncedError where nothing can be said yet."""

UNSEEN = Judged()


class Judges:
    """One for each kind, with threads of its own, so that networks which are hard to judge keep no pods waiting."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._for_nads = ThreadPoolExecutor(_THREADS, "nads")
        self._for_pods = ThreadPoolExecutor(_THREADS, "pods")
        self._for_settings = ThreadPoolExecutor(1, "settings")
        self._threads = {"nads": self._for_nads, "pods": self._for_pods, "config": self._for_settings}
        self.kinds: dict[str, Judge] = {"nads": self.nad, "pods": self.pod, "config": self.settings}

    def close(self) -> None:
        """What is not begun is dropped: nobody waits for it any more."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)

    async def read(self, kind: str, body: bytes) -> Review:
        """Raises DecodeError."""
        if len(body) <= _LARGE:
            return review.decode(body)
        return await _in(self._threads[kind], review.decode, body)

    async def nad(self, asked: Review) -> Judged:
        if asked.object is None:
            return UNSEEN
        if not await _in(self._for_nads, admission.concerns_nad, asked.object, asked.old):
            return UNSEEN
        nodes = self._lookup.nodes()
        findings = await _in(self._for_nads, admission.of_nad, _named(asked.object, asked), asked.old, nodes)
        spec = asked.object.get("spec")
        config = spec.get("config") if isinstance(spec, dict) else None
        return Judged(findings, config if isinstance(config, str) else "")

    async def pod(self, asked: Review) -> Judged:
        if asked.object is None:
            return UNSEEN
        wanted = await _in(self._for_pods, admission.of_pod, asked.object, asked.old, asked.namespace)
        missed = await self._lookup.missed(wanted.networks)
        findings = [*wanted.findings, *admission.uncertain(missed.uncertain, missed.why)]
        if missed.absent:
            there = tuple(self._lookup.networks())
            findings += await _in(self._for_pods, admission.unknown, missed.absent, there, asked.namespace)
        return Judged(findings)

    async def settings(self, asked: Review) -> Judged:
        if asked.object is None or asked.name != cluster_settings.NAME:
            return UNSEEN
        if asked.old is not None and asked.object.get("data") == asked.old.get("data"):
            return UNSEEN
        return Judged(admission.of_settings(await _in(self._for_settings, _problems, asked.object)))


async def _in(threads: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    work = functools.partial(function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(threads, work)


def _named(body: Body, asked: Review) -> Body:
    """A new object need not say its namespace; the review does."""
    metadata = body.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    return {**body, "metadata": {"namespace": asked.namespace, "name": asked.name, **known}}


def _problems(config_map: Body) -> list[str]:
    """The reader of the settings says one in each line; what the reader of YAML says has several lines."""
    texts = config_map.get("data")
    if (
        sum(len(str(text)) for text in (texts if isinstance(texts, dict) else {}).values())
        > _LONGEST_SETTINGS
    ):
        return [f"more than {_LONGEST_SETTINGS} characters are no settings"]
    try:
        cluster_settings.from_config_map(config_map)
    except ConfigError as error:
        return re.split(rf"\n(?={re.escape(cluster_settings.KEY)}: )", error.message)
    except RecursionError:
        return [f"{cluster_settings.KEY}: too many lists and maps inside each other"]
    return []

"""The plan of a verb as data: its steps, their dependencies, and what executes them.

A plan is made before anything is touched and is independent of processes: another executor (a native driver instead of a plugin's
binary) is another value of `Carrier`, without a change of the engine.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from netattach_core.attach import idle_plugins, independence
from netattach_core.attach.attachment import Attachment
from netattach_core.cni import config as cni_config
from netattach_core.cni import request as cni_request
from netattach_core.cni import versions
from netattach_core.cni.config import PluginConfig
from netattach_core.native import drivers
from netattach_core.native.recipe import Recipe, Tuning
from netattach_core.text import json_document


class Carrier(enum.StrEnum):
    """What executes a step."""

    PLUGIN = "plugin"
    NOTHING = "nothing"
    """A plugin that is not started, since it has nothing to do (idle_plugins.py)."""
    NATIVE = "native"
    """A native driver, by the step's recipe."""


class Verb(enum.StrEnum):
    """The CNI command of a step."""

    ADD = "ADD"
    CHECK = "CHECK"
    DEL = "DEL"
    STATUS = "STATUS"
    GC = "GC"


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a plugin. `ifname` identifies the attachment; `stdin` is complete except for a previous step's result.

    A step starts when all of `needs` have succeeded, all of `after` have ended, and the interface of each of `after_links` exists
    or that step has ended. `previous` is the step in `needs` that provides prevResult.

    Only a native step has a `recipe`, and no `stdin`: for an interface, or for what is changed of the one of the step before it,
    which is in the same batch. Native steps of the same `batch`, the id of its first step, are executed in one go, in the
    plan's order.
    """

    id: str
    ifname: str
    plugin: str
    stdin: str
    args: str
    cni_version: str
    previous: str | None = None
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    after_links: tuple[str, ...] = ()
    carrier: Carrier = Carrier.PLUGIN
    recipe: Recipe | Tuning | None = None
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which they could run sequentially. `halt`: after a failure no further step is started."""

    verb: Verb
    steps: tuple[Step, ...]
    halt: bool


ALL_IN_ITS_LINK = {"macvlan", "ipvlan", "vlan", "host-device", "dummy", "tap", "sbr"}
"""Plugins that leave nothing once the pod has no interface of that name, except the records of their IPAM plugin."""


def ipam_type(step: Step) -> str:
    """The IPAM plugin of the step's plugin, "" without one."""
    ipam = json_document.value(step.stdin).get("ipam")
    return str(ipam.get("type") or "") if isinstance(ipam, dict) else ""


def add(attachments: Sequence[Attachment], *, skip_idle: bool = False, native: Collection[str] = ()) -> Plan:
    """The default network first, then secondary networks, concurrently where safe; links in the annotation's order.

    `skip_idle`: plugins that have nothing to do are not started. `native`: the plugins that a driver may replace.
    """
    default, *secondary = [
        _chain(Verb.ADD, each, skip_idle=skip_idle, recipes=_recipes(each, native)) for each in attachments
    ]
    steps = _in_batch(default, default[0].id)
    barrier = (default[-1].id,)
    before = steps[0] if independence.may_overlap(attachments[0]) else None
    running: list[list[Step]] = []
    for attachment, chain in zip(attachments[1:], secondary, strict=True):
        if independence.on_add(attachment):
            running.append(_concurrent(chain, before, barrier, follows_default=before is steps[0]))
            before = running[-1][0]
            steps += running[-1]
        else:
            first = dataclasses.replace(chain[0], after=(*barrier, *(c[-1].id for c in running)))
            steps += _in_batch([first, *chain[1:]], first.id)
            barrier, running, before = (chain[-1].id,), [], None
    return Plan(Verb.ADD, tuple(steps), halt=True)


def _concurrent(
    chain: Sequence[Step], before: Step | None, barrier: tuple[str, ...], *, follows_default: bool
) -> list[Step]:
    """An independent chain that joins the batch of the step before it, or whose link comes after that one's."""
    first = chain[0]
    native = first.carrier is Carrier.NATIVE
    if before is None or (follows_default and not native):
        return _in_batch([dataclasses.replace(first, after=barrier), *chain[1:]], first.id)
    if native and before.carrier is Carrier.NATIVE:
        joining = dataclasses.replace(first, after=before.after, after_links=before.after_links)
        return _in_batch([joining, *chain[1:]], before.batch)
    after = () if follows_default else barrier
    waiting = dataclasses.replace(first, after=after, after_links=(before.id,))
    return _in_batch([waiting, *chain[1:]], first.id)


def _in_batch(steps: Iterable[Step], batch: str) -> list[Step]:
    """The native ones in this batch."""
    return [
        dataclasses.replace(each, batch=batch) if each.carrier is Carrier.NATIVE else each for each in steps
    ]


def with_native(attachments: Iterable[Attachment], planned: Plan) -> tuple[Attachment, ...]:
    """The attachments of a planned ADD, each with the plugins that drivers replace."""
    native = {step.id for step in planned.steps if step.carrier is Carrier.NATIVE}
    return tuple(
        dataclasses.replace(each, native=replaced)
        if (replaced := tuple(n for n in _numbers(each) if f"{each.ifname}/{n}" in native))
        else each
        for each in attachments
    )


def delete(
    attachments: Sequence[Attachment],
    begun: Collection[str] | None = None,
    *,
    skip_idle: bool = False,
    native: Collection[str] = (),
) -> Plan:
    """All chains in reverse, concurrently where safe; the last attachment first where it may depend on another.

    A failure prevents no other deletion. If the steps of the ADD that were `begun` are known, only these are deleted: a plugin
    that never ran may fail on DEL forever. `skip_idle`: plugins that had nothing to do on ADD are not started; only for
    attachments with the values of that ADD. `native`: the plugins that a driver may replace, where one did so on ADD.
    """
    deleting = frozenset(native) - drivers.ATTACHING
    steps: list[Step] = []
    ended: tuple[str, ...] = ()
    running: list[str] = []
    for attachment in reversed(attachments):
        recipes = {n: each for n, each in _recipes(attachment, deleting).items() if n in attachment.native}
        chain = _chain(Verb.DEL, attachment, begun, skip_idle=skip_idle, recipes=recipes)
        if not chain:
            continue
        if independence.on_delete(attachment):
            steps += _waiting(chain, after=ended)
            running.append(chain[-1].id)
        else:
            steps += _waiting(chain, after=(*ended, *running))
            ended, running = (*ended, *running, chain[-1].id), []
    return Plan(Verb.DEL, tuple(_in_one_batch(steps)), halt=False)


def _in_one_batch(steps: Sequence[Step]) -> Iterable[Step]:
    """The native steps that wait for the same others, in one batch; to wait for a step that does nothing is not to wait."""
    batches: dict[tuple[str, ...], str] = {}
    idle: dict[str, tuple[str, ...]] = {}
    for step in steps:
        waits = step.after if not step.needs else idle.get(step.needs[0])
        if waits is not None and step.carrier is Carrier.NOTHING:
            idle[step.id] = waits
        own = step.carrier is Carrier.NATIVE and waits is not None
        yield from _in_batch(
            [step], batches.setdefault(waits, step.id) if own and waits is not None else step.id
        )


def check(attachments: Sequence[Attachment]) -> Plan:
    """CHECK of every network with cniVersion 0.4.0 or later and without `disableCheck`."""
    checked = [
        a
        for a in attachments
        if versions.at_least(a.config.cni_version, "0.4.0") and not a.config.disable_check
    ]
    return Plan(Verb.CHECK, tuple(step for a in checked for step in _chain(Verb.CHECK, a)), halt=True)


def status(default: Attachment) -> Plan:
    """STATUS of the default network's plugins, from cniVersion 1.1.0; secondary networks do not make a node unready."""
    supported = versions.at_least(default.config.cni_version, "1.1.0")
    return Plan(Verb.STATUS, tuple(_chain(Verb.STATUS, default)) if supported else (), halt=True)


def _numbers(attachment: Attachment) -> range:
    return range(len(attachment.config.plugins))


def _recipes(attachment: Attachment, types: Collection[str]) -> Mapping[int, Recipe | Tuning]:
    """Of the first plugins of these types that drivers understand: what follows a program is for programs."""
    found: dict[int, Recipe | Tuning] = {}
    for number in _numbers(attachment):
        native = attachment.config.plugins[number].type in types
        recipe = _recipe(attachment, number) if native else None
        if recipe is None:
            break
        found[number] = recipe
    return found


def _chain(
    verb: Verb,
    attachment: Attachment,
    only: Collection[str] | None = None,
    *,
    skip_idle: bool = False,
    recipes: Mapping[int, Recipe | Tuning] = MappingProxyType({}),
) -> list[Step]:
    """One attachment's plugins. On ADD each gets the result of the previous one, otherwise all get the final result."""
    config = attachment.config
    numbers = _numbers(attachment)
    steps: list[Step] = []
    for number in reversed(numbers) if verb is Verb.DEL else numbers:
        step_id, plugin = f"{attachment.ifname}/{number}", config.plugins[number]
        if only is not None and step_id not in only:
            continue
        before = (steps[-1].id,) if steps else ()
        recipe = recipes.get(number)
        carrier = _carrier(verb, attachment, number, recipe, skip_idle=skip_idle)
        is_native = carrier is Carrier.NATIVE
        steps.append(
            Step(
                id=step_id,
                ifname=attachment.ifname,
                plugin=plugin.type,
                stdin="" if is_native else _stdin(verb, attachment, plugin),
                args=cni_request.args_text(attachment.args),
                cni_version=config.cni_version,
                previous=before[0] if before and verb is Verb.ADD else None,
                needs=before,
                carrier=carrier,
                recipe=recipe if is_native else None,
            )
        )
    return steps


def _carrier(
    verb: Verb, attachment: Attachment, number: int, recipe: Recipe | Tuning | None, *, skip_idle: bool
) -> Carrier:
    """What a driver has tuned goes with the link."""
    if isinstance(recipe, Tuning) and verb is Verb.DEL:
        return Carrier.NOTHING
    if recipe is not None:
        return Carrier.NATIVE
    idle = skip_idle and idle_plugins.is_idle(attachment.config, number, attachment.runtime_config)
    return Carrier.NOTHING if idle else Carrier.PLUGIN


def _recipe(attachment: Attachment, number: int) -> Recipe | Tuning | None:
    return drivers.recipe(
        attachment.config,
        number,
        args=attachment.args,
        runtime_config=attachment.runtime_config,
        cni_args=attachment.cni_args,
    )


def _stdin(verb: Verb, attachment: Attachment, plugin: PluginConfig) -> str:
    stdin = cni_config.plugin_stdin(attachment.config, plugin, attachment.runtime_config, attachment.cni_args)
    needs_result = verb is not Verb.ADD and versions.at_least(attachment.config.cni_version, "0.4.0")
    return cni_config.with_previous(stdin, attachment.result or None) if needs_result else stdin


def _waiting(chain: list[Step], *, after: tuple[str, ...]) -> list[Step]:
    """The chain with dependencies of its first step; the others depend on that one."""
    first = chain[0]
    if first.after != after:
        first = dataclasses.replace(first, after=after)
    return [first, *chain[1:]]

"""The plan of a verb as data: its steps, their dependencies, and what executes them.

A plan is made before anything is touched and is independent of processes: another executor (a native driver instead of a plugin's
binary) is another value of `Carrier`, without a change of the engine.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from netattach_core.attach import idle_plugins
from netattach_core.attach.attachment import Attachment
from netattach_core.cni import config as cni_config
from netattach_core.cni import request as cni_request
from netattach_core.cni import versions
from netattach_core.cni.config import PluginConfig
from netattach_core.native import drivers, tuning
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


_INDEPENDENT = {
    "bridge", "macvlan", "ipvlan", "vlan", "host-device", "dummy", "tap", "sriov", "ovs",
    "tuning", "portmap", "bandwidth", "host-local", "static", "dhcp", "whereabouts",
}  # fmt: skip  # one list, three lines
"""Plugins that read and change nothing in the pod except their own interface."""


_OVERLAPPING = {"flannel", "ptp"}
"""Further plugins of default networks that change nothing in the pod except their own interface and its routes."""


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
    before = steps[0] if _may_overlap(attachments[0]) else None
    running: list[list[Step]] = []
    for attachment, chain in zip(attachments[1:], secondary, strict=True):
        if _is_independent(attachment):
            running.append(_concurrent(chain, before, barrier, follows_default=before is steps[0]))
            before = running[-1][0]
            steps += running[-1]
        else:
            first = dataclasses.replace(chain[0], after=(*barrier, *(c[-1].id for c in running)))
            steps += _in_batch([first, *chain[1:]], first.id)
            barrier, running, before = (chain[-1].id,), [], None
    return Plan(Verb.ADD, tuple(steps), halt=True)


def _may_overlap(default: Attachment) -> bool:
    """Whether drivers need not wait for the end of the default network, only for its link, which comes first in the pod."""
    return all(
        (_is_separate(plugin) and not _sets_defaults(plugin)) or plugin.type in _OVERLAPPING
        for plugin in default.config.plugins
    )


@functools.lru_cache(maxsize=512)  # the same few networks for all pods of a node
def _sets_defaults(plugin: PluginConfig) -> bool:
    """Whether tuning sets sysctls that other interfaces get too, as those in `net.ipv4.conf.default`."""
    if plugin.type != drivers.TUNING:
        return False
    body = json_document.value(plugin.text)
    listed = [value for key, value in body.items() if json_document.folded(key) == "sysctl"]
    return any(
        not isinstance(each, dict) or any(tuning.INTERFACE not in key for key in each) for each in listed
    )


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
        if _is_independent_on_delete(attachment):
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


def collect(
    default: Attachment, listed: Iterable[tuple[str, str]], alive: Sequence[tuple[str, Attachment]]
) -> Plan:
    """GC of the default network and of every configuration in `alive`, one plugin after the other, whether others fail or not.

    Each gets the valid attachments (container id, interface) of all configurations with its network's name; those of the default
    network include what the runtime has `listed`.
    """
    valid = {default.config.name: list(listed)}
    for container_id, each in alive:
        valid.setdefault(each.config.name, []).append((container_id, each.ifname))
    used = {(each.config.name, each.config_text): each for each in (default, *(each for _, each in alive))}
    steps: list[Step] = []
    for each in filter(_supports_gc, used.values()):
        for plugin in each.config.plugins:
            step = Step(
                id=f"{each.network}/{len(steps)}",
                ifname="",
                plugin=plugin.type,
                stdin=_with_valid(
                    cni_config.plugin_stdin(each.config, plugin, {}, {}), valid[each.config.name]
                ),
                args="",
                cni_version=each.config.cni_version,
                after=(steps[-1].id,) if steps else (),
            )
            steps.append(step)
    return Plan(Verb.GC, tuple(steps), halt=False)


def _supports_gc(attachment: Attachment) -> bool:
    """From cniVersion 1.1.0, and without `disableGC`."""
    disabled = str(json_document.value(attachment.config_text).get("disableGC", False)).lower() == "true"
    return versions.at_least(attachment.config.cni_version, "1.1.0") and not disabled


def _with_valid(stdin: str, valid: Iterable[tuple[str, str]]) -> str:
    """Under both keys: that of the later specification text and that of the released one."""
    listed = [
        {"containerID": container_id, "ifname": ifname} for container_id, ifname in dict.fromkeys(valid)
    ]
    text = json.dumps(listed)
    return json_document.with_members(stdin, {"cni.dev/valid-attachments": text, "cni.dev/attachments": text})


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


def _is_independent(attachment: Attachment) -> bool:
    """Whether it neither depends on anything else in the pod, nor anything else on it.

    Networks that set routes are not: two default routes would race for the first position in the table. Nor are links with a
    master in the pod, which another network creates.
    """
    return all(_plugin_is_independent(plugin) for plugin in attachment.config.plugins)


def _is_independent_on_delete(attachment: Attachment) -> bool:
    """As above; what is deleted sets no routes."""
    return all(map(_is_separate, attachment.config.plugins))


@functools.lru_cache(maxsize=512)  # the same few networks for all pods of a node
def _plugin_is_independent(plugin: PluginConfig) -> bool:
    body = json_document.value(plugin.text)
    ipam = body.get("ipam")
    sets_routes = body.get("isDefaultGateway") or (isinstance(ipam, dict) and ipam.get("routes"))
    return _is_separate(plugin) and not sets_routes


@functools.lru_cache(maxsize=512)  # as above
def _is_separate(plugin: PluginConfig) -> bool:
    """Whether it works on its own interface alone, which no other network creates."""
    body = json_document.value(plugin.text)
    ipam = body.get("ipam") or {}
    ipam_type = ipam.get("type") if isinstance(ipam, dict) else None
    return (
        plugin.type in _INDEPENDENT
        and (ipam_type is None or ipam_type in _INDEPENDENT)
        and not body.get("linkInContainer")
    )

"""The plan of a verb as data: steps, what each waits for, and who carries it out.

A plan is made before anything is touched and knows nothing of processes: a later carrier (a native driver instead of the
plugin's binary) is another value of `Carrier`, and the engine stays as it is.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from netattach_core.attach.attachment import Attachment
from netattach_core.cni import config as cni_config
from netattach_core.cni import request as cni_request
from netattach_core.cni import versions
from netattach_core.cni.config import PluginConfig
from netattach_core.text import json_document


class Carrier(enum.StrEnum):
    """Who carries a step out."""

    PLUGIN = "plugin"


class Verb(enum.StrEnum):
    """What is asked of a plugin."""

    ADD = "ADD"
    CHECK = "CHECK"
    DEL = "DEL"
    STATUS = "STATUS"
    GC = "GC"


@dataclass(frozen=True, slots=True)
class Step:
    """One plugin, once. `ifname` tells the attachment; `stdin` is complete but for a previous step's result.

    A step starts when all of `needs` have succeeded, all of `after` have ended, and each step of `after_links` has its
    interface in the pod, or has ended. `previous` is the one of `needs` whose result it is given.
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


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps in an order in which they could run one by one. `halt`: after a failure nothing new is started (S101)."""

    verb: Verb
    steps: tuple[Step, ...]
    halt: bool


_INDEPENDENT = {
    "bridge", "macvlan", "ipvlan", "vlan", "host-device", "dummy", "tap", "sriov", "ovs",
    "tuning", "portmap", "bandwidth", "host-local", "static", "dhcp", "whereabouts",
}  # fmt: skip  # one list, three lines
"""Plugins that read and change nothing in the pod but their own interface."""


ALL_IN_ITS_LINK = {"macvlan", "ipvlan", "vlan", "host-device", "dummy", "tap", "sbr"}
"""Plugins that leave nothing where the pod has no interface of their name, but for what their IPAM has noted."""


def ipam_type(step: Step) -> str:
    """The IPAM plugin that the step's plugin would run; "" where there is none."""
    ipam = json_document.value(step.stdin).get("ipam")
    return str(ipam.get("type") or "") if isinstance(ipam, dict) else ""


def add(attachments: Sequence[Attachment]) -> Plan:
    """The default network first; then the others at once where that is safe, links made in the annotation's order."""
    default, *others = [_chain(Verb.ADD, each) for each in attachments]
    steps = list(default)
    barrier = (default[-1].id,)
    running: list[list[Step]] = []
    for attachment, chain in zip(attachments[1:], others, strict=True):
        if _is_independent(attachment):
            links = (running[-1][0].id,) if running else ()
            steps += _waiting(chain, after=barrier, after_links=links)
            running.append(chain)
        else:
            steps += _waiting(chain, after=(*barrier, *(c[-1].id for c in running)))
            barrier, running = (chain[-1].id,), []
    return Plan(Verb.ADD, tuple(steps), halt=True)


def delete(attachments: Sequence[Attachment], begun: Collection[str] | None = None) -> Plan:
    """All chains backwards; the last attachment first where one may stand on another, the default network at the end.

    One that fails keeps none of the others from being deleted (S102). Where it is known which steps of the ADD were
    `begun`, only these are deleted: a plugin that never ran may fail on DEL for ever (C60).
    """
    steps: list[Step] = []
    ended: tuple[str, ...] = ()
    running: list[str] = []
    for attachment in reversed(attachments):
        chain = _chain(Verb.DEL, attachment, begun)
        if not chain:
            continue
        if attachment.default or not _is_independent(attachment):
            steps += _waiting(chain, after=(*ended, *running))
            ended, running = (*ended, *running, chain[-1].id), []
        else:
            steps += _waiting(chain, after=ended)
            running.append(chain[-1].id)
    return Plan(Verb.DEL, tuple(steps), halt=False)


def check(attachments: Sequence[Attachment]) -> Plan:
    """CHECK of every network whose configuration knows the verb (C79)."""
    checked = [
        a for a in attachments if versions.at_least(a.conf.cni_version, "0.4.0") and not a.conf.disable_check
    ]
    return Plan(Verb.CHECK, tuple(step for a in checked for step in _chain(Verb.CHECK, a)), halt=True)


def status(default: Attachment) -> Plan:
    """STATUS of the default network's plugins, where its configuration knows the verb; other networks keep no node down (C80)."""
    knows = versions.at_least(default.conf.cni_version, "1.1.0")
    return Plan(Verb.STATUS, tuple(_chain(Verb.STATUS, default)) if knows else (), halt=True)


def collect(
    default: Attachment, listed: Iterable[tuple[str, str]], alive: Sequence[tuple[str, Attachment]]
) -> Plan:
    """GC of the default network and of every configuration in `alive`, one plugin after the other; each is asked (C52).

    Each is told what is alive in the network of its name, over all configurations of that name (C81); for the default network
    that is what the runtime has `listed` too. Container ids and interfaces.
    """
    valid = {default.conf.name: list(listed)}
    for container_id, each in alive:
        valid.setdefault(each.conf.name, []).append((container_id, each.ifname))
    used = {(each.conf.name, each.config_text): each for each in (default, *(each for _, each in alive))}
    steps: list[Step] = []
    for each in filter(_collects, used.values()):
        for plugin in each.conf.plugins:
            step = Step(
                id=f"{each.network}/{len(steps)}",
                ifname="",
                plugin=plugin.type,
                stdin=_with_valid(cni_config.plugin_stdin(each.conf, plugin, {}, {}), valid[each.conf.name]),
                args="",
                cni_version=each.conf.cni_version,
                after=(steps[-1].id,) if steps else (),
            )
            steps.append(step)
    return Plan(Verb.GC, tuple(steps), halt=False)


def _collects(attachment: Attachment) -> bool:
    """C7, C55."""
    disabled = str(json_document.value(attachment.config_text).get("disableGC", False)).lower() == "true"
    return versions.at_least(attachment.conf.cni_version, "1.1.0") and not disabled


def _with_valid(stdin: str, valid: Iterable[tuple[str, str]]) -> str:
    """Under both names: of the specification's later text and of the released one."""
    listed = [
        {"containerID": container_id, "ifname": ifname} for container_id, ifname in dict.fromkeys(valid)
    ]
    text = json.dumps(listed)
    return json_document.with_members(stdin, {"cni.dev/valid-attachments": text, "cni.dev/attachments": text})


def _chain(verb: Verb, attachment: Attachment, only: Collection[str] | None = None) -> list[Step]:
    """One attachment's plugins. On ADD each gets the one before's result, else all get the final one (C45, C48, C50)."""
    named = [
        (f"{attachment.ifname}/{number}", plugin) for number, plugin in enumerate(attachment.conf.plugins)
    ]
    if verb is Verb.DEL:
        named.reverse()
    steps: list[Step] = []
    for step_id, plugin in named:
        if only is not None and step_id not in only:
            continue
        before = (steps[-1].id,) if steps else ()
        steps.append(
            Step(
                id=step_id,
                ifname=attachment.ifname,
                plugin=plugin.type,
                stdin=_stdin(verb, attachment, plugin),
                args=cni_request.args_text(attachment.args),
                cni_version=attachment.conf.cni_version,
                previous=before[0] if before and verb is Verb.ADD else None,
                needs=before,
            )
        )
    return steps


def _stdin(verb: Verb, attachment: Attachment, plugin: PluginConfig) -> str:
    stdin = cni_config.plugin_stdin(attachment.conf, plugin, attachment.runtime_config, attachment.cni_args)
    knows_result = verb is not Verb.ADD and versions.at_least(attachment.conf.cni_version, "0.4.0")
    return cni_config.with_previous(stdin, attachment.result or None) if knows_result else stdin


def _waiting(chain: list[Step], *, after: Iterable[str], after_links: tuple[str, ...] = ()) -> list[Step]:
    """The chain with its first step waiting; the others wait for that one anyway."""
    return [dataclasses.replace(chain[0], after=tuple(after), after_links=after_links), *chain[1:]]


def _is_independent(attachment: Attachment) -> bool:
    """Whether nothing else in the pod matters to it, nor it to anything else.

    Two default routes would race for the first place in the table, so networks that set routes keep their turn; links whose
    master stands in the pod need the one that makes it.
    """
    return all(_plugin_is_independent(plugin) for plugin in attachment.conf.plugins)


@functools.lru_cache(maxsize=512)  # the same few networks for all pods of a node
def _plugin_is_independent(plugin: PluginConfig) -> bool:
    body = json_document.value(plugin.text)
    ipam = body.get("ipam") or {}
    ipam_type = ipam.get("type") if isinstance(ipam, dict) else None
    return (
        plugin.type in _INDEPENDENT
        and (ipam_type is None or ipam_type in _INDEPENDENT)
        and not body.get("linkInContainer")
        and not body.get("isDefaultGateway")
        and not (isinstance(ipam, dict) and ipam.get("routes"))
    )

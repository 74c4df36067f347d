"""Compiled chains: what the shim runs without the daemon, as a file of frames (frames.py), in this order.

    N  "netattach-chain", version, cniVersion, milliseconds for each plugin, features
    O  directory, name of netattach's conflist, "first" or "named", a name (default network only; so are F and X)
    F  name, content                                             (one per file; the last is the default network's)
    X  namespace, …                                              (for pods of these, feature p means the opposite)
    S  network, plugin, CNI_IFNAME, CNI_ARGS, standard input without its first brace, capability, …
    I  number of a step, capability, "[]" or "{}"                (default network only; for steps that may be idle)
    E
    C  CNI_NETNS, CNI_IFNAME, CNI_ARGS, runtimeConfig            (record only; so are R and T)
    R  result
    T                                                            (the pod's network-status is written)

There are four kinds. The **default network** is run for pods without secondary networks, as long as the node's files are equal to
those that it was compiled from: "first" says that no other file may precede them, and the name after it must not exist (a
directory with more plugins). A sandbox's **record** is the default network as it was run, followed by the call and, once all
plugins have succeeded, the result. A **deletion** is the complete DEL of a sandbox in the ledger. After an uninstall, the
**sources** of the conflist's copy (uninstall_conflist.py) are written in the form of a default network and never run: the copy is
the first of the files, and the directory and the network determine what the shim removes.

Standard input begins with a brace that the shim writes, so that it can insert members after it: prevResult, and the values that
the runtime gives for the step's capabilities. An empty interface or CNI_ARGS means the call's.

A step with an I has nothing to do where the call's runtimeConfig does not have that capability, or has null or this empty value
for it (idle_plugins.py). It is then started neither on ADD nor on DEL. Earlier shims ignore the frame.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.api.pod import PodRef
from netattach_core.attach import idle_plugins, plan
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.attach.idle_plugins import Work
from netattach_core.attach.plan import Carrier
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni import config as cni_config
from netattach_core.cni import request as cni_request
from netattach_core.cni import versions
from netattach_core.errors import DecodeError, NetattachError
from netattach_core.shim import frames
from netattach_core.text import json_document

MAGIC = "netattach-chain"
VERSION = 1
MAX_FILES = 32
MAX_STEPS = 256
"""The shim's limits."""


class Feature(enum.StrEnum):
    """A chain's features, one letter each."""

    PLAIN = "p"
    """a pod that selects no network gets this chain alone"""
    RESULT = "r"
    """DEL and CHECK get the result of ADD (cniVersion 0.4.0)"""
    CHECK = "c"
    """its plugins support CHECK, and the configuration does not disable it"""
    STATUS = "s"
    """its plugins support STATUS (cniVersion 1.1.0)"""


@dataclass(frozen=True, slots=True)
class Source:
    """The files of `directory` from the first to the default network's, without `own`.

    `first`: no other file may precede them. `absent`: a name that must not exist, "" for none.
    """

    directory: str
    own: str
    first: bool
    files: tuple[tuple[str, bytes], ...]
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One plugin; `stdin` is without its first brace. `work`: what it is started for, None for always."""

    network: str
    plugin: str
    ifname: str
    args: str
    stdin: str
    capabilities: tuple[str, ...] = ()
    work: Work | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps in the order of ADD or, in a deletion, in that of DEL."""

    cni_version: str
    deadline_ms: int
    features: frozenset[Feature]
    steps: tuple[Step, ...]
    source: Source | None = None
    except_namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """The runtime's call for a sandbox; `runtime_config` is JSON text without the pod's annotations."""

    netns: str
    ifname: str
    args: str
    runtime_config: str


@dataclass(frozen=True, slots=True)
class Record:
    """What the shim did for a sandbox; the result is "" unless all plugins succeeded."""

    chain: Chain
    call: Call
    result: str = ""
    status_written: bool = False


STATUS_WRITTEN = frames.pack(ord("T"), ())
"""The frame that is appended to a record once the pod's network-status is written."""


def default_network(
    network: Network,
    source: Source,
    *,
    plain: bool,
    except_namespaces: Sequence[str] = (),
    deadline_ms: int = 0,
    skip_idle: bool = False,
) -> Chain:
    """The default network's chain. `plain`: pods that select no network get it alone; the opposite in `except_namespaces`.

    `skip_idle`: plugins that have nothing to do in a call are not started.
    """
    config = cni_config.parse(network.config_text, network.config_name)
    steps = (
        Step(
            network=network.network,
            plugin=plugin.type,
            ifname="",
            args="",
            stdin=cni_config.plugin_stdin(config, plugin, {}, {})[1:],
            capabilities=tuple(sorted(plugin.capabilities - {cni_request.POD_ANNOTATIONS})),
            work=idle_plugins.work_of(config, number) if skip_idle else None,
        )
        for number, plugin in enumerate(config.plugins)
    )
    has_check = versions.at_least(config.cni_version, "0.4.0")
    supported = {
        Feature.PLAIN: plain,
        Feature.RESULT: has_check,
        Feature.CHECK: has_check and not config.disable_check,
        Feature.STATUS: versions.at_least(config.cni_version, "1.1.0"),
    }
    features = frozenset(feature for feature, is_supported in supported.items() if is_supported)
    return Chain(config.cni_version, deadline_ms, features, tuple(steps), source, tuple(except_namespaces))


def deletion(attachments: Sequence[Attachment], deadline_ms: int, *, skip_idle: bool = False) -> Chain:
    """The DEL of a sandbox in the ledger. Raises NetattachError where a configuration cannot be read."""
    networks = {each.ifname: each.network for each in attachments}
    steps = (
        Step(networks[step.ifname], step.plugin, step.ifname, step.args, step.stdin[1:])
        for step in plan.delete(attachments, skip_idle=skip_idle).steps
        if step.carrier is not Carrier.NOTHING
    )
    return Chain("", deadline_ms, frozenset(), tuple(steps))


def encode(chain: Chain) -> bytes:
    """The file's bytes. Raises DecodeError for more than the shim has room for; the daemon is asked in that case."""
    source = chain.source
    if len(chain.steps) > MAX_STEPS or (source and len(source.files) > MAX_FILES):
        raise DecodeError(
            f"the shim has room for {MAX_STEPS} plugins and {MAX_FILES} files, so the daemon will be asked instead"
        )
    head = [MAGIC, str(VERSION), chain.cni_version, str(chain.deadline_ms), "".join(sorted(chain.features))]
    parts = [_pack("N", *head)]
    if source:
        parts += [
            _pack("O", source.directory, source.own, "first" if source.first else "named", source.absent)
        ]
        parts += [frames.pack(ord("F"), (name.encode(), content)) for name, content in source.files]
        parts += [_pack("X", *chain.except_namespaces)]
    parts += [
        _pack("S", s.network, s.plugin, s.ifname, s.args, s.stdin, *s.capabilities) for s in chain.steps
    ]
    parts += [
        _pack("I", str(number), s.work.capability, s.work.empty)
        for number, s in enumerate(chain.steps)
        if s.work
    ]
    return b"".join([*parts, _pack("E")])


def parse(data: bytes) -> Chain:
    """Reads a default network or a deletion. Raises DecodeError."""
    return _chain(list(_frames(data)))


def parse_record(data: bytes) -> Record:
    """Reads a record, also one that a loss of power truncated. Raises DecodeError if it has no call."""
    read = list(_frames(data))
    call = next((fields for kind, fields in read if kind == "C"), None)
    if call is None or len(call) != 4:
        raise DecodeError("a record without its call: nothing was started")
    result = next((fields[0] for kind, fields in read if kind == "R" and fields), b"")
    status_written = any(kind == "T" for kind, _ in read)
    return Record(_chain(read), Call(*map(frames.text, call)), frames.text(result), status_written)


def pod_of(record: Record) -> PodRef | None:
    """The record's pod, None if its CNI_ARGS have none."""
    args = cni_request.parse_args(record.call.args)
    namespace, name = args.get("K8S_POD_NAMESPACE"), args.get("K8S_POD_NAME")
    return PodRef(namespace, name, args.get("K8S_POD_UID", "")) if namespace and name else None


def sandbox_of(container_id: str, record: Record) -> Sandbox:
    """The record as a ledger entry. Raises DecodeError."""
    source, call = record.chain.source, record.call
    if source is None or not source.files or not record.chain.steps:
        raise DecodeError("a record without the default network's configuration")
    network = record.chain.steps[0].network
    try:
        attachment = Attachment(
            network=network,
            ifname=call.ifname,
            config_text=frames.text(source.files[-1][1]),
            config_name=network,
            default=True,
            args=cni_request.parse_args(call.args),
            runtime_config=_object(call.runtime_config),
            result=record.result,
        )
        phase = Phase.ADDED if record.result else Phase.ADDING
        return Sandbox(container_id, call.netns, pod_of(record), phase, (attachment,))
    except NetattachError as error:
        raise DecodeError(f"a record that cannot be used: {error.message}") from error


def _object(text: str) -> dict[str, Any]:
    try:
        value = json_document.value(text)
    except json_document.JsonTextError as error:
        raise DecodeError(f"runtimeConfig is not JSON: {error.problem}") from error
    if not isinstance(value, dict):
        raise DecodeError("runtimeConfig is not a JSON object")
    return value


def _pack(kind: str, *fields: str) -> bytes:
    return frames.pack(ord(kind), (field.encode() for field in fields))


def _frames(data: bytes) -> Iterator[tuple[str, tuple[bytes, ...]]]:
    rest = bytearray(data)
    while (taken := frames.take(rest)) is not None:
        yield chr(taken[0]), taken[1]


def _chain(read: Iterable[tuple[str, tuple[bytes, ...]]]) -> Chain:
    by_kind: dict[str, list[tuple[bytes, ...]]] = {}
    for kind, fields in read:
        by_kind.setdefault(kind, []).append(fields)
    if "E" not in by_kind:
        raise DecodeError("a compiled chain without its end")
    try:
        magic, version, cni_version, deadline, features = map(frames.text, by_kind["N"][0])
        if (magic, version) != (MAGIC, str(VERSION)):
            raise DecodeError(f"{magic!r} of version {version!r}; this program reads {MAGIC} {VERSION}")
        namespaces = tuple(map(frames.text, by_kind.get("X", [()])[0]))
        known = frozenset(feature for feature in Feature if feature.value in features)
        work = {number: Work(*rest) for number, *rest in map(_texts, by_kind.get("I", []))}
        steps = tuple(_step(fields, work.get(str(at))) for at, fields in enumerate(by_kind.get("S", [])))
        return Chain(
            cni_version, frames.number(deadline.encode()), known, steps, _source(by_kind), namespaces
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DecodeError(f"not a compiled chain: {error}") from error


def _texts(fields: Sequence[bytes]) -> list[str]:
    return [frames.text(each) for each in fields]


def _step(fields: Sequence[bytes], work: Work | None) -> Step:
    network, plugin, ifname, args, stdin, *capabilities = _texts(fields)
    return Step(network, plugin, ifname, args, stdin, tuple(capabilities), work)


def _source(by_kind: dict[str, list[tuple[bytes, ...]]]) -> Source | None:
    if "O" not in by_kind:
        return None
    directory, own, which, absent = map(frames.text, by_kind["O"][0])
    files = tuple((frames.text(name), content) for name, content in by_kind.get("F", []))
    return Source(directory, own, which == "first", files, absent)

"""Compiled chains: what the shim does without the daemon, as a file of frames (frames.py), in this order.

    N  "netattach-chain", version, cniVersion, milliseconds for each plugin, features
    O  directory, our own conf's name, "first" or "named", a name (of a primary; so are F and X)
    F  name, content                                             (one each; the last is the primary's file)
    X  namespace, …                                              (for whose pods feature p says the opposite)
    S  network, plugin, CNI_IFNAME, CNI_ARGS, standard input without its first brace, capability, …
    E
    C  CNI_NETNS, CNI_IFNAME, CNI_ARGS, runtimeConfig            (of a sandbox's note; so are R and T)
    R  result
    T                                                            (the pod's network-status is told)

There are three kinds. The **primary** is run for plain pods, as long as the node's files are, to the byte, what they were when
it was compiled: "first" says that no other file may have come before them, and nothing of the name behind it may be there (a
directory with more plugins). What a **stand-in** was made from (stand_in.py) is told in the same way, and never run; itself is
the first of the files, and its directory and network say where the shim finds what it removes. A sandbox's **note** is the
primary as it was run, with the call behind it and, once all is attached, the result. A **deletion** is the DEL of a sandbox in
the ledger, complete to the last byte.

Standard input begins with a brace that the shim writes, so that what it knows goes right behind: prevResult, and what the
runtime offers of the step's capabilities. An empty interface or CNI_ARGS means the call's.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from netattach_core.api.pod import PodRef
from netattach_core.attach import plan
from netattach_core.attach.attachment import Attachment, Network
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
"""What the shim has room for."""


class Feature(enum.StrEnum):
    """What a chain knows, one letter each."""

    PLAIN = "p"
    """a pod whose annotations select nothing gets this chain and no more"""
    RESULT = "r"
    """DEL and CHECK are given the result of ADD (cniVersion 0.4.0)"""
    CHECK = "c"
    """its plugins know CHECK, and are to be asked"""
    STATUS = "s"
    """its plugins know STATUS (cniVersion 1.1.0)"""


@dataclass(frozen=True, slots=True)
class Source:
    """The files of `directory` from the first to the primary's, but for `own`.

    `first`: none may have come before them. `absent`: a name that must not be there, "" for none.
    """

    directory: str
    own: str
    first: bool
    files: tuple[tuple[str, bytes], ...]
    absent: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One plugin; `stdin` is without its first brace."""

    network: str
    plugin: str
    ifname: str
    args: str
    stdin: str
    capabilities: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps in the order of ADD or, in a deletion, in that of DEL."""

    cni_version: str
    deadline_ms: int
    features: frozenset[Feature]
    steps: tuple[Step, ...]
    source: Source | None = None
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """What the runtime asked of us for a sandbox; `runtime_config` is JSON text without the pod's annotations."""

    netns: str
    ifname: str
    args: str
    runtime_config: str


@dataclass(frozen=True, slots=True)
class Note:
    """What the shim did for a sandbox; without a result it did not come to the end."""

    chain: Chain
    call: Call
    result: str = ""
    told: bool = False


TOLD = frames.pack(ord("T"), ())
"""What is appended to a note when the pod's network-status is told."""


def primary(
    network: Network, source: Source, *, plain: bool, excepted: Sequence[str] = (), deadline_ms: int = 0
) -> Chain:
    """The default network's. `plain`: a pod that selects nothing gets nothing else; the opposite for namespaces `excepted`."""
    conf = cni_config.parse(network.config_text, network.config_name)
    steps = (
        Step(
            network=network.network,
            plugin=plugin.type,
            ifname="",
            args="",
            stdin=cni_config.plugin_stdin(conf, plugin, {}, {})[1:],
            capabilities=tuple(sorted(plugin.capabilities - {cni_request.POD_ANNOTATIONS})),
        )
        for plugin in conf.plugins
    )
    knows_check = versions.at_least(conf.cni_version, "0.4.0")
    held = {
        Feature.PLAIN: plain,
        Feature.RESULT: knows_check,
        Feature.CHECK: knows_check and not conf.disable_check,
        Feature.STATUS: versions.at_least(conf.cni_version, "1.1.0"),
    }
    features = frozenset(feature for feature, is_held in held.items() if is_held)
    return Chain(conf.cni_version, deadline_ms, features, tuple(steps), source, tuple(excepted))


def deletion(attachments: Sequence[Attachment], deadline_ms: int) -> Chain:
    """The DEL of a sandbox in the ledger. Raises NetattachError where a configuration cannot be read."""
    networks = {each.ifname: each.network for each in attachments}
    steps = (
        Step(networks[step.ifname], step.plugin, step.ifname, step.args, step.stdin[1:])
        for step in plan.delete(attachments).steps
    )
    return Chain("", deadline_ms, frozenset(), tuple(steps))


def encode(chain: Chain) -> bytes:
    """The file's bytes. Raises DecodeError for more than the shim has room for: then the daemon is asked."""
    source = chain.source
    if len(chain.steps) > MAX_STEPS or (source and len(source.files) > MAX_FILES):
        raise DecodeError(
            f"the shim has room for {MAX_STEPS} plugins and {MAX_FILES} files; the daemon does it instead"
        )
    head = [MAGIC, str(VERSION), chain.cni_version, str(chain.deadline_ms), "".join(sorted(chain.features))]
    parts = [_pack("N", *head)]
    if source:
        parts += [
            _pack("O", source.directory, source.own, "first" if source.first else "named", source.absent)
        ]
        parts += [frames.pack(ord("F"), (name.encode(), content)) for name, content in source.files]
        parts += [_pack("X", *chain.excepted)]
    parts += [
        _pack("S", s.network, s.plugin, s.ifname, s.args, s.stdin, *s.capabilities) for s in chain.steps
    ]
    return b"".join([*parts, _pack("E")])


def encode_note(note: Note) -> bytes:
    """A note as the shim writes it."""
    call = note.call
    parts = [encode(note.chain), _pack("C", call.netns, call.ifname, call.args, call.runtime_config)]
    parts += [_pack("R", note.result)] if note.result else []
    return b"".join([*parts, TOLD if note.told else b""])


def parse(data: bytes) -> Chain:
    """Reads a primary or a deletion. Raises DecodeError."""
    return _chain(list(_frames(data)))


def parse_note(data: bytes) -> Note:
    """Reads a note, also one whose end was cut off by a loss of power. Raises DecodeError where it holds no call."""
    read = list(_frames(data))
    call = next((fields for kind, fields in read if kind == "C"), None)
    if call is None or len(call) != 4:
        raise DecodeError("a note without its call: nothing was begun")
    result = next((fields[0] for kind, fields in read if kind == "R" and fields), b"")
    told = any(kind == "T" for kind, _ in read)
    return Note(_chain(read), Call(*map(frames.text, call)), frames.text(result), told)


def pod_of(note: Note) -> PodRef | None:
    """The pod that the note is about."""
    args = cni_request.parse_args(note.call.args)
    namespace, name = args.get("K8S_POD_NAMESPACE"), args.get("K8S_POD_NAME")
    return PodRef(namespace, name, args.get("K8S_POD_UID", "")) if namespace and name else None


def sandbox_of(container_id: str, note: Note) -> Sandbox:
    """The note as an entry of the ledger, for all that the daemon does with those. Raises DecodeError."""
    source, call = note.chain.source, note.call
    if source is None or not source.files or not note.chain.steps:
        raise DecodeError("a note without the default network's configuration")
    network = note.chain.steps[0].network
    try:
        attachment = Attachment(
            network=network,
            ifname=call.ifname,
            config_text=frames.text(source.files[-1][1]),
            config_name=network,
            default=True,
            args=cni_request.parse_args(call.args),
            runtime_config=_object(call.runtime_config),
            result=note.result,
        )
        phase = Phase.ADDED if note.result else Phase.ADDING
        return Sandbox(container_id, call.netns, pod_of(note), phase, (attachment,))
    except NetattachError as error:
        raise DecodeError(f"a note that cannot be carried out: {error.message}") from error


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
        excepted = tuple(map(frames.text, by_kind.get("X", [()])[0]))
        held = frozenset(feature for feature in Feature if feature.value in features)
        steps = tuple(_step(fields) for fields in by_kind.get("S", []))
        return Chain(cni_version, frames.number(deadline.encode()), held, steps, _source(by_kind), excepted)
    except (KeyError, ValueError) as error:
        raise DecodeError(f"not a compiled chain: {error}") from error


def _step(fields: Sequence[bytes]) -> Step:
    network, plugin, ifname, args, stdin, *capabilities = map(frames.text, fields)
    return Step(network, plugin, ifname, args, stdin, tuple(capabilities))


def _source(by_kind: dict[str, list[tuple[bytes, ...]]]) -> Source | None:
    if "O" not in by_kind:
        return None
    directory, own, which, absent = map(frames.text, by_kind["O"][0])
    files = tuple((frames.text(name), content) for name, content in by_kind.get("F", []))
    return Source(directory, own, which == "first", files, absent)

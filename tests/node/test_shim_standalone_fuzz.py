"""Random and mutated standard input, chains, records and results: the shim may fail, but it never crashes and never hangs.

The scanner is compared with Python's JSON: an object without a selecting annotation for the one is so for the other, too.
NETATTACH_SOAK, in seconds, gives it more time than a test run has. A failure names its seed: the same seed makes the same bytes.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netattach_core.attach.idle_plugins import Work
from netattach_core.cni.request import POD_ANNOTATIONS
from netattach_core.shim import compiled_chain, frames
from netattach_core.shim.compiled_chain import Call, Chain, Feature, Record, Source, Step
from support import require
from support.build import shim_binary, shim_sanitized
from support.records import encode_record
from support.shim_peer import Host

SECONDS = float(os.environ.get("NETATTACH_SOAK", "1.5"))

STEP = Step(
    "cbr0", "plugin", "", "", '"name":"cbr0","type":"plugin"}', ("portMappings",), Work("portMappings", "[]")
)
STDIN = json.dumps(
    {
        "cniVersion": "1.0.0",
        "name": "netattach",
        "runtimeConfig": {
            "portMappings": [{"hostPort": 80}],
            POD_ANNOTATIONS: {"a/b": 'x"\u00e9\\', "c": ""},
        },
        "n": [1.5e-3, -0, True, None, {"deep": [[[]]]}],
    }
).encode()
RESULT = b'{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.2/24"}],"dns":{}}'


class Fuzzed:
    """A host with one plugin, which prints a file, and with a namespace of its own, so that ADD is standalone."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self.chains = host, directory / "ledger/chains"
        self.config, self.result = directory / "conf", directory / "result"
        self.added = directory / "added"
        for path in (self.chains / "plain", self.chains / "del", self.config):
            path.mkdir(parents=True)
        host.plugin("plugin", f"echo $CNI_COMMAND >> {self.added}; cat {self.result}")
        (self.config / "10-a.conf").write_text("{}")
        source = Source(str(self.config), "00-netattach.conflist", True, (("10-a.conf", b"{}"),))
        features = frozenset({Feature.PLAIN, Feature.RESULT, Feature.CHECK})
        self.chain = Chain("1.0.0", 5000, features, (STEP,), source, ("shop",))
        self.record = Record(self.chain, Call("/n", "net9", "A=b", '{"portMappings":[{}]}'), RESULT.decode())

    def run(self, verb: str, *, stdin: bytes = STDIN, primary: bytes = b"", record: bytes = b"", deletion: bytes = b"",
            result: bytes = RESULT) -> tuple[int, bytes, bytes]:  # fmt: skip  # the parts that are mutated, two lines
        """One call on fresh files; exit status, standard output, standard error."""
        self.added.unlink(missing_ok=True)
        self.result.write_bytes(result)
        (self.chains / "primary").write_bytes(primary or compiled_chain.encode(self.chain))
        for place, data in (("plain", record), ("del", deletion)):
            (self.chains / place / "sandbox").unlink(missing_ok=True)
            if data:
                (self.chains / place / "sandbox").write_bytes(data)
        shim = self.host.start_open(verb, through=("unshare", "--user", "--map-root-user", "--net"))
        shim.feed(stdin)
        stdout, stderr = shim.process.communicate(timeout=20)
        shim.close()
        return shim.process.returncode, stdout, stderr

    def verbs_run(self) -> list[str]:
        return self.added.read_text().split() if self.added.exists() else []


@pytest.fixture
def fuzzed(tmp_path: Path) -> Iterator[Fuzzed]:
    require.own_namespaces()
    with Host(shim_sanitized() or shim_binary(), tmp_path) as host:
        host.daemon.close()
        host.variables |= {
            "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",  # it exits by _exit and frees nothing
            "UBSAN_OPTIONS": "abort_on_error=1",
            "NETATTACH_CHAINS": str(tmp_path / "ledger/chains"),
            "NETATTACH_WAIT_MS": "0",
            "CNI_NETNS": "/proc/self/ns/net",
            "CNI_IFNAME": "net9",
            "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=default",
        }
        yield Fuzzed(host, tmp_path)


def _mutated(rng: random.Random, whole: bytes) -> bytes:
    """A few bytes, or the end, are changed, removed or doubled."""
    data = bytearray(whole)
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(data) or 1)
        match rng.randrange(6):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                data[at : at + 1] = rng.choice(
                    [b'"', b"\\", b"{", b"}", b"[", b",", b":", b"\\u00", b"0", b" "]
                )
            case 2:
                del data[at : at + rng.randrange(1, 9)]
            case 3:
                data[at:at] = data[at : at + rng.randrange(1, 40)]
            case 4:
                del data[at:]
            case _:
                data[at : at + 4] = rng.getrandbits(32).to_bytes(4, "little")
    return bytes(data)


def _seeds() -> Iterator[int]:
    first = random.randrange(1 << 32)
    end = time.monotonic() + SECONDS
    return itertools.takewhile(lambda _: time.monotonic() < end, itertools.count(first))


def _assert_regular_exit(ended: tuple[int, bytes, bytes], context: str) -> None:
    """The shim exits by itself, prints a result or an error object, and no sanitizer reports anything."""
    status, stdout, stderr = ended
    assert status in (0, 1), context
    assert b"Sanitizer" not in stderr, context
    assert b"runtime error" not in stderr, context
    assert b"process was killed" not in stdout, context
    assert status == 0 or {"code", "msg", "details"} == set(json.loads(stdout)), context


def test_without_mutations_the_calls_are_standalone(fuzzed: Fuzzed) -> None:
    """Else the other tests would prove nothing."""
    assert (0, RESULT, b"") == fuzzed.run("ADD")
    assert ["ADD"] == fuzzed.verbs_run()
    assert (0, b"", b"") == fuzzed.run("DEL", record=encode_record(fuzzed.record))
    assert ["DEL"] == fuzzed.verbs_run()


@pytest.mark.parametrize("kind", ["N", "O", "F", "S", "E"])
def test_an_incomplete_default_network_is_left_to_the_daemon(fuzzed: Fuzzed, kind: str) -> None:
    """A file without its origin was once a crash."""
    rest, parts = bytearray(compiled_chain.encode(fuzzed.chain)), b""
    while (frame := frames.take(rest)) is not None:
        parts += b"" if chr(frame[0]) == kind else frames.pack(*frame)

    ended = fuzzed.run("ADD", primary=parts)

    _assert_regular_exit(ended, kind)
    assert 11 == json.loads(ended[1])["code"]
    assert [] == fuzzed.verbs_run()


def test_a_standalone_call_selects_no_network_for_python_either(fuzzed: Fuzzed) -> None:
    """If a plugin ran, the standard input is an object with annotations that select nothing."""
    tried = 0
    for seed in _seeds():
        data = _mutated(random.Random(seed), STDIN)
        ended = fuzzed.run("ADD", stdin=data)
        _assert_regular_exit(ended, f"seed {seed}, {data!r}: {ended}")
        if fuzzed.verbs_run():
            offered = json.loads(data.decode(errors="replace"))["runtimeConfig"]
            assert "k8s.v1.cni.cncf.io/networks" not in offered[POD_ANNOTATIONS], f"seed {seed}, {data!r}"
        tried += 1
    assert tried


def _selecting(rng: random.Random) -> bytes:
    """The annotation among others; its key and the blanks around it in any of JSON's notations."""
    key = "".join(
        f"\\u{ord(char):04x}"
        if rng.random() < 0.03
        else "\\/"
        if char == "/" and rng.random() < 0.2
        else char
        for char in "k8s.v1.cni.cncf.io/networks"
    )
    others = [
        f'"a{number}": "{rng.choice(["", "{", chr(92) * 2, "é"])}"' for number in range(rng.randrange(4))
    ]
    annotations = [*others, f'"{key}"{rng.choice(["", " ", chr(10)])}: "mac"']
    rng.shuffle(annotations)
    offered = [f'"{POD_ANNOTATIONS}": {{{", ".join(annotations)}}}', '"portMappings": [{}]']
    rng.shuffle(offered)
    return (
        f'{{"cniVersion": "1.0.0",{rng.choice(["", " "])}"runtimeConfig": {{{",".join(offered)}}}}}'.encode()
    )


def test_an_add_of_a_pod_that_selects_networks_is_never_standalone(fuzzed: Fuzzed) -> None:
    """If Python finds the annotation in the standard input, the shim has started nothing."""
    tried = 0
    for seed in _seeds():
        rng = random.Random(seed)
        data = _selecting(rng)
        if tried and rng.random() < 0.5:
            data = _mutated(rng, data)
        ended = fuzzed.run("ADD", stdin=data)
        _assert_regular_exit(ended, f"seed {seed}, {data!r}: {ended}")
        try:
            selects = "k8s.v1.cni.cncf.io/networks" in json.loads(data)["runtimeConfig"][POD_ANNOTATIONS]
        except (ValueError, KeyError, TypeError):
            continue
        assert not (selects and fuzzed.verbs_run()), f"seed {seed}, {data!r}"
        tried += selects
    assert tried


@pytest.mark.parametrize("what", ["primary", "record", "deletion", "result"])
def test_no_file_and_no_result_crash_the_shim(fuzzed: Fuzzed, what: str) -> None:
    """Disks and plugins may return anything."""
    whole: dict[str, Callable[[], bytes]] = {
        "primary": lambda: compiled_chain.encode(fuzzed.chain),
        "record": lambda: encode_record(fuzzed.record),
        "deletion": lambda: compiled_chain.encode(Chain("", 5000, frozenset(), (STEP, STEP))),
        "result": lambda: RESULT,
    }
    verbs = {
        "primary": ["ADD", "STATUS"],
        "record": ["DEL", "CHECK", "ADD"],
        "deletion": ["DEL"],
        "result": ["ADD"],
    }
    tried = 0
    for seed in _seeds():
        rng = random.Random(seed)
        data = _mutated(rng, whole[what]())
        verb = rng.choice(verbs[what])
        mutated = {what: data} if data else {}
        ended = fuzzed.run(verb, **mutated)
        _assert_regular_exit(ended, f"seed {seed}, {verb}, {data!r}: {ended}")
        tried += 1
    assert tried

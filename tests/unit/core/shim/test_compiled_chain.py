"""Compiled chains: what is written comes back, what was cut off is seen, and what a step says is what the daemon would say."""

from __future__ import annotations

import contextlib
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.attach import attachment, plan
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.attach.sandbox import Phase
from netattach_core.cni import request as cni_request
from netattach_core.errors import DecodeError
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Call, Chain, Feature, Note, Source, Step
from support.notes import encode_note

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TEXTS = st.lists(TEXT, max_size=4).map(tuple)
STEPS = st.lists(st.builds(Step, TEXT, TEXT, TEXT, TEXT, TEXT, TEXTS), max_size=4).map(tuple)
FILES = st.lists(st.tuples(TEXT, st.binary(max_size=60)), max_size=4).map(tuple)
SOURCES = st.builds(Source, TEXT, TEXT, st.booleans(), FILES, TEXT)
FEATURES = st.sets(st.sampled_from(Feature)).map(frozenset)
NUMBERS = st.integers(min_value=0, max_value=10**17)
PRIMARIES = st.builds(Chain, TEXT, NUMBERS, FEATURES, STEPS, SOURCES, TEXTS)
DELETIONS = st.builds(Chain, TEXT, NUMBERS, FEATURES, STEPS)
NOTES = st.builds(Note, PRIMARIES, st.builds(Call, TEXT, TEXT, TEXT, TEXT), TEXT, st.booleans())

CHAIN = (
    '{"cniVersion": "1.0.0", "name": "cbr0", "plugins": ['
    '{"type": "bridge", "bridge": "cbr0", "mtu": 1400.0},'
    '{"type": "portmap", "capabilities": {"portMappings": true}, "prevResult": {"injected": true}}]}'
)
SOURCE = Source("/etc/cni/net.d", "00-netattach.conflist", True, (("10-cbr0.conflist", CHAIN.encode()),))
ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1"


def _primary(text: str = CHAIN, *, plain: bool = True) -> Chain:
    return compiled_chain.default_network(Network("cbr0", text, "cbr0"), SOURCE, plain=plain)


def _features(text: str) -> set[Feature]:
    return set(_primary(text, plain=False).features)


class TestTheFile:
    @given(PRIMARIES | DELETIONS)
    def test_a_chain_comes_back(self, chain: Chain) -> None:
        """Whatever texts it holds."""
        assert chain == compiled_chain.parse(compiled_chain.encode(chain))

    @given(NOTES)
    def test_a_note_comes_back(self, note: Note) -> None:
        """With its call, its result and whether it was told."""
        assert note == compiled_chain.parse_note(encode_note(note))

    @given(NOTES, st.data())
    def test_a_note_that_was_cut_off_says_no_more_than_it_holds(
        self, note: Note, data: st.DataObject
    ) -> None:
        """Cut anywhere it is either no note, or the note without its result or its mark: never another one."""
        whole = encode_note(note)
        cut = data.draw(st.integers(0, len(whole) - 1))
        less = [
            dataclasses.replace(note, status_written=False),
            dataclasses.replace(note, status_written=False, result=""),
        ]
        try:
            read = compiled_chain.parse_note(whole[:cut])
        except DecodeError:
            return

        assert read in less

    @given(st.binary(max_size=300))
    def test_garbage_raises_nothing_but_decode_errors(self, data: bytes) -> None:
        """Whatever a disk gives back."""
        for read in (compiled_chain.parse, compiled_chain.parse_note):
            with contextlib.suppress(DecodeError):
                read(data)

    def test_a_chain_of_another_version_is_not_read(self) -> None:
        """Neither by us, nor, as tests of the shim show, by a shim of another release."""
        data = compiled_chain.encode(_primary()).replace(b"\1\0\0\x001", b"\1\0\0\x002", 1)

        with pytest.raises(DecodeError, match="of version '2'"):
            compiled_chain.parse(data)

    def test_more_than_the_shim_has_room_for_is_refused(self) -> None:
        """A chain that the shim would cut off must not be written."""
        chain = dataclasses.replace(_primary(), steps=_primary().steps * 200)

        with pytest.raises(DecodeError, match="the daemon will be asked"):
            compiled_chain.encode(chain)


class TestThePrimary:
    def test_its_steps_are_what_the_plan_says(self) -> None:
        """With nothing offered and no result, the standard input of each step is the daemon's to the byte."""
        planned = plan.add([Attachment("cbr0", "eth0", CHAIN, "cbr0", default=True)]).steps

        assert [step.stdin for step in planned] == ["{" + step.stdin for step in _primary().steps]
        assert [step.plugin for step in planned] == [step.plugin for step in _primary().steps]

    def test_each_plugin_has_its_own_capabilities(self) -> None:
        """And never the pod's annotations, which are for us."""
        text = CHAIN.replace(
            '"portMappings": true', f'"portMappings": true, "{cni_request.POD_ANNOTATIONS}": true'
        )

        assert [(), ("portMappings",)] == [step.capabilities for step in _primary(text).steps]

    @pytest.mark.parametrize(
        ("version", "features"),
        [
            ("0.3.1", set()),
            ("0.4.0", {Feature.RESULT, Feature.CHECK}),
            ("1.1.0", {Feature.RESULT, Feature.CHECK, Feature.STATUS}),
        ],
    )
    def test_a_version_has_its_verbs(self, version: str, features: set[Feature]) -> None:
        """CHECK and the result at DEL came with 0.4.0, STATUS with 1.1.0."""
        assert features == _features(CHAIN.replace("1.0.0", version))

    def test_a_chain_that_is_not_to_be_checked_is_not(self) -> None:
        """`disableCheck` of the conflist."""
        assert {Feature.RESULT} == _features(CHAIN.replace('"name"', '"disableCheck": true, "name"'))


class TestTheDeletion:
    def test_its_steps_are_those_of_the_plan_in_their_order(self) -> None:
        """Complete, the result of ADD included, so that the shim adds nothing."""
        attachments = [
            Attachment("cbr0", "eth0", CHAIN, "cbr0", default=True, result='{"cniVersion":"1.0.0"}'),
            Attachment(
                "shop/mac", "net1", '{"cniVersion":"1.0.0","type":"macvlan"}', "mac", args={"MAC": "c2"}
            ),
        ]

        chain = compiled_chain.deletion(attachments, 1000)

        assert [("net1", "macvlan"), ("eth0", "portmap"), ("eth0", "bridge")] == [
            (step.ifname, step.plugin) for step in chain.steps
        ]
        assert [s.stdin for s in plan.delete(attachments).steps] == ["{" + s.stdin for s in chain.steps]
        assert "IgnoreUnknown=1;MAC=c2" == chain.steps[0].args
        assert {"cniVersion": "1.0.0"} == json.loads("{" + chain.steps[1].stdin)["prevResult"]


class TestANoteForTheDaemon:
    def test_it_is_the_entry_that_the_daemon_would_have_written(self) -> None:
        """So DEL, CHECK and a network that is added later go the ledger's way."""
        stdin = {cni_request.POD_ANNOTATIONS: {}, "portMappings": [{"hostPort": 80}]}
        environment = {
            "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "s1", "CNI_NETNS": "/n", "CNI_IFNAME": "eth0", "CNI_ARGS": ARGS,
        }  # fmt: skip  # one call, three lines
        call = cni_request.parse(
            environment, json.dumps({"cniVersion": "1.0.0", "runtimeConfig": stdin}).encode()
        )
        decided = attachment.of_default_network(call, Network("cbr0", CHAIN, "cbr0"))
        note = Note(_primary(), Call("/n", "eth0", ARGS, '{"portMappings":[{"hostPort":80}]}'), '{"ips":[]}')

        sandbox = compiled_chain.sandbox_of("s1", note)

        assert (attachment.with_result(decided, '{"ips":[]}'),) == sandbox.attachments
        assert (call.pod, Phase.ADDED, "/n") == (sandbox.pod, sandbox.phase, sandbox.netns)

    def test_without_a_result_it_was_not_finished(self) -> None:
        """The shim was killed, so what was begun is to be undone."""
        note = Note(_primary(), Call("/n", "eth0", ARGS, "{}"))

        assert Phase.ADDING is compiled_chain.sandbox_of("s1", note).phase

    @pytest.mark.parametrize("runtime_config", ["", "[]", "{"])
    def test_a_note_that_makes_no_sense_is_a_decode_error(self, runtime_config: str) -> None:
        """It has to be reported, as an entry of the ledger is that cannot be read."""
        with pytest.raises(DecodeError):
            compiled_chain.sandbox_of("s1", Note(_primary(), Call("/n", "eth0", ARGS, runtime_config)))

"""Compiled chains: read as written, truncation detected, and each plugin's input equal to the daemon's."""

from __future__ import annotations

import contextlib
import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.attach import attachment, plan
from netattach_core.attach.attachment import Attachment, Network
from netattach_core.attach.idle_plugins import Work
from netattach_core.attach.sandbox import Phase
from netattach_core.cni import request as cni_request
from netattach_core.errors import DecodeError
from netattach_core.shim import compiled_chain
from netattach_core.shim.compiled_chain import Call, Chain, Feature, Record, Source, Step
from support.records import encode_record

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
TEXTS = st.lists(TEXT, max_size=4).map(tuple)
WORK = st.none() | st.builds(Work, TEXT, TEXT)
STEPS = st.lists(st.builds(Step, TEXT, TEXT, TEXT, TEXT, TEXT, TEXTS, WORK), max_size=4).map(tuple)
FILES = st.lists(st.tuples(TEXT, st.binary(max_size=60)), max_size=4).map(tuple)
SOURCES = st.builds(Source, TEXT, TEXT, st.booleans(), FILES, TEXT)
FEATURES = st.sets(st.sampled_from(Feature)).map(frozenset)
NUMBERS = st.integers(min_value=0, max_value=10**17)
DEFAULT_NETWORKS = st.builds(Chain, TEXT, NUMBERS, FEATURES, STEPS, SOURCES, TEXTS)
DELETIONS = st.builds(Chain, TEXT, NUMBERS, FEATURES, STEPS)
RECORDS = st.builds(Record, DEFAULT_NETWORKS, st.builds(Call, TEXT, TEXT, TEXT, TEXT), TEXT, st.booleans())

CHAIN = (
    '{"cniVersion": "1.0.0", "name": "cbr0", "plugins": ['
    '{"type": "bridge", "bridge": "cbr0", "mtu": 1400.0},'
    '{"type": "portmap", "capabilities": {"portMappings": true}, "prevResult": {"injected": true}}]}'
)
SOURCE = Source("/etc/cni/net.d", "00-netattach.conflist", True, (("10-cbr0.conflist", CHAIN.encode()),))
ARGS = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web;K8S_POD_UID=u1"


def _default_network(text: str = CHAIN, *, plain: bool = True) -> Chain:
    return compiled_chain.default_network(Network("cbr0", text, "cbr0"), SOURCE, plain=plain)


def _features(text: str) -> set[Feature]:
    return set(_default_network(text, plain=False).features)


class TestFile:
    @given(DEFAULT_NETWORKS | DELETIONS)
    def test_a_chain_is_read_as_written(self, chain: Chain) -> None:
        """Whatever strings it contains."""
        assert chain == compiled_chain.parse(compiled_chain.encode(chain))

    @given(RECORDS)
    def test_a_record_is_read_as_written(self, record: Record) -> None:
        """With its call, its result, and whether its status was written."""
        assert record == compiled_chain.parse_record(encode_record(record))

    @given(RECORDS, st.data())
    def test_a_truncated_record_contains_nothing_else(self, record: Record, data: st.DataObject) -> None:
        """It is either no record, or the record without its result or its mark."""
        encoded = encode_record(record)
        size = data.draw(st.integers(0, len(encoded) - 1))
        less = [
            dataclasses.replace(record, status_written=False),
            dataclasses.replace(record, status_written=False, result=""),
        ]
        try:
            read = compiled_chain.parse_record(encoded[:size])
        except DecodeError:
            return

        assert read in less

    @given(st.binary(max_size=300))
    def test_garbage_raises_nothing_but_decode_errors(self, data: bytes) -> None:
        """Whatever the disk returns."""
        for read in (compiled_chain.parse, compiled_chain.parse_record):
            with contextlib.suppress(DecodeError):
                read(data)

    def test_a_chain_of_another_version_is_refused(self) -> None:
        """By the daemon, and by the shim, according to its own tests."""
        data = compiled_chain.encode(_default_network()).replace(b"\1\0\0\x001", b"\1\0\0\x002", 1)

        with pytest.raises(DecodeError, match="of version '2'"):
            compiled_chain.parse(data)

    def test_more_than_the_shims_limits_is_refused(self) -> None:
        """The shim could not run it."""
        chain = dataclasses.replace(_default_network(), steps=_default_network().steps * 200)

        with pytest.raises(DecodeError, match="the daemon will be asked"):
            compiled_chain.encode(chain)


class TestDefaultNetwork:
    def test_its_steps_are_those_of_the_plan(self) -> None:
        """Without runtimeConfig and result the standard input is that of the daemon, byte for byte."""
        planned = plan.add([Attachment("cbr0", "eth0", CHAIN, "cbr0", default=True)]).steps

        assert [step.stdin for step in planned] == ["{" + step.stdin for step in _default_network().steps]
        assert [step.plugin for step in planned] == [step.plugin for step in _default_network().steps]

    def test_each_plugin_has_its_own_capabilities(self) -> None:
        """Without the pod's annotations, which are for netattach."""
        text = CHAIN.replace(
            '"portMappings": true', f'"portMappings": true, "{cni_request.POD_ANNOTATIONS}": true'
        )

        assert [(), ("portMappings",)] == [step.capabilities for step in _default_network(text).steps]

    def test_a_plugin_that_may_be_idle_has_what_it_is_started_for(self) -> None:
        """As a frame of its own, which earlier shims ignore."""
        compiled = compiled_chain.default_network(
            Network("cbr0", CHAIN, "cbr0"), SOURCE, plain=True, skip_idle=True
        )

        assert [None, Work("portMappings", "[]")] == [step.work for step in compiled.steps]
        assert [None, None] == [step.work for step in _default_network().steps]

    @pytest.mark.parametrize(
        ("version", "features"),
        [
            ("0.3.1", set()),
            ("0.4.0", {Feature.RESULT, Feature.CHECK}),
            ("1.1.0", {Feature.RESULT, Feature.CHECK, Feature.STATUS}),
        ],
    )
    def test_features_of_a_version(self, version: str, features: set[Feature]) -> None:
        """CHECK and the result at DEL since 0.4.0, STATUS since 1.1.0."""
        assert features == _features(CHAIN.replace("1.0.0", version))

    def test_a_conflist_with_disable_check(self) -> None:
        assert {Feature.RESULT} == _features(CHAIN.replace('"name"', '"disableCheck": true, "name"'))


class TestDeletion:
    def test_its_steps_are_those_of_the_plan_in_order(self) -> None:
        """Complete with the result of ADD, so that the shim inserts nothing."""
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

    def test_it_has_no_idle_plugins(self) -> None:
        """What had nothing to do on ADD has nothing to undo."""
        attachments = [Attachment("cbr0", "eth0", CHAIN, "cbr0", default=True)]

        chain = compiled_chain.deletion(attachments, 1000, skip_idle=True)

        assert ["bridge"] == [step.plugin for step in chain.steps]


class TestNoteAsEntry:
    def test_it_equals_the_daemons_entry(self) -> None:
        """So DEL, CHECK and a later ADD of a network treat it like any entry."""
        stdin = {cni_request.POD_ANNOTATIONS: {}, "portMappings": [{"hostPort": 80}]}
        environment = {
            "CNI_COMMAND": "ADD", "CNI_CONTAINERID": "s1", "CNI_NETNS": "/n", "CNI_IFNAME": "eth0", "CNI_ARGS": ARGS,
        }  # fmt: skip  # one call, three lines
        call = cni_request.parse(
            environment, json.dumps({"cniVersion": "1.0.0", "runtimeConfig": stdin}).encode()
        )
        decided = attachment.of_default_network(call, Network("cbr0", CHAIN, "cbr0"))
        record = Record(
            _default_network(), Call("/n", "eth0", ARGS, '{"portMappings":[{"hostPort":80}]}'), '{"ips":[]}'
        )

        sandbox = compiled_chain.sandbox_of("s1", record)

        assert (attachment.with_result(decided, '{"ips":[]}'),) == sandbox.attachments
        assert (call.pod, Phase.ADDED, "/n") == (sandbox.pod, sandbox.phase, sandbox.netns)

    def test_without_a_result_it_is_unfinished(self) -> None:
        """The shim was killed, so the ADD has to be undone."""
        record = Record(_default_network(), Call("/n", "eth0", ARGS, "{}"))

        assert Phase.ADDING is compiled_chain.sandbox_of("s1", record).phase

    @pytest.mark.parametrize("runtime_config", ["", "[]", "{"])
    def test_an_invalid_record_is_a_decode_error(self, runtime_config: str) -> None:
        """Like an unreadable entry of the ledger."""
        with pytest.raises(DecodeError):
            compiled_chain.sandbox_of(
                "s1", Record(_default_network(), Call("/n", "eth0", ARGS, runtime_config))
            )

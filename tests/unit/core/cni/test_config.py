"""Configurations: what is understood, and what a plugin is handed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.cni import config as cni_config
from netattach_core.errors import ConfigError
from netattach_core.text import json_document

CONF = '{ "cniVersion": "0.3.1", "type": "macvlan", "mtu": 1500, "ipam": {"type":"static"} }'
CHAIN = (
    '{"cniVersion":"1.0.0","name":"chain","plugins":[{"type":"bridge","capabilities":{"mac":true,"ips":false}},'
    '{"type":"portmap","capabilities":{"portMappings":true}}]}'
)


def test_a_conf_is_a_chain_of_one_with_the_nads_name() -> None:
    """S14: a missing name is the NAD's; the single form is what most NADs hold."""
    conf = cni_config.parse(CONF, "mac-net")

    assert ("mac-net", "0.3.1", ["macvlan"]) == (conf.name, conf.cni_version, [p.type for p in conf.plugins])
    assert CONF == conf.plugins[0].text


def test_a_conflist_keeps_its_order_and_each_plugins_capabilities() -> None:
    """Only what is declared true is one."""
    conf = cni_config.parse(CHAIN)

    assert [("bridge", {"mac"}), ("portmap", {"portMappings"})] == [
        (p.type, set(p.capabilities)) for p in conf.plugins
    ]
    assert {"mac", "portMappings"} == conf.capabilities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"a"}', "0.1.0"),
        ('{"type":"a","cniVersion":""}', "0.1.0"),
        ('{"type":"a","cniVersion":"0.4.0","cniVersions":["1.0.0","1.1.0"]}', "1.1.0"),
        ('{"type":"a","cniVersion":"0.4.0","cniVersions":["9.0.0"]}', "0.4.0"),
    ],
)
def test_the_newest_version_that_we_speak(text: str, expected: str) -> None:
    """C3, C4."""
    assert expected == cni_config.parse(text, "n").cni_version


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "{}",
        '{"type":""}',
        '{"type":"a/b"}',
        '{"type":"a\\ud800"}',
        '{"type":5}',
        '{"plugins":[]}',
        '{"plugins":{}}',
        '{"plugins":["a"]}',
        '{"plugins":[{}]}',
        '{"type":"a","cniVersion":"1.2.0"}',
        '{"type":"a","cniVersion":1.0}',
        '{"type":"a","capabilities":["ips"]}',
    ],
)
def test_what_cannot_be_carried_out_is_refused(text: str) -> None:
    """Nothing has been touched yet, so this is the place."""
    with pytest.raises(ConfigError):
        cni_config.parse(text, "n")


def test_a_plugin_gets_the_authors_bytes() -> None:
    """Only what a runtime has to set is set; the rest is the author's text, blank for blank."""
    conf = cni_config.parse(CONF, "mac-net")

    stdin = cni_config.plugin_stdin(conf, conf.plugins[0], {}, {})

    assert (
        '{"cniVersion":"0.3.1","name":"mac-net","type": "macvlan","mtu": 1500,"ipam": {"type":"static"}}'
        == stdin
    )


def test_capabilities_are_offered_to_those_who_declare_them() -> None:
    """C57, and `capabilities` itself is not handed on (C56)."""
    conf = cni_config.parse(CHAIN)
    offered = {"mac": "02:00:00:00:00:01", "ips": ["10.0.0.1/24"], "portMappings": [{"hostPort": 1}]}

    first, second = (
        json.loads(cni_config.plugin_stdin(conf, plugin, offered, {})) for plugin in conf.plugins
    )

    assert {
        "cniVersion": "1.0.0",
        "name": "chain",
        "type": "bridge",
        "runtimeConfig": {"mac": "02:00:00:00:00:01"},
    } == first
    assert {"portMappings": [{"hostPort": 1}]} == second["runtimeConfig"]


def test_a_nad_cannot_inject_what_only_a_runtime_may_set() -> None:
    """C11: bridge would honour runtimeConfig.mac from the NAD."""
    conf = cni_config.parse('{"type":"bridge","runtimeConfig":{"mac":"x"},"prevResult":{"ips":[]}}', "n")

    assert {"cniVersion": "0.1.0", "name": "n", "type": "bridge"} == json.loads(
        cni_config.plugin_stdin(conf, conf.plugins[0], {}, {})
    )


def test_nor_in_another_case() -> None:
    """C15: Go would read it all the same."""
    conf = cni_config.parse('{"Type":"bridge","RUNTIMECONFIG":{"mac":"x"},"Name":"other","vlan":5}', "n")

    stdin = cni_config.plugin_stdin(conf, conf.plugins[0], {}, {})

    assert '{"cniVersion":"0.1.0","name":"other","Type":"bridge","vlan":5}' == stdin


def test_cni_args_of_the_pod_win_and_leave_the_rest() -> None:
    """S38; what else stands in args keeps its bytes."""
    conf = cni_config.parse('{"type":"a","args":{"x":1.50,"cni":{"args0":"val0","args1":"val1"}}}', "n")

    stdin = cni_config.plugin_stdin(conf, conf.plugins[0], {}, {"args1": "val1a"})

    assert {"args0": "val0", "args1": "val1a"} == json.loads(stdin)["args"]["cni"]
    assert '"x":1.50' in stdin


@pytest.mark.parametrize("args", ["[]", '"x"', "null", '{"cni":[]}'])
def test_args_that_are_no_object_do_not_stop_the_pods(args: str) -> None:
    """Multus panics here."""
    conf = cni_config.parse(f'{{"type":"a","args":{args}}}', "n")

    assert {"k": "v"} == json.loads(cni_config.plugin_stdin(conf, conf.plugins[0], {}, {"k": "v"}))["args"][
        "cni"
    ]


def test_numbers_survive() -> None:
    """libcni sends large integers through floats (C10); and it turns 1500.0 into 1500, which plugins rely on."""
    conf = cni_config.parse('{"type":"a","big":12345678901234567890,"mtu":1500.0,"e":1e3,"half":0.5}', "n")

    stdin = cni_config.plugin_stdin(conf, conf.plugins[0], {}, {})

    assert '"big":12345678901234567890,"mtu":1500,"e":1000,"half":0.5}' in stdin


def test_the_previous_result_goes_in_front() -> None:
    """So that a chain can be compiled to text with one gap."""
    assert '{"prevResult":{"a":1},"type":"b"}' == cni_config.with_previous('{"type":"b"}', '{"a":1}')
    assert '{"type":"b"}' == cni_config.with_previous('{"type":"b"}', None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON)
def test_the_fast_reader_agrees_with_the_one_that_knows_places(value: object) -> None:
    """One is for what no author wrote, the other for what one did."""
    text = json.dumps(value)

    assert json_document.parse(text).value == json_document.value(text)


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "1e999", "{", "[" * 100_000, "9" * 5000, '{"a":1,}', "\ufeff{}"]
)
def test_both_readers_refuse_the_same(text: str) -> None:
    """Python's own takes some of these."""
    for read in (json_document.parse, json_document.value):
        with pytest.raises(json_document.JsonTextError):
            read(text)


@given(st.dictionaries(st.text(), _JSON))
def test_every_other_key_reaches_the_plugin_unchanged(extra: dict[str, object]) -> None:
    """A plugin's own keys are none of our business (Multus #1449)."""
    ours = {
        "cniversion",
        "name",
        "type",
        "runtimeconfig",
        "prevresult",
        "capabilities",
        "plugins",
        "cniversions",
    }
    extra = {key: value for key, value in extra.items() if key.casefold() not in ours}
    conf = cni_config.parse(json.dumps({"type": "a", **extra}), "n")

    stdin = cni_config.plugin_stdin(conf, conf.plugins[0], {}, {})

    assert {"cniVersion": "0.1.0", "name": "n", "type": "a", **extra} == json_document.parse(stdin).value


PLUGINS = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=3)


@given(st.lists(PLUGINS, max_size=3), st.sampled_from(["", "\n", "  "]))
def test_plugins_that_are_chained_stand_behind_its_own_and_all_keep_their_bytes(
    more: list[dict[str, object]], blank: str
) -> None:
    texts = [json.dumps({**plugin, "type": f"more{index}"}) for index, plugin in enumerate(more)]

    chained = cni_config.with_plugins(CHAIN, [f"{blank}{text}{blank}" for text in texts])

    own = cni_config.parse(CHAIN).plugins
    assert [each.text for each in own] + texts == [each.text for each in cni_config.parse(chained).plugins]
    assert more or chained == CHAIN


@pytest.mark.parametrize("text", [CONF, "{", '{"plugins":[]}', '{"plugins":{}}', "[]"])
def test_nothing_is_chained_to_what_is_no_list_of_plugins(text: str) -> None:
    with pytest.raises(ConfigError):
        cni_config.with_plugins(text, ['{"type":"a"}'])

"""CNI configs: parsing, and the standard input of a plugin."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.api.nad import Nad
from netattach_core.cni import config as cni_config
from netattach_core.errors import ConfigError
from netattach_core.text import json_document
from netattach_core.validation import plugin_chain

SINGLE = '{ "cniVersion": "0.3.1", "type": "macvlan", "mtu": 1500, "ipam": {"type":"static"} }'
CONFLIST = (
    '{"cniVersion":"1.0.0","name":"chain","plugins":[{"type":"bridge","capabilities":{"mac":true,"ips":false}},'
    '{"type":"portmap","capabilities":{"portMappings":true}}]}'
)


def test_a_single_plugin_is_a_list_of_one_with_the_nads_name() -> None:
    """Kubernetes Network Plumbing Working Group spec, section 3.4.2: a missing name is that of the NAD."""
    network = cni_config.parse(SINGLE, "mac-net")

    assert ("mac-net", "0.3.1", ["macvlan"]) == (
        network.name,
        network.cni_version,
        [p.type for p in network.plugins],
    )
    assert SINGLE == network.plugins[0].text


def test_a_conflist_keeps_the_order_and_capabilities_of_its_plugins() -> None:
    """Only capabilities that are true count."""
    network = cni_config.parse(CONFLIST)

    assert [("bridge", {"mac"}), ("portmap", {"portMappings"})] == [
        (p.type, set(p.capabilities)) for p in network.plugins
    ]
    assert {"mac", "portMappings"} == network.capabilities


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":"a"}', "0.1.0"),
        ('{"type":"a","cniVersion":""}', "0.1.0"),
        ('{"type":"a","cniVersion":"0.4.0","cniVersions":["1.0.0","1.1.0"]}', "1.1.0"),
        ('{"type":"a","cniVersion":"0.4.0","cniVersions":["9.0.0"]}', "0.4.0"),
    ],
)
def test_the_newest_supported_version_is_chosen(text: str, expected: str) -> None:
    """CNI SPEC, section 1: `cniVersion` and `cniVersions`; missing means 0.1.0."""
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
def test_an_invalid_config_is_refused(text: str) -> None:
    """Before anything is changed on the node."""
    with pytest.raises(ConfigError):
        cni_config.parse(text, "n")


def test_a_plugin_gets_the_authors_text() -> None:
    """Only the keys that a runtime sets are changed; all other bytes are the same."""
    network = cni_config.parse(SINGLE, "mac-net")

    stdin = cni_config.plugin_stdin(network, network.plugins[0], {}, {})

    assert (
        '{"cniVersion":"0.3.1","name":"mac-net","type": "macvlan","mtu": 1500,"ipam": {"type":"static"}}'
        == stdin
    )


def test_a_plugin_gets_only_the_capabilities_that_it_declares() -> None:
    """CNI SPEC, section 3, "Deriving runtimeConfig"; `capabilities` itself is not passed on."""
    network = cni_config.parse(CONFLIST)
    offered = {"mac": "02:00:00:00:00:01", "ips": ["10.0.0.1/24"], "portMappings": [{"hostPort": 1}]}

    first, second = (
        json.loads(cni_config.plugin_stdin(network, plugin, offered, {})) for plugin in network.plugins
    )

    assert {
        "cniVersion": "1.0.0",
        "name": "chain",
        "type": "bridge",
        "runtimeConfig": {"mac": "02:00:00:00:00:01"},
    } == first
    assert {"portMappings": [{"hostPort": 1}]} == second["runtimeConfig"]


def test_a_nad_cannot_set_keys_of_the_runtime() -> None:
    """bridge uses `runtimeConfig.mac` of the NAD otherwise."""
    network = cni_config.parse('{"type":"bridge","runtimeConfig":{"mac":"x"},"prevResult":{"ips":[]}}', "n")

    assert {"cniVersion": "0.1.0", "name": "n", "type": "bridge"} == json.loads(
        cni_config.plugin_stdin(network, network.plugins[0], {}, {})
    )


def test_a_nad_cannot_set_keys_of_the_runtime_in_another_case() -> None:
    """Go reads keys case-insensitively."""
    network = cni_config.parse('{"Type":"bridge","RUNTIMECONFIG":{"mac":"x"},"Name":"other","vlan":5}', "n")

    stdin = cni_config.plugin_stdin(network, network.plugins[0], {}, {})

    assert '{"cniVersion":"0.1.0","name":"other","Type":"bridge","vlan":5}' == stdin


def test_cni_args_of_the_pod_override_those_of_the_nad() -> None:
    """Kubernetes Network Plumbing Working Group spec, section 4.1.2.1.6.2; all other bytes of `args` are the same."""
    network = cni_config.parse('{"type":"a","args":{"x":1.50,"cni":{"args0":"val0","args1":"val1"}}}', "n")

    stdin = cni_config.plugin_stdin(network, network.plugins[0], {}, {"args1": "val1a"})

    assert {"args0": "val0", "args1": "val1a"} == json.loads(stdin)["args"]["cni"]
    assert '"x":1.50' in stdin


@pytest.mark.parametrize("args", ["[]", '"x"', "null", '{"cni":[]}'])
def test_args_that_are_not_an_object_are_replaced(args: str) -> None:
    """Multus panics on them."""
    network = cni_config.parse(f'{{"type":"a","args":{args}}}', "n")

    assert {"k": "v"} == json.loads(cni_config.plugin_stdin(network, network.plugins[0], {}, {"k": "v"}))[
        "args"
    ]["cni"]


def test_large_integers_are_exact_and_integral_floats_become_integers() -> None:
    """libcni rounds large integers to floats; like libcni, 1500.0 becomes 1500, on which plugins rely."""
    network = cni_config.parse('{"type":"a","big":12345678901234567890,"mtu":1500.0,"e":1e3,"half":0.5}', "n")

    stdin = cni_config.plugin_stdin(network, network.plugins[0], {}, {})

    assert '"big":12345678901234567890,"mtu":1500,"e":1000,"half":0.5}' in stdin


def test_prev_result_is_the_first_key() -> None:
    """So that the shim can insert it into a compiled config."""
    assert '{"prevResult":{"a":1},"type":"b"}' == cni_config.with_previous('{"type":"b"}', '{"a":1}')
    assert '{"type":"b"}' == cni_config.with_previous('{"type":"b"}', None)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(_JSON)
def test_the_fast_parser_agrees_with_the_one_that_records_offsets(value: object) -> None:
    """The fast one is for JSON from programs, the other one for JSON from authors."""
    text = json.dumps(value)

    assert json_document.parse(text).value == json_document.value(text)


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "1e999", "{", "[" * 100_000, "9" * 5000, '{"a":1,}', "\ufeff{}"]
)
def test_both_parsers_refuse_the_same(text: str) -> None:
    """Python's `json` accepts some of these."""
    for read in (json_document.parse, json_document.value):
        with pytest.raises(json_document.JsonTextError):
            read(text)


@given(st.dictionaries(st.text(), _JSON))
def test_every_other_key_reaches_the_plugin_unchanged(extra: dict[str, object]) -> None:
    """Multus issue #1449."""
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
    network = cni_config.parse(json.dumps({"type": "a", **extra}), "n")

    stdin = cni_config.plugin_stdin(network, network.plugins[0], {}, {})

    assert {"cniVersion": "0.1.0", "name": "n", "type": "a", **extra} == json_document.parse(stdin).value


PLUGINS = st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.text(max_size=5), max_size=3)


@given(st.lists(PLUGINS, max_size=3), st.sampled_from(["", "\n", "  "]))
def test_more_plugins_are_appended_and_all_keep_their_bytes(
    more: list[dict[str, object]], space: str
) -> None:
    texts = [json.dumps({**plugin, "type": f"more{index}"}) for index, plugin in enumerate(more)]

    chained = cni_config.with_plugins(CONFLIST, [f"{space}{text}{space}" for text in texts])

    own = cni_config.parse(CONFLIST).plugins
    assert [each.text for each in own] + texts == [each.text for each in cni_config.parse(chained).plugins]
    assert more or chained == CONFLIST


@pytest.mark.parametrize("text", [SINGLE, "{", '{"plugins":[]}', '{"plugins":{}}', "[]"])
def test_plugins_are_only_appended_to_a_conflist(text: str) -> None:
    with pytest.raises(ConfigError):
        cni_config.with_plugins(text, ['{"type":"a"}'])


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ('"type": "dummy", "TYPE": "macvlan", "type": "dummy"', "dummy"),
        ('"TYPE": "dummy", "type": "macvlan", "Type": null', "macvlan"),
        ('"type": "dummy", "t\\u0079pe": "macvlan"', "macvlan"),
        ('"type": "dummy", "type": null', "dummy"),
    ],
)
@pytest.mark.parametrize("form", ['{"plugins": [{%s}]}', "{%s}"])
def test_the_plugin_that_runs_is_the_one_that_is_validated(members: str, kind: str, form: str) -> None:
    """A key that is repeated in another spelling must not show one plugin to policy and run another."""
    text = form % members
    root = json_document.parse(text)
    (validated,) = plugin_chain.read(root, Nad("ns", "n", text)).entries

    (plugin,) = cni_config.parse(text, "n").plugins

    assert (kind, kind) == (plugin.type, validated.binary)

"""Multus' cache of a sandbox: read in the form of each release, and written for it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.caches import libcni as libcni_cache
from netattach_core.caches import multus as multus_cache
from netattach_core.caches.libcni import Cached
from netattach_core.cni.request import CniRequest
from netattach_core.errors import DecodeError
from support import multus
from support.multus import Delegate

RECORDED = Path(__file__).with_name("multus-4.3.0")
CALL = CniRequest(
    "DEL", "c1", "/n", "eth0", {"K8S_POD_NAME": "p"}, "1.0.0", {"portMappings": [{"hostPort": 1}]}
)
DEFAULT = Delegate(
    "kindnet",
    {
        "cniVersion": "0.3.1",
        "name": "kindnet",
        "plugins": [{"type": "ptp", "own": {"kept": 1}}, {"type": "portmap"}],
    },
)
MACVLAN = Delegate(
    "default/data",
    {"cniVersion": "0.4.0", "name": "data", "type": "macvlan", "master": "eth1", "ipam": {"type": "static"}},
)
NAMED = Delegate(
    "other/data",
    {"name": "named", "type": "bridge", "capabilities": {"mac": True, "ips": True}},
    "lan",
    {"macRequest": "02:00:00:00:00:07", "ipRequest": ["10.0.3.7/24"], "deviceID": "0000:03:02.1"},
)
ALL = (DEFAULT, MACVLAN, NAMED)
RESULT: dict[str, Any] = {"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.0.3.7/24"}]}


def _results(*made: tuple[Delegate, str]) -> list[Cached]:
    read = [libcni_cache.parse(multus.cached(each, "c1", ifname, "/n", RESULT)) for each, ifname in made]
    return [each for each in read if each is not None]


def _read(data: bytes, *made: tuple[Delegate, str]) -> tuple[Attachment, ...]:
    return multus_cache.attachments(CALL, multus_cache.parse(data), _results(*made))


@pytest.mark.parametrize("release", multus.RELEASES)
def test_attachments_in_multus_order(release: str) -> None:
    """The default network has the runtime's interface, the others that of their position in the list or the requested one."""
    read = _read(multus.delegate_list(ALL, release), (DEFAULT, "eth0"), (MACVLAN, "net1"))

    assert [("kindnet", "eth0", True), ("default/data", "net1", False), ("other/data", "lan", False)] == [
        (each.network, each.ifname, each.default) for each in read
    ]
    assert ["kindnet", "data", "named"] == [each.config.name for each in read]
    assert [["ptp", "portmap"], ["macvlan"], ["bridge"]] == [
        [plugin.type for plugin in each.config.plugins] for each in read
    ]
    assert {"kept": 1} == json.loads(read[0].config.plugins[0].text)["own"]


def test_files_of_multus_4_3_0() -> None:
    """Recorded from the thin plugin with three delegates under cnitool (container id shortened). It has arguments twice."""
    found = [libcni_cache.parse(path.read_bytes()) for path in sorted((RECORDED / "results").iterdir())]
    delegates = multus_cache.parse((RECORDED / "c1").read_bytes())

    read = multus_cache.attachments(CALL, delegates, [each for each in found if each])

    assert [("cbr0", "eth0", "bridge"), ("data", "net1", "macvlan"), ("chain", "net2", "bridge,tuning")] == [
        (each.network, each.ifname, ",".join(plugin.type for plugin in each.config.plugins)) for each in read
    ]
    assert ["10.244.1.2/24", "10.0.3.100/24", "10.0.4.9/24"] == [
        json.loads(each.result)["ips"][0]["address"] for each in read
    ]
    assert {"pod1"} == {each.args["K8S_POD_NAME"] for each in read}


@pytest.mark.parametrize("release", multus.RELEASES)
def test_results_and_arguments_of_add(release: str) -> None:
    """From libcni's cache, the result in the configuration's version."""
    default, macvlan, _ = _read(multus.delegate_list(ALL, release), (DEFAULT, "eth0"), (MACVLAN, "net1"))

    assert ("0.3.1", "0.4.0") == tuple(json.loads(each.result)["cniVersion"] for each in (default, macvlan))
    assert "u1" == macvlan.args["K8S_POD_UID"]


def test_requests_for_a_network_without_a_result() -> None:
    """Its ADD failed or never started; every network gets the runtime's runtimeConfig (Multus: mergeCNIRuntimeConfig)."""
    default, _, named = _read(multus.delegate_list(ALL))

    assert {"portMappings": [{"hostPort": 1}]} == default.runtime_config
    assert {
        "portMappings": [{"hostPort": 1}],
        "mac": "02:00:00:00:00:07",
        "ips": ["10.0.3.7/24"],
        "deviceID": "0000:03:02.1",
    } == named.runtime_config
    assert ("", {"K8S_POD_NAME": "p"}) == (named.result, named.args)


def test_the_configuration_with_the_most_plugins_is_used() -> None:
    """`Bytes` of 4.2.1 to 4.3.0 may lack plugins (Multus issue #1449), which 4.3.0 stores next to it, and libcni's cache has."""
    stripped = Delegate("kindnet", {"cniVersion": "0.3.1", "name": "kindnet", "plugins": [{"type": "ptp"}]})
    body = json.loads(multus.delegate_list([stripped], "4.3"))
    body[0]["CNINetworkConfigList"] = json.loads(multus.delegate_list([DEFAULT], "4.3"))[0][
        "CNINetworkConfigList"
    ]

    (by_chain,) = _read(json.dumps(body).encode())
    (by_result,) = _read(multus.delegate_list([stripped]), (DEFAULT, "eth0"))

    assert [2, 2] == [len(each.config.plugins) for each in (by_chain, by_result)]
    assert "kept" in by_chain.config_text
    assert "kept" in by_result.config_text


def test_plugins_from_directories() -> None:
    """libcni's cache lacks them; later forms of `Bytes` have them."""
    chained = {**DEFAULT.config, "plugins": [*DEFAULT.plugins, {"type": "tuning"}]}

    (read,) = _read(multus.delegate_list([Delegate("kindnet", chained)]), (DEFAULT, "eth0"))

    assert ["ptp", "portmap", "tuning"] == [plugin.type for plugin in read.config.plugins]


def test_results_without_a_list_are_attachments_too() -> None:
    """Multus removes its list even if its DEL fails, and does not list networks attached to a running pod."""
    read = multus_cache.attachments(CALL, (), _results((NAMED, "lan"), (DEFAULT, "eth0")))
    added_later = _read(multus.delegate_list([DEFAULT]), (DEFAULT, "eth0"), (NAMED, "lan"))

    assert [("eth0", True), ("lan", False)] == [(each.ifname, each.default) for each in read]
    assert ["eth0", "lan"] == [each.ifname for each in added_later]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"[1]",
        b'[{"Name":"a"}]',
        b'[{"Name":"a","Bytes":"e30="}]',
        b'[{"Name":"a","Bytes":"?"}]',
        b'[{"Name":1,"Bytes":"e30="}]',
        b'[{"Name":"a","ipRequest":"x","Bytes":"e30="}]',
        multus.delegate_list(ALL)[:-9],
        json.dumps([*json.loads(multus.delegate_list([MACVLAN])), {"Name": "x", "Bytes": None}]).encode(),
        multus.delegate_list([Delegate("a", {"name": "a", "type": "ptp"}, "a/../b")]),
    ],
)
def test_an_invalid_file_is_an_error(data: bytes) -> None:
    """Ignoring it would leak its attachments."""
    with pytest.raises(DecodeError):
        _read(data)


@given(st.binary() | st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["Name", "Bytes", "ifnameRequest", "CNINetworkConfigList", "Plugins", "ipRequest", "kind"]), inner
)).map(lambda body: json.dumps(body).encode()))  # fmt: skip  # one strategy
def test_garbage_is_read_or_refused(data: bytes) -> None:
    """Of both kinds of files, with a DecodeError."""
    for parse in (multus_cache.parse, libcni_cache.parse):
        try:
            parse(data)
        except DecodeError:
            continue


@given(
    st.lists(
        st.builds(
            Attachment,
            network=st.sampled_from(["default/a", "b"]),
            ifname=st.from_regex(r"net[0-9]{1,3}", fullmatch=True),
            config_text=st.sampled_from(
                [json.dumps(MACVLAN.config), json.dumps(DEFAULT.config), '{ "type" : "macvlan","x":[1 ] }']
            ),
            config_name=st.just("data"),
            args=st.just({"K8S_POD_NAME": "p"}),
            runtime_config=st.sampled_from([{}, {"mac": "02:00:00:00:00:01"}, {"ips": ["10.0.0.1/24"]}]),
            result=st.just('{"cniVersion": "1.0.0"}'),
        ),
        min_size=1,
        unique_by=lambda each: each.ifname,
    )
)
def test_written_files_are_read_as_the_same_attachments(attachments: list[Attachment]) -> None:
    """Name, interface, plugins with all their keys, arguments and requests."""
    sandbox = Sandbox("c1", "/n", None, Phase.ADDED, tuple(attachments))
    results = [libcni_cache.parse(libcni_cache.dump("c1", "/n", each)) for each in attachments]

    read = multus_cache.attachments(
        CALL, multus_cache.parse(multus_cache.dump(sandbox)), [each for each in results if each]
    )

    for written, its in zip(attachments, read, strict=True):
        assert (written.network, written.ifname, written.config.name) == (
            its.network,
            its.ifname,
            its.config.name,
        )
        assert (written.args, written.runtime_config) == (its.args, its.runtime_config)
        assert [
            json.loads(plugin.text).keys() - {"name", "cniVersion"} for plugin in written.config.plugins
        ] == [json.loads(plugin.text).keys() - {"name", "cniVersion"} for plugin in its.config.plugins]


def test_multus_can_distinguish_conflist_and_single_plugin() -> None:
    """Without `ConfList.plugins` it reads `Bytes` as a single plugin's configuration."""
    single = Attachment("default/data", "net1", '{"type":"macvlan"}', "data")
    chain = Attachment("kindnet", "eth0", json.dumps(DEFAULT.config), "kindnet", default=True)
    body = json.loads(multus_cache.dump(Sandbox("c1", "/n", None, Phase.ADDED, (chain, single))))

    assert [2, 0] == [len(each["ConfList"].get("plugins", ())) for each in body]
    assert "macvlan" == body[1]["Conf"]["type"]
    assert {"name": "data", "cniVersion": "0.1.0", "type": "macvlan"} == json.loads(
        base64.b64decode(body[1]["Bytes"])
    )


def test_a_bare_result_is_of_another_kind() -> None:
    """Of libcni before 0.8, without container id and configuration."""
    assert None is libcni_cache.parse(b'{"cniVersion":"0.3.1"}')

"""Multus' cache of a sandbox, in the form of each release, and what is made of it; what we write of ours in that form."""

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
PRIMARY = Delegate(
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
ALL = (PRIMARY, MACVLAN, NAMED)
RESULT: dict[str, Any] = {"cniVersion": "0.4.0", "ips": [{"version": "4", "address": "10.0.3.7/24"}]}


def _results(*made: tuple[Delegate, str]) -> list[Cached]:
    read = [libcni_cache.parse(multus.cached(each, "c1", ifname, "/n", RESULT)) for each, ifname in made]
    return [each for each in read if each is not None]


def _read(data: bytes, *made: tuple[Delegate, str]) -> tuple[Attachment, ...]:
    return multus_cache.attachments(CALL, multus_cache.parse(data), _results(*made))


@pytest.mark.parametrize("release", multus.RELEASES)
def test_what_multus_attached_in_its_order(release: str) -> None:
    """The default network has the runtime's interface, the others their place in the list or the name that was asked for."""
    read = _read(multus.delegate_list(ALL, release), (PRIMARY, "eth0"), (MACVLAN, "net1"))

    assert [("kindnet", "eth0", True), ("default/data", "net1", False), ("other/data", "lan", False)] == [
        (each.network, each.ifname, each.default) for each in read
    ]
    assert ["kindnet", "data", "named"] == [each.conf.name for each in read]
    assert [["ptp", "portmap"], ["macvlan"], ["bridge"]] == [
        [plugin.type for plugin in each.conf.plugins] for each in read
    ]
    assert {"kept": 1} == json.loads(read[0].conf.plugins[0].text)["own"]


def test_what_multus_4_3_0_wrote() -> None:
    """Recorded: the thin plugin with three delegates under cnitool (the container's id is shortened). Arguments come twice."""
    found = [libcni_cache.parse(path.read_bytes()) for path in sorted((RECORDED / "results").iterdir())]
    delegates = multus_cache.parse((RECORDED / "c1").read_bytes())

    read = multus_cache.attachments(CALL, delegates, [each for each in found if each])

    assert [("cbr0", "eth0", "bridge"), ("data", "net1", "macvlan"), ("chain", "net2", "bridge,tuning")] == [
        (each.network, each.ifname, ",".join(plugin.type for plugin in each.conf.plugins)) for each in read
    ]
    assert ["10.244.1.2/24", "10.0.3.100/24", "10.0.4.9/24"] == [
        json.loads(each.result)["ips"][0]["address"] for each in read
    ]
    assert {"pod1"} == {each.args["K8S_POD_NAME"] for each in read}


@pytest.mark.parametrize("release", multus.RELEASES)
def test_the_result_and_the_arguments_of_its_add(release: str) -> None:
    """As libcni kept them, the result in the configuration's own version."""
    primary, macvlan, _ = _read(multus.delegate_list(ALL, release), (PRIMARY, "eth0"), (MACVLAN, "net1"))

    assert ("0.3.1", "0.4.0") == tuple(json.loads(each.result)["cniVersion"] for each in (primary, macvlan))
    assert "u1" == macvlan.args["K8S_POD_UID"]


def test_what_the_pod_asked_of_one_that_has_no_result() -> None:
    """Its ADD failed, or was never begun; what the runtime offers goes to all of them (Multus' mergeCNIRuntimeConfig)."""
    primary, _, named = _read(multus.delegate_list(ALL))

    assert {"portMappings": [{"hostPort": 1}]} == primary.runtime_config
    assert {
        "portMappings": [{"hostPort": 1}],
        "mac": "02:00:00:00:00:07",
        "ips": ["10.0.3.7/24"],
        "deviceID": "0000:03:02.1",
    } == named.runtime_config
    assert ("", {"K8S_POD_NAME": "p"}) == (named.result, named.args)


def test_the_fullest_configuration_is_taken() -> None:
    """4.2.1 to 4.3.0 may keep less in `Bytes` than they ran (Multus #1449); 4.3.0 has it beside them, libcni's cache else."""
    stripped = Delegate("kindnet", {"cniVersion": "0.3.1", "name": "kindnet", "plugins": [{"type": "ptp"}]})
    body = json.loads(multus.delegate_list([stripped], "4.3"))
    body[0]["CNINetworkConfigList"] = json.loads(multus.delegate_list([PRIMARY], "4.3"))[0]["CNINetworkConfigList"]

    (by_chain,) = _read(json.dumps(body).encode())
    (by_result,) = _read(multus.delegate_list([stripped]), (PRIMARY, "eth0"))

    assert [2, 2] == [len(each.conf.plugins) for each in (by_chain, by_result)]
    assert "kept" in by_chain.config_text
    assert "kept" in by_result.config_text


def test_plugins_from_sub_directories_are_not_lost() -> None:
    """libcni's cache has the file without them; the later form of `Bytes` has them."""
    chained = {**PRIMARY.config, "plugins": [*PRIMARY.plugins, {"type": "tuning"}]}

    (read,) = _read(multus.delegate_list([Delegate("kindnet", chained)]), (PRIMARY, "eth0"))

    assert ["ptp", "portmap", "tuning"] == [plugin.type for plugin in read.conf.plugins]


def test_results_without_a_list_are_attachments_too() -> None:
    """Multus drops its list after a DEL that failed, and never lists what was attached to a running pod."""
    read = multus_cache.attachments(CALL, (), _results((NAMED, "lan"), (PRIMARY, "eth0")))
    added_later = _read(multus.delegate_list([PRIMARY]), (PRIMARY, "eth0"), (NAMED, "lan"))

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
def test_what_cannot_be_read_is_said(data: bytes) -> None:
    """Never passed over: what it held would stay for good."""
    with pytest.raises(DecodeError):
        _read(data)


@given(st.binary() | st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["Name", "Bytes", "ifnameRequest", "CNINetworkConfigList", "Plugins", "ipRequest", "kind"]), inner
)).map(lambda body: json.dumps(body).encode()))  # fmt: skip  # one strategy
def test_garbage_is_read_or_refused(data: bytes) -> None:
    """Both files; nothing but a DecodeError."""
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
                [json.dumps(MACVLAN.config), json.dumps(PRIMARY.config), '{ "type" : "macvlan","x":[1 ] }']
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
def test_what_we_write_says_the_same(attachments: list[Attachment]) -> None:
    """Name, interface, plugins with all their keys, arguments and what was asked."""
    sandbox = Sandbox("c1", "/n", None, Phase.ADDED, tuple(attachments))
    results = [libcni_cache.parse(libcni_cache.dump("c1", "/n", each)) for each in attachments]

    read = multus_cache.attachments(
        CALL, multus_cache.parse(multus_cache.dump(sandbox)), [each for each in results if each]
    )

    for ours, its in zip(attachments, read, strict=True):
        assert (ours.network, ours.ifname, ours.conf.name) == (its.network, its.ifname, its.conf.name)
        assert (ours.args, ours.runtime_config) == (its.args, its.runtime_config)
        assert [json.loads(plugin.text).keys() - {"name", "cniVersion"} for plugin in ours.conf.plugins] == [
            json.loads(plugin.text).keys() - {"name", "cniVersion"} for plugin in its.conf.plugins
        ]


def test_multus_is_told_which_form_a_configuration_has() -> None:
    """It looks at `ConfList.plugins`, and takes `Bytes` for a single plugin where there are none."""
    single = Attachment("default/data", "net1", '{"type":"macvlan"}', "data")
    chain = Attachment("kindnet", "eth0", json.dumps(PRIMARY.config), "kindnet", default=True)
    body = json.loads(multus_cache.dump(Sandbox("c1", "/n", None, Phase.ADDED, (chain, single))))

    assert [2, 0] == [len(each["ConfList"].get("plugins", ())) for each in body]
    assert "macvlan" == body[1]["Conf"]["type"]
    assert {"name": "data", "cniVersion": "0.1.0", "type": "macvlan"} == json.loads(
        base64.b64decode(body[1]["Bytes"])
    )


def test_a_bare_result_is_of_another_kind() -> None:
    """libcni before 0.8; it says neither whose it is nor by what it was made."""
    assert None is libcni_cache.parse(b'{"cniVersion":"0.3.1"}')

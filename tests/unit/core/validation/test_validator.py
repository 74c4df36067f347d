"""The validator as a whole: all findings at once, their order and messages, and what it accepts."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from netattach_core.validation.validator import validate
from support.validation import HOST_LOCAL, bridge, config, ids, macvlan, ranged, validated


def test_all_findings_are_returned_denials_first() -> None:
    """Then by their offset in the text."""
    config = '{"cniVersion":"1.0.0","type":"bridge","colour":1,"vlan":"5","mtu":60,"ipam":{}}'
    findings = validated(config)

    assert ["schema", "mtu", "key-unknown"] == [finding.rule.id for finding in findings]
    assert [config.index('"5"'), config.index("60"), config.index('"colour"')] == [f.offset for f in findings]


@pytest.mark.parametrize(
    "body", [{}, {"spec": None}, {"spec": {}}, {"spec": {"config": None}}, {"spec": {"config": ""}}]
)
def test_a_nad_without_configuration_is_valid(body: dict[str, Any]) -> None:
    """The node has a file for it, with its name."""
    assert [] == validate(body)


def test_keys_in_another_case_are_validated() -> None:
    """Go ignores the case of keys."""
    findings = validated(bridge(VLAN=4095, IPAM=None))

    assert {"schema", "key-case"} <= ids(findings)


def test_static_without_addresses_explains_how_a_pod_requests_them() -> None:
    """It is advice: the pod's annotation contains the addresses, or another rule refuses the pod."""
    (found,) = validated(macvlan(ipam={"type": "static"}))

    assert Severity.ADVICE is found.effective_severity
    assert '{"name": "net", "ips": ["10.1.2.3/24"]}' in found.fix
    assert "k8s.v1.cni.cncf.io/networks" in found.fix


@pytest.mark.parametrize("kind", ["sriov", "ib-sriov", "bond", "macvtap"])
def test_without_a_version_newer_releases_of_some_plugins_cannot_write_a_result(kind: str) -> None:
    """A warning, since older releases work; and with addresses all of them do."""
    bare, addressed = (
        next(
            f
            for f in validated(config(kind, cniVersion=None, ipam=ipam))
            if f.rule.id == "cni-version-missing"
        )
        for ipam in (None, HOST_LOCAL)
    )

    assert (Severity.WARN, Severity.ADVICE) == (bare.effective_severity, addressed.effective_severity)
    assert f"newer releases of {kind} cannot write their result" in bare.problem
    assert "result" not in addressed.problem


@pytest.mark.parametrize(
    ("expected", "config"),
    [
        (("`type` is null", 'write the plugin\'s name: "type": "macvlan"'), config("bridge", type=None)),
        (("; there is `plugin` instead", "did you mean `type`?"), {"plugin": "bridge"}),
        (("; there is `plugin` instead", "did you mean `plugins`?"), {"plugin": [bridge()]}),
        (("`ipam.type` is 'bin/dhcp'", 'write "dhcp"'), macvlan(ipam={"type": "bin/dhcp"})),
        (("`ipam.type` is '/'", 'write a name such as "host-local"'), macvlan(ipam={"type": "/"})),
        (("`type` is './'", 'write a name such as "macvlan"'), config("./")),
        (
            (
                "; there is a complete NetworkAttachmentDefinition instead",
                "replace all this with the value of `spec.config`",
            ),
            {"kind": "NetworkAttachmentDefinition", "spec": {"config": bridge()}},
        ),
        (
            (
                "; there is another `config` instead",
                "replace all this with the value of `config`",
            ),
            {"config": "{}"},
        ),
    ],
)
def test_a_missing_type_is_reported_with_what_is_there_instead(
    expected: tuple[str, str], config: Any
) -> None:
    (found,) = (f for f in validated(config) if f.rule.id == "type-missing")

    assert expected[0] in found.problem
    assert expected[1] == found.fix


def test_a_file_on_the_node_may_contain_what_ovs_requires() -> None:
    """So nothing is denied."""
    findings = validated(config("ovs", cniVersion=None, configuration_path="/etc/ovs.conf"))

    assert "ipam-missing" in ids(findings)
    assert Severity.DENY not in {finding.effective_severity for finding in findings}


@pytest.mark.parametrize(
    ("expected", "config"),
    [
        pytest.param(
            (
                '`vlan` is the string "100"; it must be an integer; bridge refuses it',
                "write 100, without quotes",
            ),
            bridge(vlan="100"),
            id="a number in quotes",
        ),
        pytest.param(
            (
                "`mode` `fast` is not one of bridge, private, vepa, passthru; macvlan refuses it",
                "write one of bridge, private, vepa, passthru",
            ),
            macvlan(mode="fast"),
            id="a value that is not in the list",
        ),
        pytest.param(
            (
                "`mode` `Bridge` is not one of bridge, private, vepa, passthru; macvlan refuses it",
                "did you mean `bridge`?",
            ),
            macvlan(mode="Bridge"),
            id="a value in another case",
        ),
        pytest.param(
            (
                "`vlan` is 4095; it must be a number from 0 to 4094; bridge refuses it",
                "write a number from 0 to 4094",
            ),
            bridge(vlan=4095),
            id="a number out of bounds",
        ),
        pytest.param(
            (
                '`ipam` is the string "dhcp"; it must be an object; macvlan refuses it',
                'write an object: "ipam": {"type": …}',
            ),
            macvlan(ipam="dhcp"),
            id="a string for an object",
        ),
    ],
)
def test_the_messages_for_schema_errors(expected: tuple[str, str], config: Any) -> None:
    """None of them is a message of jsonschema."""
    found = next(f for f in validated(config) if f.rule.id == "schema")

    assert expected == (found.problem, found.fix)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(
            macvlan(cniVersion="0.3.0", ipam={**HOST_LOCAL, "routes": [{"dst": "0.0.0.0/0"}]}),
            id="macvlan-conf",
        ),
        pytest.param(
            {"cniVersion": "0.3.1", "type": "bridge", "bridge": "mybr0", "ipam": HOST_LOCAL}, id="bridge-conf"
        ),
        pytest.param(config("host-device", device="eth1", ipam={"type": "dhcp"}), id="host-device"),
        pytest.param(config("ipvlan", mode="l2", master="eth1", ipam=HOST_LOCAL), id="ipvlan"),
        pytest.param(config("other", anything={"ipam": 1}), id="an unknown plugin"),
        pytest.param(config("bridge", ipam=None, vlan=None, vlanTrunk=None), id="nulls, which Go ignores"),
        pytest.param(
            ranged(subnet="10.1.2.0/24", rangeStart="", rangeEnd="", gateway=""),
            id="empty strings for defaults",
        ),
        pytest.param(
            ranged(rangeStart="10.1.2.255"), id="a start after the default end, which host-local accepts"
        ),
    ],
)
def test_what_a_plugin_accepts_is_not_denied(config: Any) -> None:
    assert [] == [f for f in validated(config) if f.effective_severity is Severity.DENY]

"""What the validator says as a whole: all findings at once, in order, in plain words; and what it lets pass."""

from __future__ import annotations

from typing import Any

import pytest

from netattach_core.text.finding import Severity
from netattach_core.validation.validator import validate
from support.validation import HOST_LOCAL, bridge, conf, ids, macvlan, ranged, validated


def test_all_findings_come_at_once_denials_first() -> None:
    """Then by their place in the text."""
    config = '{"cniVersion":"1.0.0","type":"bridge","colour":1,"vlan":"5","mtu":60,"ipam":{}}'
    findings = validated(config)

    assert ["schema", "mtu", "key-unknown"] == [finding.rule.id for finding in findings]
    assert [config.index('"5"'), config.index("60"), config.index('"colour"')] == [f.offset for f in findings]


@pytest.mark.parametrize(
    "body", [{}, {"spec": None}, {"spec": {}}, {"spec": {"config": None}}, {"spec": {"config": ""}}]
)
def test_a_nad_without_configuration_is_right(body: dict[str, Any]) -> None:
    """The node's directory is searched by its name."""
    assert [] == validate(body)


def test_keys_in_other_letters_are_validated_all_the_same() -> None:
    """Go reads them, so what they say counts."""
    findings = validated(bridge(VLAN=4095, IPAM=None))

    assert {"schema", "key-case"} <= ids(findings)


def test_static_without_addresses_says_how_a_pod_can_ask() -> None:
    """It is admitted: the pod's annotation may bring the addresses."""
    (found,) = validated(macvlan(ipam={"type": "static"}))

    assert Severity.WARN is found.effective_severity
    assert '"capabilities": {"ips": true}' in found.fix
    assert "k8s.v1.cni.cncf.io/networks" in found.fix


@pytest.mark.parametrize("kind", ["sriov", "ib-sriov", "bond", "macvtap"])
def test_no_version_is_also_no_result_for_newer_releases_of_some(kind: str) -> None:
    """Older ones work, so it is admitted; and with addresses all do."""
    bare, addressed = (
        next(
            f for f in validated(conf(kind, cniVersion=None, ipam=ipam)) if f.rule.id == "cni-version-missing"
        )
        for ipam in (None, HOST_LOCAL)
    )

    assert {Severity.WARN} == {bare.effective_severity, addressed.effective_severity}
    assert f"{kind} may not be able to write its result" in bare.problem
    assert "result" not in addressed.problem


@pytest.mark.parametrize(
    ("expected", "config"),
    [
        (("`type` is null", 'write the plugin\'s name: "type": "macvlan"'), conf("bridge", type=None)),
        (("; `plugin` stands there instead", "did you mean `type`?"), {"plugin": "bridge"}),
        (("; `plugin` stands there instead", "did you mean `plugins`?"), {"plugin": [bridge()]}),
        (("`ipam.type` is 'bin/dhcp'", 'write "dhcp"'), macvlan(ipam={"type": "bin/dhcp"})),
        (("`ipam.type` is '/'", 'write a name such as "host-local"'), macvlan(ipam={"type": "/"})),
        (("`type` is './'", 'write a name such as "macvlan"'), conf("./")),
        (
            (
                "; a whole NetworkAttachmentDefinition stands there instead",
                "write only what stands in its `spec.config`, in place of all this",
            ),
            {"kind": "NetworkAttachmentDefinition", "spec": {"config": bridge()}},
        ),
        (
            (
                "; `config` once more stands there instead",
                "write only what stands in its `config`, in place of all this",
            ),
            {"config": "{}"},
        ),
    ],
)
def test_a_plugin_that_is_not_named_is_said_by_what_stands_there(
    expected: tuple[str, str], config: Any
) -> None:
    (found,) = (f for f in validated(config) if f.rule.id == "type-missing")

    assert expected[0] in found.problem
    assert expected[1] == found.fix


def test_a_file_on_the_node_may_bring_what_ovs_lacks() -> None:
    """So that only a warning says what it would fail of."""
    findings = validated(conf("ovs", cniVersion=None, configuration_path="/etc/ovs.conf"))

    assert "ipam-missing" in ids(findings)
    assert {Severity.WARN} == {finding.effective_severity for finding in findings}


@pytest.mark.parametrize(
    ("expected", "config"),
    [
        pytest.param(
            (
                '`vlan` is the text "100"; it has to be a whole number; bridge refuses it',
                "write 100, without quotes",
            ),
            bridge(vlan="100"),
            id="a number in quotes",
        ),
        pytest.param(
            (
                "`mode` `l2` is not one of bridge, private, vepa, passthru; macvlan refuses it",
                "write one of bridge, private, vepa, passthru",
            ),
            macvlan(mode="l2"),
            id="a word that is not one of several",
        ),
        pytest.param(
            (
                "`mode` `Bridge` is not one of bridge, private, vepa, passthru; macvlan refuses it",
                "did you mean `bridge`?",
            ),
            macvlan(mode="Bridge"),
            id="a word in capitals",
        ),
        pytest.param(
            (
                "`vlan` is 4095; it has to be a number from 0 to 4094; bridge refuses it",
                "write a number from 0 to 4094",
            ),
            bridge(vlan=4095),
            id="a number out of bounds",
        ),
        pytest.param(
            (
                '`ipam` is the text "dhcp"; it has to be an object; macvlan refuses it',
                'write an object: "ipam": {"type": …}',
            ),
            macvlan(ipam="dhcp"),
            id="a text for an object",
        ),
    ],
)
def test_errors_of_schemas_are_plain_words(expected: tuple[str, str], config: Any) -> None:
    """No word of jsonschema's reaches the user."""
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
        pytest.param(conf("host-device", device="eth1", ipam={"type": "dhcp"}), id="host-device"),
        pytest.param(conf("ipvlan", mode="l2", master="eth1", ipam=HOST_LOCAL), id="ipvlan"),
        pytest.param(conf("other", anything={"ipam": 1}), id="a plugin that is not known"),
        pytest.param(conf("bridge", ipam=None, vlan=None, vlanTrunk=None), id="nulls, which Go passes over"),
        pytest.param(
            ranged(subnet="10.1.2.0/24", rangeStart="", rangeEnd="", gateway=""),
            id="empty texts for defaults",
        ),
        pytest.param(
            ranged(rangeStart="10.1.2.255"), id="a start behind the default end, which host-local takes"
        ),
    ],
)
def test_what_a_plugin_takes_is_not_denied(config: Any) -> None:
    """Nothing stops work that would have gone on."""
    assert [] == [f for f in validated(config) if f.effective_severity is Severity.DENY]

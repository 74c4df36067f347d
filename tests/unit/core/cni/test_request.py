"""The runtime's CNI call: valid calls, and the error codes of invalid ones."""

from __future__ import annotations

import json

import pytest

from netattach_core.api.pod import PodRef
from netattach_core.cni import request as cni_request
from netattach_core.errors import EnvironmentVariableError, NetattachError

ENVIRONMENT = {
    "CNI_COMMAND": "ADD",
    "CNI_CONTAINERID": "c1",
    "CNI_NETNS": "/run/netns/x",
    "CNI_IFNAME": "eth0",
    "CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=p;K8S_POD_UID=u;BLAHBLAH=foo=bar",
    "CNI_PATH": "/opt/cni/bin",
}
STDIN = b'{"cniVersion":"1.0.0","name":"netattach","type":"netattach"}'


def test_a_call_names_its_pod() -> None:
    """A value in CNI_ARGS may contain an equals sign."""
    call = cni_request.parse(ENVIRONMENT, STDIN)

    assert PodRef("ns", "p", "u") == call.pod
    assert "foo=bar" == call.args["BLAHBLAH"]
    assert "1.0.0" == call.cni_version


def test_a_call_may_have_no_pod() -> None:
    """podman and cnitool set no K8S_ variables."""
    assert None is cni_request.parse({**ENVIRONMENT, "CNI_ARGS": ""}, STDIN).pod


def test_delete_needs_no_network_namespace() -> None:
    """It may not exist any more, for example after a reboot of the node."""
    call = cni_request.parse({**ENVIRONMENT, "CNI_COMMAND": "DEL", "CNI_NETNS": ""}, STDIN)

    assert "" == call.netns


REFUSED: dict[str, tuple[dict[str, str], bytes, int]] = {
    "no container id": ({"CNI_CONTAINERID": ""}, STDIN, 4),
    "a container id with a slash": ({"CNI_CONTAINERID": "../x"}, STDIN, 4),
    "no network namespace on ADD": ({"CNI_NETNS": ""}, STDIN, 4),
    "an interface name that the kernel refuses": ({"CNI_IFNAME": "a/b"}, STDIN, 4),
    "an unknown verb": ({"CNI_COMMAND": "FLY"}, STDIN, 4),
    "arguments with a colon": ({"CNI_ARGS": "K8S_POD_NAME:x"}, STDIN, 4),
    "no config": ({}, b"", 6),
    "a config that is not UTF-8": ({}, b"\xff", 6),
    "a config that is a list": ({}, b"[]", 6),
    "an unsupported version": ({}, b'{"cniVersion":"9.9.9"}', 7),
}


@pytest.mark.parametrize(("change", "stdin", "code"), REFUSED.values(), ids=REFUSED)
def test_an_invalid_call_has_the_code_of_the_specification(
    change: dict[str, str], stdin: bytes, code: int
) -> None:
    with pytest.raises(NetattachError) as refusal:
        cni_request.parse({**ENVIRONMENT, **change}, stdin)

    assert code == refusal.value.code


def test_all_missing_variables_are_named_at_once() -> None:
    """As libcni's skel does."""
    with pytest.raises(EnvironmentVariableError, match="CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME"):
        cni_request.parse({"CNI_COMMAND": "ADD"}, STDIN)


def test_status_and_gc_need_no_container() -> None:
    """GC lists the valid attachments under the current key or the one of CNI 1.1.0."""
    config = {"cniVersion": "1.1.0", "name": "netattach"}
    listed = [{"containerID": "c1", "ifname": "eth0"}]
    environment = {"CNI_COMMAND": "GC", "CNI_PATH": "/p", "CNI_CONTAINERID": "", "CNI_IFNAME": ""}

    for keys in (
        {"cni.dev/valid-attachments": listed, "cni.dev/attachments": []},
        {"cni.dev/attachments": listed},
    ):
        call = cni_request.parse(environment, json.dumps({**config, **keys}).encode())
        assert (("c1", "eth0"),) == call.valid_attachments
    assert () == cni_request.parse(environment, json.dumps(config).encode()).valid_attachments
    assert "STATUS" == cni_request.parse({"CNI_COMMAND": "STATUS"}, json.dumps(config).encode()).command


@pytest.mark.parametrize(
    ("command", "body", "code"),
    [
        ("STATUS", {"cniVersion": "1.0.0"}, 1),
        ("GC", {"cniVersion": "0.4.0"}, 1),
        ("GC", {"cniVersion": "1.1.0", "cni.dev/attachments": {"c1": "eth0"}}, 6),
        ("GC", {"cniVersion": "1.1.0", "cni.dev/attachments": [{"ifname": "eth0"}]}, 6),
        ("GC", {"cniVersion": "1.1.0", "cni.dev/attachments": 5}, 6),
    ],
)
def test_a_verb_that_is_too_new_or_an_invalid_list_is_an_error(command: str, body: object, code: int) -> None:
    """An invalid list must not make GC delete live attachments."""
    with pytest.raises(NetattachError) as refusal:
        cni_request.parse({"CNI_COMMAND": command, "CNI_PATH": "/p"}, json.dumps(body).encode())

    assert code == refusal.value.code

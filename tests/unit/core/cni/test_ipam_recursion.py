"""An IPAM plugin that would run itself without end is refused by the daemon, whatever the webhook let pass."""

from __future__ import annotations

import pytest

from netattach_core.attach import attachment
from netattach_core.attach.attachment import Network
from netattach_core.cni import ipam_recursion
from netattach_core.cni import request as cni_request
from netattach_core.errors import ConfigError
from netattach_core.text.finding import path_text

RECURSIVE = {
    "itself": ('{"type":"ptp","ipam":{"type":"ptp"}}', "ipam.type"),
    "another one": ('{"type":"macvlan","ipam":{"type":"bridge"}}', "ipam.type"),
    "keys in another case": ('{"type":"ptp","IPAM":{"Type":"ptp"}}', "IPAM.Type"),
    "a second section without a type, which Go merges": (
        '{"type":"ptp","ipam":{"type":"ptp"},"ipam":{}}',
        "ipam.type",
    ),
    "an escape": (r'{"type":"ptp","ipam":{"type":"pt\u0070"}}', "ipam.type"),
    "in a list": ('{"plugins":[{"type":"a"},{"type":"ptp","ipam":{"type":"ptp"}}]}', "plugins[1].ipam.type"),
    "a delegate's": ('{"type":"flannel","delegate":{"ipam":{"type":"bridge"}}}', "delegate.ipam.type"),
    "below a foreign plugin": ('{"type":"foreign","ipam":{"type":"macvlan"}}', "ipam.type"),
}
OTHERS = {
    "an IPAM plugin": '{"type":"ptp","ipam":{"type":"host-local"}}',
    "an unknown one": '{"type":"kube-ovn","ipam":{"type":"kube-ovn"}}',
    "a nested range of that type": '{"type":"ptp","ipam":{"type":"static","of":{"type":"bridge"}}}',
    "no section": '{"type":"bridge"}',
    "an empty section": '{"type":"bridge","ipam":{}}',
}


@pytest.mark.parametrize(("config", "place"), RECURSIVE.values(), ids=RECURSIVE)
def test_it_is_found_at_its_place(config: str, place: str) -> None:
    found = ipam_recursion.find_first(config)

    assert found is not None
    assert place == path_text(found[0])


@pytest.mark.parametrize("config", OTHERS.values(), ids=OTHERS)
def test_a_similar_config_is_accepted(config: str) -> None:
    assert ipam_recursion.find_first(config) is None


def test_the_daemon_refuses_it_before_anything_is_changed() -> None:
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": "/n",
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "K8S_POD_NAMESPACE=lab;K8S_POD_NAME=p",
    }
    network = Network("lab/net", '{"cniVersion":"1.0.0","type":"ptp","ipam":{"type":"ptp"}}', "net")

    with pytest.raises(ConfigError, match=r"network lab/net: its ipam\.type is ptp, .* host-local"):
        attachment.decide(cni_request.parse(environment, b'{"cniVersion":"1.0.0"}'), network, ())

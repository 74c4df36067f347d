"""The index of the ledger: numbers of attached pods, and which are attached with an older text of a network."""

from __future__ import annotations

import dataclasses
import json

import pytest

from netattach_core.api.nad import Nad
from netattach_core.api.node_state import Attached, AttachedNetwork
from netattach_core.api.objects import Key
from netattach_core.api.pod import PodRef
from netattach_core.attach import sandbox as sandboxes
from netattach_core.attach.attached_pods import AttachedPods
from netattach_core.attach.attachment import Attachment
from netattach_core.attach.sandbox import Phase, Sandbox
from netattach_core.cni import config as cni_config

LAN = '{"cniVersion":"1.0.0","type":"macvlan","master":"eth1"}'
DEFAULT = Attachment("cbr0", "eth0", '{"cniVersion":"1.0.0","type":"bridge"}', "cbr0", default=True)


def _sandbox(number: int = 1, *attachments: Attachment, phase: Phase = Phase.ADDED, pod: str = "") -> Sandbox:
    ref = PodRef("shop", pod or f"web-{number}", f"uid-{number}")
    return Sandbox(f"c{number}", f"/run/netns/c{number}", ref, phase, (DEFAULT, *attachments))


def _lan(text: str = LAN, ifname: str = "net1", network: str = "shop/lan") -> Attachment:
    return Attachment(network, ifname, text, "lan")


def _current(**texts: str) -> dict[Key, Nad]:
    return {("shop", name): Nad("shop", name, text) for name, text in texts.items()}


def test_pods_are_counted_by_network_and_those_with_an_older_text() -> None:
    index = AttachedPods()
    index.put(_sandbox(1, _lan()))
    index.put(_sandbox(2, _lan(), _lan(ifname="net2"), _lan(network="shop/other", ifname="net3")))
    index.put(_sandbox(3, _lan(LAN.replace("eth1", "eth2"))))

    counts = index.counts(_current(lan=LAN, other=LAN).get)

    networks = (AttachedNetwork("shop/lan", 3, 1), AttachedNetwork("shop/other", 1, 0))
    assert Attached(3, networks) == counts


def test_pods_with_the_default_network_alone_are_left_out() -> None:
    index = AttachedPods()

    assert not index.put(_sandbox(1))
    assert not index.put(dataclasses.replace(_sandbox(2, _lan()), pod=None))
    assert Attached() == index.counts(lambda _: None)
    assert [] == list(index)


@pytest.mark.parametrize("phase", [Phase.ADDING, Phase.DELETING])
def test_a_pod_counts_only_while_it_is_attached(phase: Phase) -> None:
    """An ADD that is in progress is known, and changes no number."""
    index = AttachedPods()

    assert not index.put(_sandbox(1, _lan(), phase=phase))
    assert Attached() == index.counts(lambda _: None)
    assert [phase] == [each.phase for each in index.of_pod(("shop", "web-1"))]
    assert index.put(_sandbox(1, _lan()))
    assert 1 == index.counts(lambda _: None).pods
    assert index.put(_sandbox(1, _lan(), phase=phase))
    assert 0 == index.counts(lambda _: None).pods


def test_what_is_removed_is_forgotten() -> None:
    index = AttachedPods()
    index.put(_sandbox(1, _lan()))
    index.put(_sandbox(2, _lan(), pod="web-1"))

    assert ["c1", "c2"] == [each.container_id for each in index.of_pod(("shop", "web-1"))]
    assert index.uses(("shop", "lan"))
    assert index.remove("c1")
    assert not index.remove("c1")
    assert ["c2"] == [each.container_id for each in index.of_pod(("shop", "web-1"))]
    assert index.remove("c2")
    assert not index.uses(("shop", "lan"))
    assert () == index.of_pod(("shop", "web-1"))


def test_two_sandboxes_of_a_pod_are_one_pod() -> None:
    index = AttachedPods()
    index.put(_sandbox(1, _lan()))
    index.put(_sandbox(2, _lan(), pod="web-1"))

    counts = index.counts(_current(lan=LAN + " ").get)
    assert Attached(1, (AttachedNetwork("shop/lan", 1, 1),)) == counts


def test_all_networks_are_in_the_numbers() -> None:
    """Whoever asks which nodes have pods of a network, before it is deleted, has to find each of them."""
    index = AttachedPods()
    for number in range(500):
        index.put(_sandbox(number, _lan(network=f"shop/n{number}"), pod=f"web-{number}"))

    assert 500 == len(index.counts(lambda _: None).networks)


@pytest.mark.parametrize(
    ("current", "outdated"),
    [
        pytest.param(_current(lan=LAN), 0, id="the same text"),
        pytest.param(_current(lan=LAN + " "), 1, id="another text"),
        pytest.param(_current(lan=""), 0, id="a file of the node"),
        pytest.param({}, 0, id="deleted"),
    ],
)
def test_what_an_outdated_attachment_is(current: dict[Key, Nad], outdated: int) -> None:
    index = AttachedPods()
    index.put(_sandbox(1, _lan()))

    assert outdated == index.counts(current.get).networks[0].outdated


@pytest.mark.parametrize(
    ("text", "outdated"),
    [
        (LAN, 0),
        (LAN.replace("eth1", "eth2"), 1),
        ("not JSON", 1),
        ("7", 1),
        ('{"plugins": [7, null]}', 1),
        ('{"plugins": {}}', 1),
    ],
    ids=["the same text", "another text", "broken", "a number", "no plugins", "no list"],
)
def test_a_device_in_the_text_is_no_change_of_the_network(text: str, outdated: int) -> None:
    """Also after a restart: the entry has the text with the device."""
    device = "0000:03:00.1"
    attachment = dataclasses.replace(
        _lan(cni_config.with_device(LAN, device)), runtime_config={"deviceID": device}
    )
    read = sandboxes.parse(sandboxes.dump(_sandbox(1, attachment)))
    index = AttachedPods()
    index.put(read)

    assert outdated == index.counts(_current(lan=text).get).networks[0].outdated


def test_a_plugin_that_may_attach_a_device_without_a_link_need_not_create_one() -> None:
    index = AttachedPods()
    index.put(_sandbox(1, _lan(), _lan(json.dumps({"cniVersion": "1.0.0", "type": "sriov"}), "net2")))

    (found,) = index
    assert {"eth0": True, "net1": True, "net2": False} == {
        link.ifname: link.creates_link for link in found.links
    }

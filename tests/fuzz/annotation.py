"""Any text as the annotation that asks for networks: what is read of it is sound, and all else is refused in one way."""

from __future__ import annotations

import ipaddress

from fuzz import properties
from netattach_core import admission
from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.errors import AnnotationError
from netattach_core.net import addresses, names

_LONGEST_MESSAGE = 900
"""Characters; an event holds 1024, and says which pod it is."""


def one_input(data: bytes) -> None:
    text = properties.text_of(data)
    try:
        selections = networks_annotation.parse(text, "lab")
    except AnnotationError as error:
        _is_refused_with_words(error)
    else:
        for selection in selections:
            _can_be_attached(selection)
        _is_read_again_as_it_was(selections)
    body = {"metadata": {"annotations": {networks_annotation.NETWORKS: text}}}
    asked = admission.validate_pod(body, None, "lab")
    unknown = admission.unknown_networks(asked.networks, [("lab", "net"), ("other", "lost")], "lab")
    properties.sound([*asked.findings, *unknown], "")


def _is_refused_with_words(error: AnnotationError) -> None:
    """Which go into an event, a log and the runtime's answer, and none of those is made for a book."""
    assert 0 < len(error.message) <= _LONGEST_MESSAGE, len(error.message)


def _can_be_attached(selection: NetworkSelection) -> None:
    assert names.is_object_name(selection.name), selection
    assert names.is_label(selection.namespace), selection
    assert not selection.interface or names.interface_problem(selection.interface) is None, selection
    for ip in selection.ips:
        ipaddress.ip_interface(
            ip if "." not in ip else str(addresses.parse_cidr(ip) or addresses.parse_ip(ip))
        )
    for gateway in selection.default_route or ():
        ipaddress.ip_address(gateway)
    assert all(value > 0 for value in selection.bandwidth.values()), selection


def _is_read_again_as_it_was(selections: tuple[NetworkSelection, ...]) -> None:
    """In the comma form, which knows a network and its interface."""
    again = ",".join(each.full_name + (f"@{each.interface}" if each.interface else "") for each in selections)
    if not any(set(each.interface) & set(',@[{"') for each in selections):
        told = [
            (each.namespace, each.name, each.interface)
            for each in networks_annotation.parse(again, "elsewhere")
        ]
        assert [(each.namespace, each.name, each.interface) for each in selections] == told

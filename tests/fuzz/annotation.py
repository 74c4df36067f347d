"""Fuzz target: any text as network selection annotation is parsed into valid selections, or refused with an AnnotationError."""

from __future__ import annotations

import ipaddress

from fuzz import properties
from netattach_core import admission
from netattach_core.api import networks_annotation
from netattach_core.api.networks_annotation import NetworkSelection
from netattach_core.errors import AnnotationError
from netattach_core.net import addresses, names

_MAX_MESSAGE = 900
"""In characters; an event has at most 1024, which include the name of the pod."""


def one_input(data: bytes) -> None:
    text = properties.text_of(data)
    try:
        selections = networks_annotation.parse(text, "lab")
    except AnnotationError as error:
        _check_message(error)
    else:
        for selection in selections:
            _check_selection(selection)
        _check_round_trip(selections)
    body = {"metadata": {"annotations": {networks_annotation.NETWORKS: text}}}
    asked = admission.validate_pod(body, None, "lab")
    unknown = admission.unknown_networks(asked.networks, [("lab", "net"), ("other", "lost")], "lab")
    properties.check_findings([*asked.findings, *unknown], text)


def _check_message(error: AnnotationError) -> None:
    """It is short enough for an event, a log line and the runtime's error."""
    assert 0 < len(error.message) <= _MAX_MESSAGE, len(error.message)


def _check_selection(selection: NetworkSelection) -> None:
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


def _check_round_trip(selections: tuple[NetworkSelection, ...]) -> None:
    """In the comma form, which has only network and interface."""
    again = ",".join(each.full_name + (f"@{each.interface}" if each.interface else "") for each in selections)
    if not any(set(each.interface) & set(',@[{"') for each in selections):
        parsed = [
            (each.namespace, each.name, each.interface)
            for each in networks_annotation.parse(again, "elsewhere")
        ]
        assert [(each.namespace, each.name, each.interface) for each in selections] == parsed

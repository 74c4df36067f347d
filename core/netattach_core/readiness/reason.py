"""Why a network is not ready on a node.

A message names no node and no value of one, so that the same problem has the same message on all nodes.
"""

from __future__ import annotations

import enum
from typing import NamedTuple


class Code(enum.StrEnum):
    """A reason in one word, for programs."""

    INTERFACE_MISSING = "InterfaceMissing"
    INTERFACE_OF_ANOTHER_KIND = "InterfaceOfAnotherKind"
    DEFAULT_INTERFACE = "DefaultInterface"
    MTU_TOO_LARGE = "MTUTooLarge"
    PLUGIN_MISSING = "PluginMissing"
    LINK_KIND_UNAVAILABLE = "LinkKindUnavailable"
    DHCP_DAEMON_MISSING = "DHCPDaemonMissing"
    CONFIG_MISSING = "ConfigMissing"
    DEFAULT_NETWORK_NOT_READY = "DefaultNetworkNotReady"
    DAEMON_NOT_READY = "DaemonNotReady"
    NO_INVENTORY = "NoInventory"
    NOT_SELECTED = "NotSelected"
    NOT_PERMITTED = "NotPermitted"
    INVALID = "Invalid"


class Reason(NamedTuple):
    """Why pods cannot be attached, in one word and in a phrase for people."""

    code: Code
    message: str


DAEMON_NOT_READY = Reason(Code.DAEMON_NOT_READY, "the netattach daemon is not ready")
NO_INVENTORY = Reason(Code.NO_INVENTORY, "the netattach daemon has not published what the node has")
NOT_SELECTED = Reason(Code.NOT_SELECTED, "the network's node selector does not match the node")
DEFAULT_NETWORK_NOT_READY = Reason(Code.DEFAULT_NETWORK_NOT_READY, "the default network is not ready")
DHCP_DAEMON_MISSING = Reason(Code.DHCP_DAEMON_MISSING, "no DHCP daemon is running")

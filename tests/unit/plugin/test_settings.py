"""The daemon's settings from environment variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_plugin import settings
from netattach_plugin.settings import Settings


def test_settings_come_from_the_environment() -> None:
    """And have defaults."""
    read = settings.from_environment(
        {"NETATTACH_SOCKET": "/x.sock", "NETATTACH_DRAIN": "1.5", "NETATTACH_NODE": "n"}
    )

    assert (Path("/x.sock"), 1.5, "n", Settings().ledger) == (read.socket, read.drain, read.node, read.ledger)


def test_a_setting_that_cannot_be_read_is_named() -> None:
    """An operator has to find it."""
    with pytest.raises(ValueError, match="NETATTACH_DRAIN is 'soon'"):
        settings.from_environment({"NETATTACH_DRAIN": "soon"})

"""The daemon's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_plugin import settings
from netattach_plugin.settings import Settings


def test_settings_from_the_environment_and_defaults() -> None:
    read = settings.from_environment(
        {"NETATTACH_SOCKET": "/x.sock", "NETATTACH_DRAIN": "1.5", "NETATTACH_NODE": "n"}
    )

    assert (Path("/x.sock"), 1.5, "n", Settings().ledger) == (read.socket, read.drain, read.node, read.ledger)


def test_an_invalid_setting_is_named() -> None:
    with pytest.raises(ValueError, match="NETATTACH_DRAIN is 'soon'"):
        settings.from_environment({"NETATTACH_DRAIN": "soon"})

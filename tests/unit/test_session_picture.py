"""docs/assets/session.svg shows what docs/quick-start.md has, which a test runs; `make reference` draws it again."""

from __future__ import annotations

import html
import os

import pytest

from support import scripts

session = scripts.load("session")


def test_the_picture_has_the_text_of_the_page() -> None:
    """Except for spaces: the terminal breaks long lines."""
    text = session.session(session.PAGE.read_text())
    if os.environ.get("NETATTACH_WRITE_PAGES"):
        session.PICTURE.write_text(session.picture(text))
    shown = html.unescape("".join(session.shown(session.PICTURE.read_text())))

    assert len(text.splitlines()) > 20
    assert "".join(text.split()) == "".join(shown.split()), "run `make reference`"


def test_a_command_that_the_page_lacks_is_named() -> None:
    with pytest.raises(LookupError, match="netattach new macvlan"):
        session.session("```console\n$ kubectl version\n```\n")

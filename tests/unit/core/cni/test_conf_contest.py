"""When netattach stops writing its conflist, when it tries again, and what it says about it."""

from __future__ import annotations

import functools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netattach_core.cni import conf_contest, netattach_conf
from netattach_core.cni.conf_contest import LONGEST_PAUSE, TRIAL, Action, Losses

OURS = netattach_conf.text("1.0.0").encode()
NAME = netattach_conf.FILE_NAME


def _conflist(*types: str) -> bytes:
    plugins = [{"type": kind} for kind in types]
    return json.dumps({"cniVersion": "1.0.0", "name": "n", "plugins": plugins}).encode()


def _action(losses: list[float], now: float) -> Action:
    return functools.reduce(Losses.with_another, losses, Losses()).next_action(now)


@pytest.mark.parametrize(
    ("losses", "now", "expected"),
    [
        ([], 0.0, Action.UNCONTESTED),
        ([100.0], 100.0, Action.UNCONTESTED),
        ([100.0, 160.0], 160.0, Action.YIELD),
        ([100.0, 162.0], 162.0, Action.YIELD),
        ([100.0, 180.0], 180.0, Action.UNCONTESTED),
        ([100.0, 104.0], 163.9, Action.YIELD),
        ([100.0, 104.0], 164.0, Action.TRIAL),
        ([100.0, 104.0], 283.9, Action.TRIAL),
        ([100.0, 104.0], 284.0, Action.UNCONTESTED),
        ([100.0, 104.0, 166.0], 285.9, Action.YIELD),
        ([100.0, 104.0, 166.0], 286.0, Action.TRIAL),
        ([100.0, 104.0, 166.0, 288.0], 527.9, Action.YIELD),
        ([100.0, 104.0, 290.0], 290.0, Action.UNCONTESTED),
        ([100.0, 104.0, 290.0, 300.0], 300.0, Action.YIELD),
        ([100.0, 104.0, 290.0, 300.0], 360.0, Action.TRIAL),
    ],
    ids=[
        "never lost",
        "lost once",
        "twice in a minute",
        "by a program that looks once a minute",
        "twice, far apart",
        "shortly before the trial",
        "the trial",
        "shortly before its end",
        "it has stayed",
        "lost during the trial: twice the pause",
        "the second trial",
        "the pause doubles again",
        "a single loss after the contest",
        "a new contest",
        "which begins with the first pause",
    ],
)
def test_actions(losses: list[float], now: float, expected: Action) -> None:
    assert expected is _action(losses, now)


def test_the_pause_has_a_limit() -> None:
    losses = [0.0, 1.0]
    for number in range(20):
        losses.append(losses[-1] + min(conf_contest.FIRST_PAUSE * 2**number, LONGEST_PAUSE))

    assert Action.YIELD is _action(losses, losses[-1] + LONGEST_PAUSE - 1)
    assert Action.TRIAL is _action(losses, losses[-1] + LONGEST_PAUSE)


@given(st.lists(st.floats(0.1, 5000), max_size=12))
def test_a_writer_that_has_stopped_never_keeps_netattach_away(pauses: list[float]) -> None:
    """From whatever story of losses, at most some minutes after the last one."""
    losses, now = [], 0.0
    for pause in pauses:
        now += pause
        losses.append(now)

    assert Action.UNCONTESTED is _action(losses, now + LONGEST_PAUSE + TRIAL)


@given(st.floats(0.1, 2.0))
def test_a_writer_that_never_stops_is_met_ever_less_often(every: float) -> None:
    """It takes the file away as soon as it is there; in an hour it is written at most 12 times."""
    losses: list[float] = []
    now = 0.0
    while now < 3600:
        now += every
        if _action(losses, now) is not Action.YIELD:
            losses.append(now)

    assert len(losses) <= 12


FLANNEL, CILIUM, MULTUS = _conflist("flannel", "portmap"), _conflist("cilium-cni"), _conflist("multus")


@pytest.mark.parametrize(
    ("files", "what", "remedy"),
    [
        (
            {"05-cilium.conflist": CILIUM, f"{NAME}.cilium_bak": OURS},
            f"it was renamed to {NAME}.cilium_bak",
            "set cni.exclusive=false in Cilium's Helm values",
        ),
        (
            {"05-cilium.conflist": CILIUM},
            "it was removed",
            "set cni.exclusive=false in Cilium's Helm values",
        ),
        (
            {"10-flannel.conflist": FLANNEL},
            "it was removed",
            "stop the program that wants another first CNI config, which is now 10-flannel.conflist (type flannel, portmap)",
        ),
        (
            {"10-flannel.conflist": FLANNEL, "99-last.conflist": OURS},
            "it was renamed to 99-last.conflist",
            "stop the program that wants another first CNI config, which is now 10-flannel.conflist (type flannel, portmap)",
        ),
        (
            {NAME: OURS, "00-multus.conf": MULTUS, "10-flannel.conflist": FLANNEL},
            "00-multus.conf (type multus) was put before it",
            "only one meta-plugin can be first: uninstall the one of 00-multus.conf, or netattach",
        ),
        (
            {NAME: MULTUS},
            "its content was replaced (type multus)",
            f"only one meta-plugin can be first: uninstall the one of {NAME}, or netattach",
        ),
        (
            {NAME: b"\xff{", "10-flannel.conflist": FLANNEL},
            "its content was replaced",
            f"stop the program that wants another first CNI config, which is now {NAME}",
        ),
        ({}, "it was removed", "stop the program that wants another first CNI config"),
    ],
    ids=["cilium", "cilium removes", "removed", "renamed", "preceded", "replaced", "damaged", "an empty directory"],
)  # fmt: skip  # one case, one entry
def test_a_loss_is_described_with_its_remedy(files: dict[str, bytes], what: str, remedy: str) -> None:
    loss = conf_contest.find_loss(NAME, OURS, files)

    assert loss is not None
    assert (what, remedy) == (loss.what, loss.remedy)


@pytest.mark.parametrize("others", [{}, {"10-flannel.conflist": FLANNEL, f"{NAME}.cilium_bak": OURS}])
def test_the_first_file_is_not_lost(others: dict[str, bytes]) -> None:
    """Whatever comes after it, or was renamed earlier."""
    assert None is conf_contest.find_loss(NAME, OURS, {NAME: OURS, **others})


@pytest.mark.parametrize(
    ("text", "own"),
    [(OURS, True), (MULTUS, False), (b"{", False), (b"[]", False), (_conflist("netattach", "tuning"), False)],
)
def test_whose_conflist_it_is(text: bytes, own: bool) -> None:  # noqa: FBT001  # a case
    assert own is netattach_conf.is_own_text(text)

"""Comments that silence a rule for one object, and those that do not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from netattach_cli.lint import ignore_comments, ignores
from netattach_core.api.networks_annotation import NETWORKS
from unit.cli.samples import INVALID_CONFIG, Netattach, nad

BAD = nad("bad", INVALID_CONFIG)
OTHER = nad("other", INVALID_CONFIG)
IGNORE = "# netattach: ignore schema a reason of ours\n"


def rules(netattach: Netattach, text: str) -> list[tuple[str, str]]:
    """The rule of each finding, with the name of its object."""
    Path("a.yaml").write_text(text)
    found = json.loads(netattach("lint", "-o", "json", "a.yaml")[1])["findings"]
    return [(each["rule"], each["name"]) for each in found]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(IGNORE + BAD, id="above the object"),
        pytest.param("---\n\n" + IGNORE + "\n" + BAD, id="above it, with blank lines"),
        pytest.param(IGNORE + "---\n" + BAD, id="above its separator"),
        pytest.param(BAD.replace("metadata:\n", "metadata: " + IGNORE), id="at the end of a line"),
        pytest.param(BAD.replace("config: |\n", "config: | " + IGNORE), id="at the header of a block"),
        pytest.param(BAD.replace("spec:\n", "spec:\n    " + IGNORE), id="inside"),
        pytest.param(BAD + IGNORE, id="below it, at the end of the file"),
        pytest.param(BAD + IGNORE + "---\nkind: ConfigMap\n", id="below it, before the separator"),
        pytest.param(IGNORE.replace(": ignore", ":ignore") + BAD, id="without a blank"),
        pytest.param(IGNORE.replace("schema ", "schema: ") + BAD, id="with a colon"),
        pytest.param(IGNORE.replace("schema ", "schema -- ") + BAD, id="with dashes"),
        pytest.param(
            IGNORE.replace("\n", "\r\n") + BAD.replace("\n", "\r\n"), id="with line ends of Windows"
        ),
    ],
)
def test_a_comment_silences_its_rule_in_its_object(netattach: Netattach, text: str) -> None:
    assert [] == rules(netattach, text)
    status, out, _ = netattach("lint", "a.yaml")
    assert (0, "1 NAD: nothing wrong (1 finding ignored)\n") == (status, out)


@pytest.mark.parametrize("order", [(BAD, IGNORE + OTHER), (IGNORE + OTHER, BAD)], ids=["first", "second"])
def test_a_comment_silences_nothing_in_other_objects(netattach: Netattach, order: tuple[str, str]) -> None:
    assert [("schema", "bad")] == rules(netattach, "---\n".join(order))


@pytest.mark.parametrize("place", ["above", "inside", "above the second one"])
def test_items_of_a_list_have_their_own_comments(netattach: Netattach, place: str) -> None:
    head = "- apiVersion: k8s.cni.cncf.io/v1\n  kind: NetworkAttachmentDefinition\n"
    item = f"{head}  {{}}metadata: {{{{name: n{{}}}}}}\n  spec:\n    config: |\n      {{}}\n"
    config = json.dumps({"cniVersion": "1.0.0", "type": "bridge", "vlan": "7"})
    first = item.format(IGNORE + "  " if place == "inside" else "", 1, config)
    second = item.format("", 2, config)
    head = "kind: List\nitems:\n" + (IGNORE if place == "above" else "")
    text = head + first + (IGNORE if place == "above the second one" else "") + second

    assert [("schema", "n1" if place == "above the second one" else "n2")] == rules(netattach, text)


@pytest.mark.parametrize(
    ("comment", "fix"),
    [
        ("# netattach: ignore schema", "write why: # netattach: ignore schema REASON"),
        ("# netattach: ignore schema --", "write why:"),
        ("# netattach: ignore", "write # netattach: ignore RULE REASON"),
        ("# netattach: ignore shema our plugin", "did you mean `schema`?"),
        ("# netattach: ignore nonsense-rule our plugin", "`netattach rules` lists all"),
        ("# netattach: ignroe schema our plugin", "write # netattach: ignore RULE REASON"),
        ("# netattach: disable schema our plugin", "write # netattach: ignore RULE REASON"),
        ("# netattach ignore schema our plugin", "write # netattach: ignore RULE REASON"),
        ("# netattach: ignore ignore-unused our plugin", "remove the comment"),
    ],
)
def test_a_comment_that_is_not_valid_is_reported_and_silences_nothing(
    netattach: Netattach, comment: str, fix: str
) -> None:
    assert {("ignore-invalid", "bad"), ("schema", "bad")} == set(rules(netattach, f"{comment}\n{BAD}"))
    status, out, _ = netattach("lint", "a.yaml")

    assert 1 == status
    assert out.startswith("a.yaml:1:1: warn [ignore-invalid] lab/bad comment\n")
    assert f"fix: {fix}" in out
    assert out.endswith("1 NAD: 1 refused, 1 ignore comment without effect\n")


def test_a_comment_without_a_finding_is_reported(netattach: Netattach) -> None:
    text = IGNORE + nad("good")

    assert [("ignore-unused", "good")] == rules(netattach, text)
    assert 0 == netattach("lint", "a.yaml")[0]
    assert 1 == netattach("lint", "--strict", "a.yaml")[0]
    assert 1 == netattach("lint", "--severity", "ignore-unused=deny", "a.yaml")[0]
    assert (0, "1 NAD: nothing wrong\n", "") == netattach("lint", "--severity", "ignore-unused=off", "a.yaml")


@pytest.mark.parametrize(
    "text", ["kind: ConfigMap\nmetadata: {name: c}\n" + IGNORE, IGNORE, "---\n" + IGNORE]
)
def test_a_comment_of_nothing_is_reported(netattach: Netattach, text: str) -> None:
    assert ["ignore-unused"] == [rule for rule, _ in rules(netattach, text)]


@pytest.mark.parametrize(
    "text",
    [
        BAD.replace('"type"', '"description": "# netattach: ignore schema a reason", "type"'),
        BAD + "---\nkind: ConfigMap\ndata:\n  a: |\n    # netattach: ignore schema a reason\n",
        BAD + "---\nkind: ConfigMap\ndata:\n  a: 'x\n\n    # netattach: ignore schema a reason'\n",
        "# netattach: eth1 is for these networks\n" + BAD,
        "# netattach is a good name\n" + BAD,
        "# not#netattach: ignore schema a reason\n" + BAD,
        json.dumps(yaml.safe_load(BAD) | {"x": " # netattach: ignore schema a reason"}),
    ],
)
def test_a_text_that_only_looks_like_a_comment_is_none(netattach: Netattach, text: str) -> None:
    assert [("schema", "bad")] == rules(netattach, text)


def test_a_comment_silences_a_finding_of_a_pod_whose_network_follows(netattach: Netattach) -> None:
    config = json.dumps(
        {"cniVersion": "1.0.0", "type": "bridge", "ipam": {"type": "host-local", "subnet": "10.1.2.0/24"}}
    )
    element = '[{"name": "lan", "ips": ["10.9.9.9/24"]}]'
    pod = f"kind: Pod\nmetadata:\n  name: p\n  namespace: lab\n  annotations:\n    {NETWORKS}: '{element}'\n"
    network = f"---\n{nad('lan', config)}"

    assert ("pod-address-outside", "p") in rules(netattach, pod + network)
    comment = "# netattach: ignore pod-address-outside routed by hand\n"
    assert "p" not in [name for _, name in rules(netattach, comment + pod + network)]


WORDS = st.sampled_from(
    ["#", " ", "netattach", ":", "ignore", "schema", "reason", "\n", "|", "'", "-", "a: ", "\t"]
)


@given(st.lists(st.one_of(WORDS, st.text(max_size=4)), max_size=20).map("".join))
def test_any_text_is_searched(text: str) -> None:
    for comment in ignore_comments.comments(text, 0, len(text), None):
        assert "#" == text[comment.offset]
        assert bool(comment.problem) == bool(comment.fix)
        assert comment.problem or (comment.reason and comment.rule)


@pytest.mark.parametrize("part", ["# netattach", "# netattach: ", "#", " ", "# netattach: ignore ", "\t#"])
def test_a_long_text_is_searched_in_one_pass(part: str) -> None:
    """A pattern that tries each start again would not end."""
    assert ignore_comments.comments(part * (2_000_000 // len(part)), 0, 2_000_000, None) is not None


def owner_by_search(text: str, offset: int, ends: Sequence[int]) -> int:
    """What `_owner` says, one object after the other."""
    found = (i for i, end in enumerate(ends) if offset <= end or "\n" not in text[end:offset])
    return next(found, len(ends) - 1)


@given(st.text("ab\n", min_size=1, max_size=40), st.data())
def test_a_comment_is_of_the_object_that_ends_in_its_line_or_later(text: str, data: st.DataObject) -> None:
    """Also where an alias ends before the object above it."""
    offsets = st.integers(0, len(text))
    ends = data.draw(st.lists(offsets, min_size=1, max_size=6))
    offset = data.draw(offsets)
    ascending = list(itertools.accumulate(ends, max))

    assert owner_by_search(text, offset, ends) == ignores._owner(text, offset, ascending)


class Counted(Sequence[int]):
    """Counts how often one of its elements is read."""

    def __init__(self, numbers: range) -> None:
        self.numbers, self.reads = numbers, 0

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        self.reads += 1
        return self.numbers[index]


def test_the_object_of_a_comment_is_not_searched_among_all() -> None:
    """A List may have thousands of objects, with a comment each."""
    text = "a\n" * 4096
    ends = Counted(range(1, 2 * 4096, 2))

    assert 4000 == ignores._owner(text, 8000, ends)
    assert ends.reads <= 13

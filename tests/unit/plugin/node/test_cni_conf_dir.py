"""The CNI configuration directory: the default network, networks by name, and files that cannot be read yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_core.errors import TryAgainError
from netattach_plugin.node.cni_conf_dir import CniConfDir

PRIMARY = '{"cniVersion":"0.3.1","name":"flannel","plugins":[{"type":"flannel"}]}'


def test_the_primary_is_the_first_file_that_is_not_ours(tmp_path: Path) -> None:
    """Delegating to ourselves is a fork bomb (Multus #1130); Multus' conf is taken over from, never delegated to."""
    (tmp_path / "00-netattach.conflist").write_text('{"name":"netattach","plugins":[{"type":"netattach"}]}')
    (tmp_path / "00-multus.conf").write_text('{"name":"multus-cni-network","type":"multus-shim"}')
    (tmp_path / "05-readme.txt").write_text("x")
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)
    (tmp_path / "20-other.conf").write_text('{"name":"other","type":"bridge"}')

    primary = CniConfDir(tmp_path).primary()

    assert ("flannel", PRIMARY, str(tmp_path / "10-flannel.conflist")) == (
        primary.network,
        primary.config_text,
        primary.file,
    )


def test_without_a_primary_the_runtime_is_told_to_come_again(tmp_path: Path) -> None:
    """The node is booting."""
    with pytest.raises(TryAgainError, match="no default network yet"):
        CniConfDir(tmp_path / "missing").primary()


def test_a_half_written_primary_is_waited_for(tmp_path: Path) -> None:
    """The next file may be another network, and pods would start in it (Multus #1499)."""
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY[:20])
    (tmp_path / "20-other.conf").write_text('{"name":"other","type":"bridge"}')

    with pytest.raises(TryAgainError, match=r"10-flannel\.conflist cannot be read"):
        CniConfDir(tmp_path).primary()


def test_a_link_that_leads_nowhere_yet_is_waited_for(tmp_path: Path) -> None:
    """Installers link to files that they write a moment later."""
    (tmp_path / "05-real.conflist").symlink_to(tmp_path / "missing")
    (tmp_path / "99-other.conf").write_text('{"name":"other","type":"bridge"}')

    with pytest.raises(TryAgainError, match=r"05-real\.conflist cannot be read"):
        CniConfDir(tmp_path).primary()


def test_a_network_is_found_by_its_name_and_a_list_before_a_conf(tmp_path: Path) -> None:
    """npwg-spec S11, S12; a broken file beside them is no obstacle."""
    (tmp_path / "10-a.conf").write_text('{"name":"a","type":"bridge"}')
    (tmp_path / "15-broken.conf").write_text("{")
    (tmp_path / "20-a.conflist").write_text('{"name":"a","plugins":[{"type":"macvlan"}]}')

    found = CniConfDir(tmp_path).by_name("a")

    assert found is not None
    assert found.file.endswith("20-a.conflist")
    assert None is CniConfDir(tmp_path).by_name("b")


def test_an_earlier_file_that_comes_later_is_the_primary_from_then_on(tmp_path: Path) -> None:
    """Multus stays with the first that it saw (#1499)."""
    directory = CniConfDir(tmp_path)
    (tmp_path / "50-late.conf").write_text('{"name":"late","type":"bridge"}')
    assert "late" == directory.primary().network

    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)

    assert "flannel" == directory.primary().network


@pytest.mark.parametrize("chosen", ["other", "20-other.conf"])
def test_the_primary_that_the_settings_name_goes_before_the_first(tmp_path: Path, chosen: str) -> None:
    """By the name of its network or of its file, from the moment that they do; a broken neighbour does not matter."""
    names = [""]
    directory = CniConfDir(tmp_path, lambda: names[-1])
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)
    (tmp_path / "20-other.conf").write_text('{"name":"other","type":"bridge"}')
    assert "flannel" == directory.primary().network

    names.append(chosen)
    (tmp_path / "05-broken.conf").write_text("{")

    assert "other" == directory.primary().network


ABSENT = {
    "a name of none": (
        "nobody",
        r"primaryNetwork is 'nobody', and .* has no such file or network; 15-half\.conf cannot be read",
    ),
    "a file that is not there": ("30-x.conf", "primaryNetwork is '30-x.conf'"),
    "a file that is half written": ("15-half.conf", r"15-half\.conf cannot be read"),
    "a file elsewhere": ("../x.conf", "primaryNetwork is"),
    "our own": ("00-netattach.conflist", "primaryNetwork is"),
    "one that Multus left": ("00-multus.conf", "primaryNetwork is"),
}


@pytest.mark.parametrize(("chosen", "message"), ABSENT.values(), ids=ABSENT)
def test_no_other_primary_stands_in_for_the_one_that_the_settings_name(
    tmp_path: Path, chosen: str, message: str
) -> None:
    """Pods would start in another network than they are to have."""
    directory = tmp_path / "net.d"
    directory.mkdir()
    (tmp_path / "x.conf").write_text('{"name":"x","type":"bridge"}')
    (directory / "00-netattach.conflist").write_text('{"name":"netattach","plugins":[{"type":"netattach"}]}')
    (directory / "00-multus.conf").write_text('{"name":"multus-cni-network","type":"multus-shim"}')
    (directory / "10-flannel.conflist").write_text(PRIMARY)
    (directory / "15-half.conf").write_text('{"name":"nobody"')

    with pytest.raises(TryAgainError, match=message):
        CniConfDir(directory, lambda: chosen).primary()


def test_plugins_in_the_directory_of_a_networks_name_are_chained_behind_its_own(tmp_path: Path) -> None:
    """As libcni does since 1.3, and so the runtime before us; by name, `.conf` alone."""
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)
    (tmp_path / "flannel").mkdir()
    for name, text in {"20.conf": '{"type":"b"}\n', "10.conf": '{"type":"a"}', "x.json": "{"}.items():
        (tmp_path / "flannel" / name).write_text(text)

    chained = CniConfDir(tmp_path).primary().config_text

    own = '{"type":"flannel"}'
    assert PRIMARY.replace(own, f'{own}, {{"type":"a"}}, {{"type":"b"}}') == chained
    assert chained == getattr(CniConfDir(tmp_path).by_name("flannel"), "config_text", "")


@pytest.mark.parametrize("more", ['{"type":', '{"type":"a"} x', '{"type":"netattach', "{}", "[]", ""])
def test_a_chained_plugin_that_is_half_written_is_waited_for(tmp_path: Path, more: str) -> None:
    """A pod without it would lack what it does."""
    (tmp_path / "10-flannel.conflist").write_text(PRIMARY)
    (tmp_path / "flannel").mkdir()
    (tmp_path / "flannel/10.conf").write_text(more)

    with pytest.raises(TryAgainError, match=r"10-flannel\.conflist cannot be read"):
        CniConfDir(tmp_path).primary()


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "10-flannel.conflist": PRIMARY.replace("{", '{"loadOnlyInlinedPlugins":true,', 1),
        "10-flannel.conf": '{"name":"flannel","type":"flannel"}',
        "10-up.conflist": PRIMARY.replace("flannel", "../net.d/flannel", 1),
    }.items(),
)
def test_nothing_is_chained_where_libcni_chains_nothing(tmp_path: Path, name: str, text: str) -> None:
    directory = tmp_path / "net.d"
    (directory / "flannel").mkdir(parents=True)
    (directory / "flannel/10.conf").write_text('{"type":"a"}')
    (directory / name).write_text(text)

    assert text == CniConfDir(directory).primary().config_text

"""The CNI configuration directory: the default network, and networks by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_core.errors import TryAgainError
from netattach_plugin.node.cni_conf_dir import CniConfDir

FLANNEL = '{"cniVersion":"0.3.1","name":"flannel","plugins":[{"type":"flannel"}]}'
OTHER = '{"name":"other","type":"bridge"}'


def test_the_default_network_is_the_first_file_of_another_project(tmp_path: Path) -> None:
    """Delegating to itself would be a fork bomb (Multus issue #1130); nor does netattach delegate to Multus."""
    (tmp_path / "00-netattach.conflist").write_text('{"name":"netattach","plugins":[{"type":"netattach"}]}')
    (tmp_path / "00-multus.conf").write_text('{"name":"multus-cni-network","type":"multus-shim"}')
    (tmp_path / "05-readme.txt").write_text("x")
    (tmp_path / "10-flannel.conflist").write_text(FLANNEL)
    (tmp_path / "20-other.conf").write_text(OTHER)

    found = CniConfDir(tmp_path).default_network()

    assert ("flannel", FLANNEL, str(tmp_path / "10-flannel.conflist")) == (
        found.network,
        found.config_text,
        found.file,
    )


def test_without_a_default_network_the_runtime_has_to_retry(tmp_path: Path) -> None:
    """The node is booting."""
    with pytest.raises(TryAgainError, match="no default network yet"):
        CniConfDir(tmp_path / "missing").default_network()


def test_an_incomplete_file_is_waited_for(tmp_path: Path) -> None:
    """The next file may be another network, in which pods would start (Multus issue #1499)."""
    (tmp_path / "10-flannel.conflist").write_text(FLANNEL[:20])
    (tmp_path / "20-other.conf").write_text(OTHER)

    with pytest.raises(TryAgainError, match=r"10-flannel\.conflist cannot be read"):
        CniConfDir(tmp_path).default_network()


def test_a_dangling_link_is_waited_for(tmp_path: Path) -> None:
    """Installers link to files that they write a moment later."""
    (tmp_path / "05-real.conflist").symlink_to(tmp_path / "missing")
    (tmp_path / "99-other.conf").write_text(OTHER)

    with pytest.raises(TryAgainError, match=r"05-real\.conflist cannot be read"):
        CniConfDir(tmp_path).default_network()


def test_by_name_a_conflist_precedes_a_single_plugins_config(tmp_path: Path) -> None:
    """Kubernetes Network Plumbing Working Group spec, section 3.4.1; a broken file in the directory does not matter."""
    (tmp_path / "10-a.conf").write_text('{"name":"a","type":"bridge"}')
    (tmp_path / "15-broken.conf").write_text("{")
    (tmp_path / "20-a.conflist").write_text('{"name":"a","plugins":[{"type":"macvlan"}]}')

    found = CniConfDir(tmp_path).by_name("a")

    assert found is not None
    assert found.file.endswith("20-a.conflist")
    assert None is CniConfDir(tmp_path).by_name("b")


def test_a_file_that_is_added_before_the_others_is_used_from_then_on(tmp_path: Path) -> None:
    """Multus keeps the first file that it found (issue #1499)."""
    directory = CniConfDir(tmp_path)
    (tmp_path / "50-late.conf").write_text('{"name":"late","type":"bridge"}')
    assert "late" == directory.default_network().network

    (tmp_path / "10-flannel.conflist").write_text(FLANNEL)

    assert "flannel" == directory.default_network().network


@pytest.mark.parametrize("setting", ["other", "20-other.conf"])
def test_the_setting_primary_network_precedes_the_first_file(tmp_path: Path, setting: str) -> None:
    """By the name of its network or of its file, from the moment it is set; another broken file does not matter."""
    settings = [""]
    directory = CniConfDir(tmp_path, lambda: settings[-1])
    (tmp_path / "10-flannel.conflist").write_text(FLANNEL)
    (tmp_path / "20-other.conf").write_text(OTHER)
    assert "flannel" == directory.default_network().network

    settings.append(setting)
    (tmp_path / "05-broken.conf").write_text("{")

    assert "other" == directory.default_network().network


ABSENT = {
    "an unknown name": (
        "nobody",
        r"primaryNetwork is 'nobody', and .* has no such file or network; 15-half\.conf cannot be read",
    ),
    "a missing file": ("30-x.conf", "primaryNetwork is '30-x.conf'"),
    "an incomplete file": ("15-half.conf", r"15-half\.conf cannot be read"),
    "a file elsewhere": ("../x.conf", "primaryNetwork is"),
    "netattach's own": ("00-netattach.conflist", "primaryNetwork is"),
    "Multus' own": ("00-multus.conf", "primaryNetwork is"),
}


@pytest.mark.parametrize(("setting", "message"), ABSENT.values(), ids=ABSENT)
def test_nothing_replaces_the_network_of_the_setting(tmp_path: Path, setting: str, message: str) -> None:
    """Pods would start in another network than they should have."""
    directory = tmp_path / "net.d"
    directory.mkdir()
    (tmp_path / "x.conf").write_text('{"name":"x","type":"bridge"}')
    (directory / "00-netattach.conflist").write_text('{"name":"netattach","plugins":[{"type":"netattach"}]}')
    (directory / "00-multus.conf").write_text('{"name":"multus-cni-network","type":"multus-shim"}')
    (directory / "10-flannel.conflist").write_text(FLANNEL)
    (directory / "15-half.conf").write_text('{"name":"nobody"')

    with pytest.raises(TryAgainError, match=message):
        CniConfDir(directory, lambda: setting).default_network()


def test_plugins_in_the_directory_of_the_networks_name_are_appended(tmp_path: Path) -> None:
    """As libcni does since 1.3: by file name, `.conf` alone."""
    (tmp_path / "10-flannel.conflist").write_text(FLANNEL)
    (tmp_path / "flannel").mkdir()
    for name, text in {"20.conf": '{"type":"b"}\n', "10.conf": '{"type":"a"}', "x.json": "{"}.items():
        (tmp_path / "flannel" / name).write_text(text)

    joined = CniConfDir(tmp_path).default_network().config_text

    own = '{"type":"flannel"}'
    assert FLANNEL.replace(own, f'{own}, {{"type":"a"}}, {{"type":"b"}}') == joined
    assert joined == getattr(CniConfDir(tmp_path).by_name("flannel"), "config_text", "")


@pytest.mark.parametrize("text", ['{"type":', '{"type":"a"} x', '{"type":"netattach"', "{}", "[]", ""])
def test_an_incomplete_plugin_in_that_directory_is_waited_for(tmp_path: Path, text: str) -> None:
    """A pod would lack its effect."""
    (tmp_path / "10-flannel.conflist").write_text(FLANNEL)
    (tmp_path / "flannel").mkdir()
    (tmp_path / "flannel/10.conf").write_text(text)

    with pytest.raises(TryAgainError, match=r"10-flannel\.conflist cannot be read"):
        CniConfDir(tmp_path).default_network()


@pytest.mark.parametrize(
    ("name", "text"),
    {
        "10-flannel.conflist": FLANNEL.replace("{", '{"loadOnlyInlinedPlugins":true,', 1),
        "10-flannel.conf": '{"name":"flannel","type":"flannel"}',
        "10-up.conflist": FLANNEL.replace("flannel", "../net.d/flannel", 1),
    }.items(),
)
def test_nothing_is_appended_where_libcni_appends_nothing(tmp_path: Path, name: str, text: str) -> None:
    directory = tmp_path / "net.d"
    (directory / "flannel").mkdir(parents=True)
    (directory / "flannel/10.conf").write_text('{"type":"a"}')
    (directory / name).write_text(text)

    assert text == CniConfDir(directory).default_network().config_text

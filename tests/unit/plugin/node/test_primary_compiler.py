"""The compiled default network: when it is written, and the files that it depends on."""

from __future__ import annotations

from pathlib import Path

import pytest

from netattach_core.api.network_selection import SelectionSettings
from netattach_core.errors import ConfigError, TryAgainError
from netattach_core.shim.compiled_chain import Feature
from netattach_plugin.node.cni_conf_dir import CniConfDir
from netattach_plugin.node.primary_compiler import PrimaryCompiler, unselective_pods
from support.shim_directories import DEFAULT_NETWORK, ShimDirectories

MACVLAN = '{"cniVersion": "1.0.0", "name": "mac", "type": "macvlan"}'


@pytest.fixture
def shared(tmp_path: Path) -> ShimDirectories:
    return ShimDirectories(tmp_path)


def test_it_has_the_plugins_and_the_files_that_it_was_compiled_from(shared: ShimDirectories) -> None:
    """Readable for root alone."""
    assert ["bridge", "portmap"] == [step.plugin for step in shared.chain().steps]
    source = shared.source()
    assert (("10-cbr0.conflist", DEFAULT_NETWORK.encode()),) == source.files
    assert (str(shared.config), "00-netattach.conflist", True, "cbr0") == (
        source.directory,
        source.own,
        source.first,
        source.absent,
    )
    assert 2500 == shared.chain().deadline_ms
    assert 0o600 == shared.compiled.stat().st_mode & 0o777
    assert 0o700 == shared.compiled.parent.stat().st_mode & 0o777


def test_it_is_written_only_after_a_change(shared: ShimDirectories) -> None:
    """It is compiled every 2 seconds, which must not wear the disk out."""
    inode = shared.compiled.stat().st_ino
    shared.compiler.compile()
    assert inode == shared.compiled.stat().st_ino

    (shared.config / "10-cbr0.conflist").write_text(DEFAULT_NETWORK.replace("portmap", "tuning"))
    shared.compiler.compile()
    assert ["bridge", "tuning"] == [step.plugin for step in shared.chain().steps]


def test_it_depends_on_the_files_before_the_default_network(shared: ShimDirectories) -> None:
    """None of them is a network: Multus' own, for instance."""
    multus = '{"name": "multus", "type": "multus", "cniVersion": "1.0.0"}'
    (shared.config / "05-multus.conf").write_text(multus)
    (shared.config / "01-notes.txt").write_text("not a CNI config")
    (shared.config / "99-later.conf").write_text("{}")
    shared.compiler.compile()

    files = [("05-multus.conf", multus.encode()), ("10-cbr0.conflist", DEFAULT_NETWORK.encode())]
    assert files == list(shared.source().files)


def test_it_depends_on_one_file_if_the_settings_name_the_default_network(shared: ShimDirectories) -> None:
    """Whatever precedes it."""
    (shared.config / "05-first.conf").write_text(MACVLAN)
    shared.primary_network = "cbr0"
    shared.compiler.compile()

    source = shared.source()
    assert (False, ["10-cbr0.conflist"]) == (source.first, [name for name, _ in source.files])


def test_a_default_network_with_plugins_in_a_directory_is_not_compiled(shared: ShimDirectories) -> None:
    """The shim ignores the previous file, since the directory's name must not exist."""
    before = shared.compiled.read_bytes()
    (shared.config / "cbr0").mkdir()
    (shared.config / "cbr0/10-more.conf").write_text('{"type": "tuning"}')
    shared.compiler.compile()

    assert before == shared.compiled.read_bytes()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("10-cbr0.conf", MACVLAN),
        ("10-cbr0.conflist", DEFAULT_NETWORK.replace('"name"', '"loadOnlyInlinedPlugins": true, "name"')),
    ],
)
def test_a_network_to_which_libcni_appends_no_plugins_needs_no_absent_name(
    shared: ShimDirectories, name: str, text: str
) -> None:
    """A single plugin's config, and a conflist with loadOnlyInlinedPlugins."""
    (shared.config / "10-cbr0.conflist").unlink()
    (shared.config / name).write_text(text)
    shared.compiler.compile()

    assert "" == shared.source().absent


def test_an_unreadable_default_network_keeps_the_previous_file(shared: ShimDirectories) -> None:
    """The shim ignores that one: the default network's file has changed."""
    before = shared.compiled.read_bytes()
    (shared.config / "10-cbr0.conflist").write_text("{")
    with pytest.raises(TryAgainError):
        shared.compiler.compile()

    assert before == shared.compiled.read_bytes()


def test_a_network_outside_the_directory_is_refused(shared: ShimDirectories) -> None:
    """The shim could not compare its file."""
    elsewhere = PrimaryCompiler(
        ledger=shared.ledger,
        conf_dir=shared.config / "other",
        networks=CniConfDir(shared.config),
        deadline=1.0,
    )

    with pytest.raises(ConfigError, match="is no file of"):
        elsewhere.compile()


@pytest.mark.parametrize(
    ("settings", "plain", "except_namespaces"),
    [
        (SelectionSettings(), True, ()),
        (SelectionSettings(defaults=("mac",)), False, ("kube-system",)),
        (SelectionSettings(defaults=("mac",), system_namespaces=frozenset()), False, ()),
    ],
)
def test_default_networks_of_the_settings_are_not_for_system_namespaces(
    shared: ShimDirectories,
    settings: SelectionSettings,
    plain: bool,  # noqa: FBT001  # a table's column
    except_namespaces: tuple[str, ...],
) -> None:
    """So only pods of these get the default network alone."""
    shared.pods = unselective_pods(settings)
    shared.compiler.compile()

    chain = shared.chain()
    assert (plain, except_namespaces) == (Feature.PLAIN in chain.features, chain.except_namespaces)

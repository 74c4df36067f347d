"""What netattach has in the directories of its node: how it gets there, what is wrong with it, and how it is removed."""

from __future__ import annotations

from collections.abc import Callable

from netattach_plugin.node.bypass_watch import BypassWatch
from netattach_plugin.node.first_place import FirstPlace
from netattach_plugin.node.installer import Installer
from netattach_plugin.node.own_conflist import OwnConflist
from netattach_plugin.node.shim_binary import ShimBinary
from netattach_plugin.node.uninstall_chain import UninstallChain
from netattach_plugin.node.uninstaller import Uninstaller
from netattach_plugin.settings import Settings
from netattach_plugin.wiring.live_settings import LiveSettings
from netattach_plugin.wiring.shared import Components


class Installation:
    """`lost` is called each time that somebody else has taken the first place, `contested` with the reason to give it up."""

    def __init__(
        self,
        settings: Settings,
        components: Components,
        live: LiveSettings,
        *,
        lost: Callable[[], None],
        contested: Callable[[str], None],
    ) -> None:
        conf_dir, networks = settings.conf_dir, components.networks
        uninstall_chain = UninstallChain(conf_dir, settings.ledger)
        self.conflist = OwnConflist(conf_dir, lost=lost)
        self.bypass_watch = BypassWatch(settings.libcni, conf_dir, lambda: self.conflist.first_since)
        self.installer = Installer(
            shim=ShimBinary(settings.shim, settings.bin_dir[0], how_to_install=_how_to_install(settings)),
            conflist=self.conflist,
            networks=networks,
            uninstall_chain=uninstall_chain,
            first_place=FirstPlace(conf_dir, settings.ledger, live.takeover, live.selection),
            compile_default_network=components.primary_compiler.compile,
            contested=contested,
        )
        self.uninstaller = Uninstaller(
            installer=self.installer, conf_dir=conf_dir, networks=networks, uninstall_chain=uninstall_chain
        )


def _how_to_install(settings: Settings) -> str:
    """The init container, which alone can write to the directory of the plugins, runs when a pod of the DaemonSet starts."""
    restart = f"kubectl --namespace {settings.namespace} rollout restart daemonset/{settings.daemon_set}"
    return f"install it again: {restart}"

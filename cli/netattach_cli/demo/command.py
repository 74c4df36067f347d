"""The command `netattach demo`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from netattach_cli.demo import demo_node, user_nad
from netattach_cli.demo.demo_node import DemoNodeError, NodePaths
from netattach_cli.demo.runtime import CallError
from netattach_cli.demo.screen import Screen
from netattach_cli.demo.walkthrough import Walkthrough, WalkthroughError

NAME = "demo"
HELP = "run the tutorial on this machine: real interfaces and plugins, no cluster"
_PACKAGE_OF_COMMAND = {
    "ip": "iproute2",
    "ping": "iputils-ping",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}
_SIGINT_STATUS = 130
"""The exit status that shells report for a process ended by SIGINT."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cni-bin", type=Path, default=Path("/opt/cni/bin"), help="directory of the reference CNI plugins"
    )
    parser.add_argument(
        "--shim", type=Path, default=Path("/opt/cni/bin/netattach"), help="the shim (plugin/shim)"
    )
    parser.add_argument(
        "--nad", type=Path, help="your NetworkAttachmentDefinition, to attach instead of the tutorial's"
    )
    parser.add_argument(
        "--keep", action="store_true", help="open a shell in the first pod before everything is removed"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 if every step had the expected result, 1 if one had not, 2 if this machine cannot run the demo."""
    screen = Screen(colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    try:
        _check_machine(arguments.cni_bin, arguments.shim)
        nad = user_nad.read(arguments.nad) if arguments.nad else None
        with tempfile.TemporaryDirectory(prefix="netattach-demo-") as directory:
            paths = NodePaths(Path(directory) / "node1", arguments.cni_bin, arguments.shim)
            second_nic = nad.nic if nad else demo_node.SECOND_NIC
            with demo_node.build(paths, second_nic) as node, node.daemon():
                Walkthrough(node, screen, keep=arguments.keep, nad=nad).run()
    except DemoNodeError as error:
        screen.bad(str(error))
        return 2
    except (CallError, WalkthroughError) as error:
        screen.bad(str(error))
        return 1
    except KeyboardInterrupt:
        screen.bad("interrupted; everything was removed")
        return _SIGINT_STATUS
    return 0


def _check_machine(plugins: Path, shim: Path) -> None:
    """Raises DemoNodeError, which says what to install."""
    missing = sorted(
        {package for command, package in _PACKAGE_OF_COMMAND.items() if shutil.which(command) is None}
    )
    if missing:
        raise DemoNodeError(
            f"this machine lacks {', '.join(missing)}; on Debian: apt-get install {' '.join(missing)}"
        )
    if not (plugins / "macvlan").exists():
        raise DemoNodeError(f"{plugins} contains no CNI plugins; give their directory with --cni-bin")
    if not shim.exists():
        raise DemoNodeError(f"{shim} does not exist; build it with `make shim` and give its path with --shim")

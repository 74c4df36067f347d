"""`netattach demo`: the tutorial on one machine, with real interfaces and real plugins, and no cluster.

stage    a node of its own in new namespaces: two cards, a switch with a gateway, the daemon
runtime  what a container runtime does: a network namespace for each pod, and a CNI call
tutorial the NADs, pods and mistakes of the walk-through
show     what is printed
story    the demo, step by step
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from netattach_cli.demo import stage
from netattach_cli.demo.runtime import CallError
from netattach_cli.demo.show import Screen
from netattach_cli.demo.stage import Places, StageError
from netattach_cli.demo.story import OwnNad, Story, StoryError

NAME = "demo"
HELP = "run the tutorial on this machine: real interfaces and plugins, no cluster"
_COMMANDS = {
    "ip": "iproute2",
    "ping": "iputils-ping",
    "nsenter": "util-linux",
    "unshare": "util-linux",
    "setpriv": "util-linux",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `netattach demo` takes."""
    parser.add_argument(
        "--cni-bin", type=Path, default=Path("/opt/cni/bin"), help="directory of the reference CNI plugins"
    )
    parser.add_argument(
        "--shim", type=Path, default=Path("/opt/cni/bin/netattach"), help="the shim (plugin/shim)"
    )
    parser.add_argument(
        "--nad", type=Path, help="a NetworkAttachmentDefinition of yours to attach instead of the tutorial's"
    )
    parser.add_argument(
        "--keep", action="store_true", help="stay in a shell inside the first pod before all is removed"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 when every step came out as told, 1 when one did not, 2 where this machine cannot run it."""
    screen = Screen(colour=sys.stdout.isatty() and "NO_COLOR" not in os.environ)
    try:
        _check_machine(arguments.cni_bin, arguments.shim)
        own = OwnNad.read(arguments.nad) if arguments.nad else None
        with tempfile.TemporaryDirectory(prefix="netattach-demo-") as directory:
            places = Places(Path(directory) / "node1", arguments.cni_bin, arguments.shim)
            spare = own.card if own else "eth1"
            with stage.build(places, spare) as built, built.daemon():
                Story(built, screen, keep=arguments.keep, own=own).tell()
    except StageError as error:
        screen.bad(str(error))
        return 2
    except (CallError, StoryError) as error:
        screen.bad(str(error))
        return 1
    except KeyboardInterrupt:
        screen.bad("interrupted; all that was made is gone")
        return 130  # as a shell says of SIGINT
    return 0


def _check_machine(plugins: Path, shim: Path) -> None:
    missing = sorted({package for command, package in _COMMANDS.items() if shutil.which(command) is None})
    if missing:
        raise StageError(
            f"this machine lacks {', '.join(missing)}; on Debian: apt-get install {' '.join(missing)}"
        )
    if not (plugins / "macvlan").exists():
        raise StageError(f"{plugins} has no CNI plugins; name their directory with --cni-bin")
    if not shim.exists():
        raise StageError(f"{shim} is not there; build it with `make shim` and name it with --shim")

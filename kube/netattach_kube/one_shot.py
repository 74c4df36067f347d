"""A program that does one thing and ends, such as an init container's; without an event loop."""

from __future__ import annotations

import logging
from collections.abc import Callable

from netattach_kube import logs, settings
from netattach_kube.exit_status import FAILED, MISUSED, OK


def main(name: str, work: Callable[[], None], explain: Callable[[OSError], str]) -> int:
    """Runs `work`; the exit status. MISUSED where it raises ValueError, FAILED for an OSError, which is logged as explained."""
    log = logging.getLogger(name)
    with logs.handled() as handler:
        try:
            logs.configure(handler, settings.from_environment())
            work()
        except ValueError as error:
            log.error("%s", error)  # noqa: TRY400  # no internal error, so without a traceback
            return MISUSED
        except OSError as error:
            log.error("%s", explain(error))  # noqa: TRY400  # as above
            return FAILED
        return OK

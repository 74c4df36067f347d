"""The outcome of a plugin's run: its result, or an error that says what to do.

The shim has the same messages for the plugins that it runs without the daemon (plugin/shim/plugin_error.c).
"""

from __future__ import annotations

import errno

from netattach_core.cni import result as cni_result
from netattach_core.errors import DelegateError, NetattachError, NotRunError
from netattach_core.shim.protocol import Outcome, Ran
from netattach_core.text import json_document

_NOT_RUN = {Outcome.NOT_FOUND, Outcome.FAILED, Outcome.REFUSED}
_TOO_MUCH_OUTPUT = errno.EFBIG  # the only FAILED of a plugin that was started
_MAX_OUTPUT = 400
"""Bytes of a plugin's output in an error message; the details have all of it."""
_BLANKS = " \t\r\n"
_LARGEST_CODE = 10**18 - 1


def succeeded(ran: Ran, plugin: str) -> None:
    """For DEL and CHECK, which have no result. Raises DelegateError, NotRunError."""
    if ran.outcome is not Outcome.EXITED or ran.number != 0:
        raise _failure(ran, plugin)


def result(ran: Ran, plugin: str, cni_version: str) -> str:
    """The result of an ADD as JSON text, in the configuration's version.

    Keeps the plugin's bytes if they are in that version already. Raises DelegateError, NotRunError.
    """
    succeeded(ran, plugin)
    text = _text(ran.stdout)
    if not text:
        raise DelegateError(
            f"plugin {plugin} returned no result; its effect is unknown", details=_text(ran.stderr)
        )
    try:
        read = cni_result.parse(text, cni_version)
        return text if read.cni_version == cni_version else cni_result.dump(read, cni_version)
    except NetattachError as error:
        raise DelegateError(
            f"plugin {plugin} returned an invalid CNI result: {error.message}", details=text
        ) from error


def _failure(ran: Ran, plugin: str) -> DelegateError:
    if ran.outcome is not Outcome.EXITED:
        kind = NotRunError if ran.outcome in _NOT_RUN and ran.number != _TOO_MUCH_OUTPUT else DelegateError
        return kind(f"plugin {plugin} {_outcome_text(ran)}", details=_text(ran.stderr))
    body = _error_object(ran.stdout)
    if body is None:
        output = _text(ran.stdout) or _text(ran.stderr)
        return DelegateError(
            f"plugin {plugin} failed with exit status {ran.number} and printed: {_shortened(output) or 'nothing'}",
            details=output,
        )
    return DelegateError(
        f"plugin {plugin} failed: {_member(body, 'msg') or 'without a message'}",
        details=_member(body, "details") or _text(ran.stderr),
        delegate_code=_code(body),
    )


def _member(error: dict[str, object], key: str) -> str:
    value = error.get(key)
    return value if isinstance(value, str) else ""


def _code(error: dict[str, object]) -> int:
    code = error.get("code")
    return code if type(code) is int and 0 <= code <= _LARGEST_CODE else 0


def _shortened(output: str) -> str:
    """Its first bytes, without half a character at the end."""
    return output.encode()[:_MAX_OUTPUT].decode(errors="ignore")


def _outcome_text(ran: Ran) -> str:
    return {
        Outcome.EXITED: "exited",
        Outcome.KILLED: f"was killed by signal {ran.number}",
        Outcome.TIMEOUT: f"did not end within {ran.number} ms and was stopped",
        Outcome.NOT_FOUND: "is not installed: no file of that name in the runtime's CNI directories; install it on this node",
        Outcome.FAILED: f"could not be run: {os_error(ran.number)}",
        Outcome.REFUSED: "was refused by the shim: a plugin is a file in the runtime's CNI directories, and no meta-plugin",
    }[ran.outcome]


def os_error(number: int) -> str:
    """A description of errno, for those that starting a program can give."""
    known = {
        errno.ENOENT: "its interpreter is missing",
        errno.ENOEXEC: "it is not a program",
        errno.EAGAIN: "too many plugins run at once",
        errno.ENOMEM: "no memory is left",
        errno.EACCES: "it is not executable",
        errno.EMFILE: "too many files are open",
        errno.ETXTBSY: "it is being written",
        _TOO_MUCH_OUTPUT: "it wrote more than 1 MiB",
    }
    return known.get(number, f"errno {number}")


def _error_object(stdout: bytes) -> dict[str, object] | None:
    try:
        body = json_document.value(stdout.decode())
    except (json_document.JsonTextError, UnicodeDecodeError):
        return None
    return body if isinstance(body, dict) else None


def _text(data: bytes) -> str:
    return data.decode(errors="replace").strip(_BLANKS)

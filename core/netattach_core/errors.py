"""One tree of errors; what a CNI runtime has to be told is data on each class.

NetattachError            999  anything of ours
├── ConfigError             7  a network configuration that cannot be carried out
├── AnnotationError         7  a pod's selection annotation that cannot be read
├── NotFoundError           7  a pod or network that does not exist
├── DecodeError             6  bytes that are not what they should be
├── EnvironmentVariableError 4 CNI_* variables that are missing or malformed
├── VersionError            1  a CNI version that one side does not speak
├── TryAgainError          11  something is not there yet; the runtime may call again
├── NotReadyError          50  what a runtime is told on STATUS; or the code that the primary's plugin gave
├── ConflictError         999  somebody else was faster
├── RefusedError          999  the API does not take what we wrote
└── DelegateError         100  a plugin failed; carries its own code
└── NotRunError       100  a plugin could not even be started, so there is nothing to undo
"""


class NetattachError(Exception):
    """Base of all; `code` is the CNI error code (cni-spec, section "Error")."""

    code = 999

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return self.message


class ConfigError(NetattachError):
    """A network configuration that cannot be carried out."""

    code = 7


class AnnotationError(NetattachError):
    """A pod's selection annotation that cannot be read; nothing of it is carried out."""

    code = 7


class NotFoundError(NetattachError):
    """A pod or network that does not exist."""

    code = 7


class DecodeError(NetattachError):
    """Bytes that are not what they should be."""

    code = 6


class EnvironmentVariableError(NetattachError):
    """CNI_* variables that are missing or malformed; the message names them."""

    code = 4


class VersionError(NetattachError):
    """A CNI version that one of the two sides does not speak."""

    code = 1


class TryAgainError(NetattachError):
    """Something is not there yet; the runtime may call again."""

    code = 11


class NotReadyError(NetattachError):
    """No pod can be attached now; `code` is the default network's own where it gave one (C80)."""

    code = 50

    def __init__(self, message: str, *, details: str = "", code: int = 50) -> None:
        super().__init__(message, details=details)
        self.code = code


class ConflictError(NetattachError):
    """An object that exists already, or was changed since we read it."""


class RefusedError(NetattachError):
    """What the API does not take, now or later: a rule forbids it, or it is malformed."""


class DelegateError(NetattachError):
    """A plugin failed. `delegate_code` is the code it gave, 0 where it gave none."""

    code = 100

    def __init__(self, message: str, *, details: str = "", delegate_code: int = 0) -> None:
        super().__init__(message, details=details)
        self.delegate_code = delegate_code


class NotRunError(DelegateError):
    """A plugin could not even be started, so there is nothing of it to undo."""

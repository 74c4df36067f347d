"""The exceptions; each class has the CNI error code that a container runtime gets (CNI SPEC, section "Error").

NetattachError             999  base class, internal error (codes from 100 on are plugin-specific)
├── ConfigError              7  invalid network config
├── PolicyError              7  a network or a request that policy refuses (reported as invalid network config)
├── AnnotationError          7  invalid network selection annotation (reported as invalid network config)
├── NotFoundError            7  a pod or network that does not exist (reported as invalid network config)
├── DecodeError              6  failed to decode content
├── EnvironmentVariableError 4  invalid necessary environment variables
├── VersionError             1  incompatible CNI version
├── TryAgainError           11  try again later
├── NotReadyError           50  the plugin is not available (STATUS), or the code of the default network's plugin
├── AllocationError        999  host-local gives no address, in the plugin's words
├── ConflictError          999  an object that exists already, or that another client changed
├── RefusedError           999  a write that the API server rejected
└── DelegateError          100  a plugin failed; has the plugin's own code as data
    └── NotRunError        100  a plugin that could not be started, so that there is nothing to undo
"""


class NetattachError(Exception):
    """Base class; `code` is the CNI error code (CNI SPEC, section "Error")."""

    code = 999

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return self.message


class ConfigError(NetattachError):
    """A network config that is invalid; code 7, "Invalid network config"."""

    code = 7


class PolicyError(NetattachError):
    """A network, or what a pod requests of it, that policy refuses; code 7, "Invalid network config"."""

    code = 7


class AnnotationError(NetattachError):
    """A network selection annotation that is invalid; none of its networks is attached. Code 7, "Invalid network config".

    `field` is that of the network selection, "" where it is of none.
    """

    code = 7

    def __init__(self, message: str, *, details: str = "", field: str = "") -> None:
        super().__init__(message, details=details)
        self.field = field


class NotFoundError(NetattachError):
    """A pod or network that does not exist; code 7, "Invalid network config"."""

    code = 7


class DecodeError(NetattachError):
    """Bytes that cannot be decoded; code 6, "Failed to decode content"."""

    code = 6


class LaterReleaseError(NetattachError):
    """A file in a format of a later release: nothing may be guessed of it, and nothing removed; code 999."""


class EnvironmentVariableError(NetattachError):
    """CNI_* variables that are missing or malformed; the message names them.

    Code 4, "Invalid necessary environment variables".
    """

    code = 4


class VersionError(NetattachError):
    """A CNI version that is not supported; code 1, "Incompatible CNI version"."""

    code = 1


class TryAgainError(NetattachError):
    """Something does not exist yet; code 11, "Try again later"."""

    code = 11


class NotReadyError(NetattachError):
    """The node cannot serve ADD now; code 50, "The plugin is not available".

    `code` may be the one that the default network's plugin returned on STATUS.
    """

    code = 50

    def __init__(self, message: str, *, details: str = "", code: int = 50) -> None:
        super().__init__(message, details=details)
        self.code = code


class AllocationError(NetattachError):
    """host-local gives no address, or its store fails; code 999, as the plugin's own (`cni/pkg/skel/skel.go`)."""


class ConflictError(NetattachError):
    """An object that exists already, or that changed since it was read."""


class RefusedError(NetattachError):
    """A write that the API server rejects for good: it is forbidden or invalid."""


class DelegateError(NetattachError):
    """A plugin failed; `delegate_code` is the error code that it returned, 0 without one."""

    code = 100

    def __init__(self, message: str, *, details: str = "", delegate_code: int = 0) -> None:
        super().__init__(message, details=details)
        self.delegate_code = delegate_code


class NotRunError(DelegateError):
    """A plugin that could not be started, so that there is nothing to undo."""

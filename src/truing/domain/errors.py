"""Every error a person can meet, in one tree; each says what happened and what repairs it.

    TruingError                 something Truing knows how to explain         exit 1
    ├── InvalidInputError       a value, file or flag that cannot be used     exit 2
    ├── SettingError            an unknown or malformed setting               exit 2
    ├── NotFoundError           no such sample, model, dataset, file          exit 3
    │   └── NoWorkspaceError    no workspace at or above this folder          exit 3
    ├── ConflictError           somebody else changed or holds it             exit 4
    ├── NothingToDoError        the request is fine but there is no data yet  exit 5
    ├── DamagedError            bytes that do not match digest or format      exit 6
    ├── MissingDependencyError  an optional package is not installed          exit 7
    ├── UnavailableError        a hub, device or program cannot be reached    exit 8
    │   └── FullError           no room on the disk or within the quota       exit 8
    ├── ConsentError            the purpose is not covered by consent         exit 9
    ├── NotProvenError          the promotion gate did not pass               exit 10
    └── RunFailedError          a training run ended in failure               exit 11

`message` names the offending value; `hint` is the command or change that repairs it.
"""

from __future__ import annotations

from typing import ClassVar


class TruingError(Exception):
    """Root of the tree. Raised as one of its subclasses wherever a cause is known."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def as_dict(self) -> dict[str, str | None]:
        """The error as the one JSON envelope uses it: `code`, `message`, `hint`."""
        return {"code": self.code, "message": self.message, "hint": self.hint}


class InvalidInputError(TruingError, ValueError):
    """A value, file or flag that cannot be used as given."""

    code = "invalid-input"
    exit_code = 2


class SettingError(TruingError, ValueError):
    """An unknown setting, or a value of the wrong type or range."""

    code = "setting"
    exit_code = 2


class NotFoundError(TruingError, LookupError):
    """A named thing does not exist: sample, model, dataset, run, file, recipe."""

    code = "not-found"
    exit_code = 3


class NoWorkspaceError(NotFoundError):
    """Neither a flag, the environment nor any parent folder leads to a workspace."""

    code = "no-workspace"


class ConflictError(TruingError):
    """Somebody else changed or holds what was asked for."""

    code = "conflict"
    exit_code = 4


class NothingToDoError(TruingError):
    """The request is sound, but there is no data for it yet."""

    code = "nothing-to-do"
    exit_code = 5


class DamagedError(TruingError):
    """Stored or given bytes do not match their digest or their format."""

    code = "damaged"
    exit_code = 6


class MissingDependencyError(TruingError, ImportError):
    """An optional package is needed; the hint names the extra to install."""

    code = "missing-dependency"
    exit_code = 7


class UnavailableError(TruingError):
    """Something outside this process cannot be reached: a hub, a device, a program, a lock."""

    code = "unavailable"
    exit_code = 8


class FullError(UnavailableError):
    """There is no room for it, on the disk or within the quota; nothing of it was kept."""

    code = "full"


class ConsentError(TruingError, PermissionError):
    """The purpose is not covered by the consent under which the sample was taken."""

    code = "consent"
    exit_code = 9


class NotProvenError(TruingError):
    """The promotion gate did not pass; the message says what is missing."""

    code = "not-proven"
    exit_code = 10


class RunFailedError(TruingError):
    """A training run ended in failure; the hint names the command that shows its log."""

    code = "run-failed"
    exit_code = 11

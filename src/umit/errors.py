"""The one error tree of umit.

Every message says what was expected, what came, and what to do::

    UMITError
    ├── InputError (also ValueError)     a bad scan, geometry or argument
    │   ├── UnsupportedFormatError       what the file looked like, what is supported
    │   └── MissingMetadataError         which tag or field, and what needs it
    ├── UnsupportedTaskError             the checkpoint does not know this task
    ├── OutputError                      the model's text is no answer
    │   ├── ParseError                   the text does not follow the answer grammar
    │   └── TruncatedError               the text was cut by the length limit
    ├── BackendError                     the engine failed
    │   ├── MissingExtraError            an optional package is missing: the pip command
    │   └── ServerError                  a remote engine failed
    ├── CheckpointError                  card missing, newer, or not matching the weights
    └── DatasetError                     a data set's file or row is wrong

No message carries patient identity, pixels, or more than the base name of a file.
"""

from __future__ import annotations

__all__ = [
    "BackendError",
    "CheckpointError",
    "CheckpointWarning",
    "DatasetError",
    "DatasetWarning",
    "InputError",
    "MissingExtraError",
    "MissingMetadataError",
    "OutputError",
    "ParseError",
    "ServerError",
    "TruncatedError",
    "UMITError",
    "UnsupportedFormatError",
    "UnsupportedTaskError",
]


class UMITError(Exception):
    """Root of all errors that umit raises on purpose."""


class InputError(UMITError, ValueError):
    """A bad scan, geometry or argument.

    Args:
        message: What was expected and what came.
        code: A short stable name, such as ``"truncated"``.
        where: The file's base name, or the argument.
        hint: What to do.
    """

    def __init__(self, message: str, *, code: str = "input", where: str = "", hint: str = "") -> None:
        self.message, self.code, self.where, self.hint = message, code, where, hint
        head = f"{where}: {message}" if where else message
        super().__init__(f"{head}. {hint}" if hint else head)

    def __reduce__(self) -> tuple[object, ...]:
        state = {"message": self.message, "code": self.code, "where": self.where, "hint": self.hint}
        return (_rebuild, (type(self), state))


class UnsupportedFormatError(InputError):
    """A file whose format umit does not read."""


class MissingMetadataError(InputError):
    """A tag or field that a request needs is not in the file."""


class UnsupportedTaskError(UMITError):
    """The loaded checkpoint does not know the task that a verb needs."""


class OutputError(UMITError):
    """The model's text is no answer to the question.

    Args:
        message: What was expected and what came.
        task: Name of the task.
        text: The model's text, unchanged.
        expected: The form that was expected.
        partial: What could be read before the failure, if anything.
    """

    def __init__(
        self, message: str, *, task: str = "", text: str = "", expected: str = "", partial: object = None
    ) -> None:
        self.message, self.task, self.text = message, task, text
        self.expected, self.partial = expected, partial
        super().__init__(message)

    def __str__(self) -> str:
        # Composed here: the grammar that raises does not know its task, Task.decode fills it in.
        parts = [f"{self.task}: {self.message}" if self.task else self.message]
        if self.expected:
            parts.append(f"expected {self.expected}")
        shown = self.text if len(self.text) <= 200 else self.text[:200] + "…"
        parts.append(f"the model wrote {shown!r}")
        return "; ".join(parts)

    def __reduce__(self) -> tuple[object, ...]:
        names = ("message", "task", "text", "expected", "partial")
        return (_rebuild, (type(self), {name: getattr(self, name) for name in names}))


class ParseError(OutputError):
    """The model's text does not follow the task's answer grammar."""


class TruncatedError(OutputError):
    """The model's text was cut because it reached its length limit."""


class BackendError(UMITError):
    """The engine failed.

    Args:
        message: What was expected, what came, what to do.
        engine: Name of the engine.
        retryable: Whether the same call may succeed later.
    """

    def __init__(self, message: str, *, engine: str = "", retryable: bool = False) -> None:
        self.message, self.engine, self.retryable = message, engine, retryable
        super().__init__(f"{engine}: {message}" if engine else message)

    def __reduce__(self) -> tuple[object, ...]:
        names = ("message", "engine", "retryable")
        return (_rebuild, (type(self), {name: getattr(self, name) for name in names}))


class MissingExtraError(BackendError):
    """An optional package is missing; the message holds the pip command."""


class ServerError(BackendError):
    """A remote engine answered with an error or not at all."""


class CheckpointError(UMITError):
    """A checkpoint's card is missing, newer than this umit, or does not match the weights."""


class CheckpointWarning(UserWarning):
    """A checkpoint works, and its results need a word of caution."""


class DatasetWarning(UserWarning):
    """A data set is read, and something in it was skipped or assumed."""


class DatasetError(UMITError):
    """A file or row of a data set is wrong.

    Args:
        message: What was expected and what came.
        dataset: The data set's name.
        file: The file's base name, with line or row where one is meant.
    """

    def __init__(self, message: str, *, dataset: str = "", file: str = "") -> None:
        self.message, self.dataset, self.file = message, dataset, file
        super().__init__(": ".join(part for part in (dataset, file, message) if part))

    def __reduce__(self) -> tuple[object, ...]:
        state = {"message": self.message, "dataset": self.dataset, "file": self.file}
        return (_rebuild, (type(self), state))


def _rebuild(kind: type[UMITError], state: dict[str, object]) -> UMITError:
    """Recreate an error from its keyword arguments, so that it crosses process borders."""
    message = state.pop("message")
    return kind(message, **state)

"""The command ``umit``: one small file a command; help and ``info`` load neither torch nor numpy."""

from __future__ import annotations

import io
import os
import sys
import warnings
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from umit import __version__
from umit.cli import (
    answer,
    calibrate,
    classify,
    compare,
    data,
    demo,
    detect,
    evaluate,
    info,
    landmarks,
    push,
    report,
    score,
    serve,
    train,
    verify,
)
from umit.cli.parse import Parser
from umit.cli.telling import open_streams, tell
from umit.errors import CheckpointWarning, DatasetWarning, InputError, UMITError

__all__ = ["main"]

_COMMANDS = (
    demo,
    answer,
    report,
    classify,
    detect,
    landmarks,
    data,
    train,
    push,
    calibrate,
    evaluate,
    score,
    compare,
    serve,
    verify,
    info,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: Words after ``umit``; ``None`` takes those of this process.

    Returns:
        0 fine, 1 a checker found something, 2 bad use or bad input, 3 some items failed, 130 interrupted.

    Example:
        >>> main(["answer", "film.png", "--question", " "])
        2
    """
    open_streams()
    for stream in (sys.stdout, sys.stderr):
        _speak_unicode(stream)
    try:
        given = _parser().parse_args(argv)
    except SystemExit as ended:  # how argparse ends after --help and after bad use
        return int(ended.code or 0)
    with warnings.catch_warnings():
        warnings.simplefilter("default", CheckpointWarning)
        warnings.simplefilter("default", DatasetWarning)
        warnings.showwarning = _show
        try:
            _no_empty_places(given)
            code: int = given.run(given)
            sys.stdout.flush()
            return code
        except UMITError as error:
            tell(str(error))
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            _leave_stdout()
            return 0
        except OSError as error:
            name = os.path.basename(str(error.filename or "")) or "output"
            tell(f"{name:.99}: {error.strerror or error}")
            if not error.filename:  # stdout, such as a full disk: nothing more goes there
                _leave_stdout()
        except KeyboardInterrupt:
            tell("interrupted")
            return 130
    return 2


def _parser() -> Parser:
    parser = Parser(
        prog="umit",
        description="Five medical imaging tasks through one vision-language model. "
        "Research use only, not a medical device.",
    )
    parser.add_argument("--version", action="version", version=f"umit {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add(commands)
    return parser


def _no_empty_places(given: Namespace) -> None:
    """Refuse an empty name of what is read: as a path it would be the working folder."""
    for name in ("place", "root", "a", "b", "archive", "truth", "pictures", "checkpoint", "card", "name", "model"):
        if getattr(given, name, None) == "":
            raise InputError(
                "expected a name, got an empty one",
                code="empty",
                where=name,
                hint="A variable of the shell may be unset.",
            )


def _leave_stdout() -> None:
    """Drop what could not be written, which Python would try again at its end."""
    with suppress(OSError, ValueError):  # a stream in memory has no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning as one line; whose code it came from matters only if it is not ours."""
    ours = issubclass(category, CheckpointWarning | DatasetWarning)
    tell(str(message) if ours else f"{category.__name__}: {message}")


def _speak_unicode(stream: TextIO) -> None:
    """Let Chinese through where the system's own encoding, such as cp1252, does not hold it."""
    if isinstance(stream, io.TextIOWrapper):
        encoding = None if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors="backslashreplace")

"""The command ``umit``: one small file a command; help and ``info`` load neither torch nor numpy."""

from __future__ import annotations

import io
import os
import sys
import warnings
from collections.abc import Sequence
from typing import TextIO

from umit import __version__
from umit.cli import (
    answer,
    classify,
    compare,
    data,
    demo,
    detect,
    evaluate,
    info,
    landmarks,
    report,
    score,
)
from umit.cli.parse import Parser
from umit.errors import CheckpointWarning, DatasetWarning, UMITError

__all__ = ["main"]

_COMMANDS = (
    demo,
    answer,
    report,
    classify,
    detect,
    landmarks,
    data,
    evaluate,
    score,
    compare,
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
            code: int = given.run(given)
            sys.stdout.flush()
            return code
        except UMITError as error:
            print(f"umit: {error}", file=sys.stderr)
        except BrokenPipeError:  # the reader, such as `head`, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except OSError as error:
            name = os.path.basename(str(error.filename or "")) or "output"
            print(f"umit: {name}: {error.strerror or error}", file=sys.stderr)
        except KeyboardInterrupt:
            print("umit: interrupted", file=sys.stderr)
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


def _show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning as one line; whose code it came from matters only if it is not ours."""
    said = " ".join(str(message).split())
    ours = issubclass(category, CheckpointWarning | DatasetWarning)
    print(f"umit: {said}" if ours else f"{category.__name__}: {said}", file=file or sys.stderr)


def _speak_unicode(stream: TextIO) -> None:
    """Let Chinese through where the system's own encoding, such as cp1252, does not hold it."""
    if isinstance(stream, io.TextIOWrapper):
        encoding = None if stream.isatty() else "utf-8"
        stream.reconfigure(encoding=encoding, errors="backslashreplace")

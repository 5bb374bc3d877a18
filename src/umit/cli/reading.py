"""How a file is read: ``--frame``, ``--window``, ``--slices`` and ``--spacing`` of each verb."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError, Namespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from umit.cli.parse import Parser

__all__ = ["add_reading", "load_options"]

_BETWEEN = re.compile(r"[\s,:/x]+")  # 40,400 and 40/400 and 10:30 and "40 400"


def add_reading(parser: Parser) -> None:
    """Add what :func:`umit.load` is told of a file."""
    parser.add_argument("--frame", type=int, metavar="K", help="which frame, page or 4-D volume, from 0")
    parser.add_argument(
        "--window",
        type=_window,
        metavar="W",
        help="a name such as lung, full, CENTRE,WIDTH (as in --window=-600,1500), or the name or index "
        "of one that a DICOM file declares",
    )
    parser.add_argument("--slices", type=_slices, metavar="START,STOP", help="slices to keep, from 0; STOP is left out")
    parser.add_argument(
        "--spacing",
        type=_numbers,
        metavar="MM",
        help="mm of a file that records none: y,x of a film, z,y,x of a volume",
    )


def load_options(given: Namespace) -> dict[str, Any]:
    """Return the arguments of :func:`umit.load` that were given.

    Example:
        >>> load_options(Namespace(frame=2, window=None, slices=None, spacing=None))
        {'frame': 2}
    """
    names = ("frame", "window", "slices", "spacing")
    return {name: getattr(given, name) for name in names if getattr(given, name) is not None}


def _window(text: str) -> str | int | tuple[float, ...]:
    if text.strip().isdecimal():
        return int(text)
    try:
        return _numbers(text)
    except ArgumentTypeError:
        return text  # load knows the names


def _slices(text: str) -> tuple[int, ...]:
    try:
        start, stop = (int(part) for part in _BETWEEN.split(text.strip()))
    except ValueError:
        raise ArgumentTypeError(f"expected START,STOP, got {text!r}") from None
    return start, stop


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in _BETWEEN.split(text.strip()))
    except ValueError:
        raise ArgumentTypeError(f"expected numbers with commas between, got {text!r}") from None

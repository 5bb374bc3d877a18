"""Arguments that several commands share."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn, TypeAlias, get_args

from typing_extensions import override

from umit.cli.reading import add_reading
from umit.queries import Language

__all__ = ["LANGUAGES", "Commands", "Parser", "add_files", "add_model"]

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong, and guesses no abbreviations."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, allow_abbrev=False)

    @override
    def error(self, message: str) -> NoReturn:
        """End with code 2."""
        self.exit(2, f"umit: {message}; see {self.prog} --help\n")


def add_model(parser: Parser) -> None:
    """Add what chooses the weights."""
    parser.add_argument(
        "--checkpoint",
        metavar="NAME-OR-FOLDER",
        default="umit-phantom",
        help="weights: the embedded umit-phantom (default), a name on the hub, or a folder",
    )
    parser.add_argument(
        "--card", metavar="NAME", help="card of weights that have none of their own"
    )
    parser.add_argument("--device", default="auto", help="auto (default), cuda, mps or cpu")


def add_files(parser: Parser) -> None:
    """Add files and how they are read, the language and where results go."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE-OR-FOLDER", help="a film, a volume, or a DICOM series"
    )
    add_reading(parser)
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="default: en")
    parser.add_argument("--json", action="store_true", help="print one JSON document a line")
    parser.add_argument("--csv", metavar="OUT", help="write a table")
    parser.add_argument("--out", metavar="DIR", help="write a picture of each file with its marks")
    add_model(parser)

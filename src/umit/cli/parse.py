"""Arguments that several commands share."""

from __future__ import annotations

import argparse
import os
import warnings
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias, get_args

from typing_extensions import override

from umit.cli.reading import add_reading
from umit.cli.telling import printable
from umit.cli.weights import add_model
from umit.cli.writing import add_force
from umit.errors import InputError
from umit.queries import Language

if TYPE_CHECKING:
    from umit.datasets import Samples

__all__ = [
    "LANGUAGES",
    "Commands",
    "Parser",
    "add_abstaining",
    "add_fields",
    "add_files",
    "add_source",
    "natural",
    "fields",
    "reads_of_source",
    "samples",
]

Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
_DIGITS: Final = 18  # of a number that counts, below sys.maxsize
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Parser(argparse.ArgumentParser):
    """A parser that says in one line what is wrong, and guesses no abbreviations."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given, allow_abbrev=False)

    @override
    def error(self, message: str) -> NoReturn:
        """End with code 2."""
        self.exit(2, f"umit: {printable(message)}; see {self.prog} --help\n")


def natural(text: str) -> int:
    """Read a number from 0 that this machine can count to."""
    if not text.isdecimal() or len(text) > _DIGITS:
        raise argparse.ArgumentTypeError(f"expected a number from 0 of at most {_DIGITS} digits, got {text[:99]!r}")
    return int(text)


def add_source(parser: Parser) -> None:
    """Add what chooses the samples of a data set; :func:`samples` reads it."""
    parser.add_argument("--split", help="train, validation or test")
    parser.add_argument("--language", choices=LANGUAGES)
    parser.add_argument("--variant", help="such as MedMNIST's pneumoniamnist; of your own files, their layout")
    parser.add_argument("--task", help="only its samples of this task")
    parser.add_argument("--resplit", action="store_true", help="split by patient instead of as the files say")
    add_fields(parser)


def add_fields(parser: Parser) -> None:
    """Add how the files call things."""
    parser.add_argument(
        "--fields", "--field", action="append", default=[], metavar="NAME=FIELD,…",
        help="how your files call what umit calls NAME, such as image=path,label=dx; group=REGEX finds the "
        "patient in a path; any other NAME is a class and FIELD its name in words",
    )  # fmt: skip


def fields(given: argparse.Namespace) -> dict[str, str]:
    """Return the fields that were given; a comma without a name after it belongs to the field before.

    Raises:
        InputError: No name and field.
    """
    found: dict[str, str] = {}
    for words in given.fields:
        name = ""
        for part in words.split(","):
            key, is_pair, field = part.partition("=")
            if is_pair and key.strip():
                name = key.strip()
                found[name] = field.strip()
            elif name:
                found[name] += f",{part}"
            else:
                raise InputError(f"expected NAME=FIELD, got {words!r}", code="fields", where="--fields")
    return found


def samples(given: argparse.Namespace, root: str | None) -> Samples:
    """Return the samples that a command's words choose."""
    from umit.datasets import load

    return load(
        given.name, root, split=given.split, language=given.language, variant=given.variant,
        fields=fields(given), task=given.task, resplit=given.resplit,
    )  # fmt: skip


def reads_of_source(given: argparse.Namespace, target: str | None = None) -> list[str]:
    """Return the files and folders that :func:`samples` reads.

    Args:
        given: A command's words.
        target: A file or folder to be written. Where it exists, it may be a picture that a table names.
    """
    table = os.path.isfile(os.path.expanduser(given.name))  # beside its pictures' folder
    reads = [*([given.name] if table or given.root is None else []), *([given.root] if given.root else [])]
    if table and target and os.path.exists(os.path.expanduser(target)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # told when they are read to be used
            reads += sorted({name for sample in samples(given, given.root) for name in sample.source.names})
    return reads


def chance(text: str) -> float:
    """Read a probability."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise argparse.ArgumentTypeError(f"expected a probability from 0 to 1, got {text[:99]!r}")
    return found


def add_abstaining(parser: Parser) -> None:
    """Add what an answer must reach to be given."""
    parser.add_argument(
        "--abstain-below", type=chance, metavar="P", help="give no answer where the likeliest is less likely than P"
    )


def add_files(parser: Parser) -> None:
    """Add files and how they are read, the language and where results go."""
    parser.add_argument("files", nargs="+", metavar="FILE-OR-FOLDER", help="a film, a volume, or a DICOM series")
    add_reading(parser)
    parser.add_argument("--language", choices=LANGUAGES, default="en", help="default: en")
    parser.add_argument("--json", action="store_true", help="print one JSON document a line")
    parser.add_argument("--csv", metavar="OUT", help="write a table")
    parser.add_argument("--out", metavar="DIR", help="write a picture of each file with its marks")
    parser.add_argument(
        "--max-new-tokens", type=natural, metavar="N", help="where an answer is cut; default: each task's own length"
    )
    add_force(parser)
    add_model(parser)

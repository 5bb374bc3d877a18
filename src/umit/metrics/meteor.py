"""METEOR 1.5 by the Java program that pycocoevalcap brings; needs the extra ``reports`` and a Java runtime.

nltk's METEOR is another number: :mod:`umit.metrics.alignment`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from umit.errors import BackendError, InputError, MissingExtraError

__all__ = ["Meteor", "meteor", "meteor_counts", "meteor_program", "meteor_totals"]

_JAR: Final = "meteor-1.5.jar"
_MEMORY: Final = "-Xmx2G"  # as pycocoevalcap starts it
_STDIO: Final = ("-", "-", "-stdio", "-l", "en", "-norm")
_BREAK: Final = "|||"  # parts of a line of the program's protocol
#: The program reads a request a line: a line break inside a text makes pycocoevalcap's wrapper wait for ever.
_LINE_ENDS: Final = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|\|\|\|")


class Meteor(NamedTuple):
    """METEOR of some texts.

    Args:
        corpus: Of all texts as one, from 0 to 1; not the mean.
        each: Of each text.
    """

    corpus: float
    each: tuple[float, ...]


def meteor_program() -> tuple[str, Path]:
    """Return Java's path and the program's.

    Raises:
        MissingExtraError: One of them is not installed.
    """
    try:
        spec = find_spec("pycocoevalcap.meteor")
    except ModuleNotFoundError:
        spec = None
    places = [Path(place) / _JAR for place in (spec and spec.submodule_search_locations) or ()]
    program = next((place for place in places if place.is_file()), None)
    if program is None:
        raise MissingExtraError(
            f"METEOR needs {_JAR} of pycocoevalcap: pip install 'umit[reports]'"
        )
    java = shutil.which("java")
    if java is None:
        raise MissingExtraError(
            "METEOR is a Java program and no java was found: install a Java runtime, such as Debian's "
            "default-jre-headless, and pip install 'umit[reports]'"
        )
    return java, program


def _answers(program: tuple[str, Path], lines: Sequence[str], wanted: int) -> list[str]:
    java, jar = program
    done = subprocess.run(
        [java, _MEMORY, "-Dfile.encoding=UTF-8", "-jar", jar.name, *_STDIO],
        cwd=jar.parent,  # it reads its paraphrases from there
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    found = done.stdout.splitlines()
    if done.returncode or len(found) != wanted:
        raise BackendError(
            f"expected {wanted} lines from METEOR's program, got {len(found)} and exit status "
            f"{done.returncode}: {' '.join(done.stderr.split())[-300:]}",
            engine="meteor",
        )
    return found


def meteor_counts(found: Sequence[str], true: Sequence[Sequence[str]]) -> list[str]:
    """Return what METEOR counts in each text, as its program writes it; line breaks in texts become blanks.

    Args:
        found: The model's texts.
        true: At least one reference for each.

    Returns:
        A line of numbers for each.

    Raises:
        InputError: No text, or one without a reference.
        MissingExtraError: Java or pycocoevalcap is not installed.
        BackendError: The program failed.
    """
    if not found or len(found) != len(true) or not all(true):
        raise InputError(
            f"expected texts and references for each, got {len(found)} and {len(true)}",
            code="references",
        )
    requests = [
        f" {_BREAK} ".join(["SCORE", *(_LINE_ENDS.sub(" ", one) for one in (*references, text))])
        for text, references in zip(found, true, strict=True)
    ]
    return _answers(meteor_program(), requests, len(requests))


def meteor_totals(corpora: Sequence[Sequence[str]]) -> list[Meteor]:
    """Return METEOR of several corpora, or several drawings from one, by one start of Java.

    Args:
        corpora: For each, lines from :func:`meteor_counts`.

    Returns:
        One for each.

    Raises:
        InputError: A corpus without texts.
        MissingExtraError: Java or pycocoevalcap is not installed.
        BackendError: The program failed.
    """
    if not all(corpora):
        raise InputError("expected at least one text in each corpus, got none", code="texts")
    lines = [f" {_BREAK} ".join(["EVAL", *counts]) for counts in corpora]
    values = map(float, _answers(meteor_program(), lines, sum(map(len, corpora)) + len(corpora)))
    found = []
    for counts in corpora:
        each = tuple(islice(values, len(counts)))
        found.append(Meteor(next(values), each))
    return found


def meteor(found: Sequence[str], true: Sequence[Sequence[str]]) -> Meteor:
    """Return METEOR 1.5 (English, normalised) of texts against their references, as pycocoevalcap gives it.

    It starts Java twice, several seconds each, whatever the number of texts.

    Args:
        found: The model's texts; an empty one scores 0.
        true: At least one reference for each.

    Returns:
        The corpus value and each text's.

    Raises:
        InputError: No text, or one without a reference.
        MissingExtraError: Java or pycocoevalcap is not installed.
        BackendError: The program failed.
    """
    return meteor_totals([meteor_counts(found, true)])[0]

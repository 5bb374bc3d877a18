"""METEOR twice, two numbers: version 1.5 by Java as pycocoevalcap has it, and nltk's, which M3D-Bench takes.

Both need the extra ``reports``. Nothing is fetched: nltk's counts synonyms only where its WordNet is on this machine.
"""

from __future__ import annotations

import logging
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Final

from umit.errors import BackendError, InputError, MissingExtraError
from umit.metrics.metric import package

__all__ = ["java_meteor", "meteor_program", "nltk_meteor"]

_LOG = logging.getLogger(__name__)
_JAR: Final = "meteor-1.5.jar"
#: As pycocoevalcap starts it.
_SETTINGS: Final = ("-Xmx2G", "-Dfile.encoding=UTF-8", "-jar", _JAR, "-", "-", "-stdio", "-l", "en", "-norm")  # fmt: skip
_KEPT: Final = 1 << 14  # texts and words whose tokens and stems are kept
_PATIENCE: Final = 10  # seconds that a program which failed has to end
_BREAK: Final = " ||| "  # parts of a line of the program's protocol
#: The program reads a request a line: a line break inside a text makes pycocoevalcap's wrapper wait for ever.
_LINE_ENDS: Final = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]|\|\|\|")


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
        raise MissingExtraError(f"METEOR needs {_JAR} of pycocoevalcap: pip install 'umit[reports]'")
    java = shutil.which("java")
    if java is None:
        raise MissingExtraError(
            "METEOR is a Java program and no java was found: install a Java runtime, such as Debian's "
            "default-jre-headless, and pip install 'umit[reports]'"
        )
    return java, program


def java_meteor(found: Sequence[str], true: Sequence[Sequence[str]]) -> list[float]:
    """Return METEOR 1.5 (English, normalised) of each text, from 0 to 1, as pycocoevalcap gives it.

    Java is started once, which takes seconds. pycocoevalcap's number of a whole corpus is another, not their mean.

    Args:
        found: The model's texts; an empty one scores 0. Line breaks become blanks.
        true: At least one reference for each.

    Raises:
        InputError: No text, or one without a reference.
        MissingExtraError: Java or pycocoevalcap is not installed.
        BackendError: The program failed.
    """
    if not found or len(found) != len(true) or not all(true):
        raise InputError(f"expected texts and references for each, got {len(found)} and {len(true)}", code="references")
    java, jar = meteor_program()
    requests = [
        ["SCORE", *(_LINE_ENDS.sub(" ", one) for one in (*references, text))]
        for text, references in zip(found, true, strict=True)
    ]
    with (
        TemporaryFile("w+", encoding="utf-8") as told,
        subprocess.Popen(
            [java, *_SETTINGS], cwd=jar.parent,  # it reads its paraphrases from there
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, encoding="utf-8", bufsize=1,
        ) as program,
    ):  # fmt: skip
        try:
            counts = [_asked(program, request) for request in requests]
            return [float(_asked(program, ["EVAL", one])) for one in counts]
        except (OSError, ValueError) as cause:
            with suppress(subprocess.TimeoutExpired):
                program.communicate(timeout=_PATIENCE)
            program.kill()
            told.seek(0)
            raise BackendError(
                f"expected a number for each text from METEOR's program, got {cause} and exit status "
                f"{program.poll()}: {' '.join(told.read().split())[-300:]}",
                engine="meteor",
            ) from cause


def _asked(program: subprocess.Popen[str], request: Sequence[str]) -> str:
    """Send one line and return the one that comes back; behind the value of one text comes that of all."""
    if program.stdin is None or program.stdout is None:
        raise ValueError("no pipe")
    program.stdin.write(_BREAK.join(request) + "\n")
    answers = [program.stdout.readline() for _ in range(2 if request[0] == "EVAL" else 1)]
    if not all(answers):
        raise ValueError("no answer")
    return answers[0].rstrip("\n")


@cache
def nltk_meteor() -> Callable[[str, str], float]:
    """Return what gives nltk's METEOR of one text against one reference, as M3D-Bench and MedEvalKit have it.

    Words are split by nltk's tokenizer, each text as one sentence. Where nltk finds no WordNet on this machine no
    synonyms count: as a rule the number is then lower than the published one, and a warning is logged, once.

    Returns:
        The model's text and the reference, in any case, to a value from 0 to less than 1: a perfect text of n words
        has ``1 - 0.5 / n³``, so one word has 0.5.

    Raises:
        MissingExtraError: nltk is not installed.
    """
    score = package("nltk.translate.meteor_score", "reports").single_meteor_score
    # Answers repeat: words are split, and stemmed, once.
    split = lru_cache(_KEPT)(package("nltk.tokenize.destructive", "reports").NLTKWordTokenizer().tokenize)
    stem = lru_cache(_KEPT)(package("nltk.stem.porter", "reports").PorterStemmer().stem)
    wordnet = package("nltk.corpus", "reports").wordnet
    try:
        wordnet.ensure_loaded()
    except (LookupError, OSError):  # none, or one without some of its files
        _LOG.warning("nltk finds no whole WordNet: METEOR counts no synonyms, so it is not the published number")
        wordnet = SimpleNamespace(synsets=lambda word: ())
    stems = SimpleNamespace(stem=stem)
    return lambda found, true: float(score(split(true), split(found), stemmer=stems, wordnet=wordnet))

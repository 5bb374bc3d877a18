"""``umit calibrate --answers``: how sure answers are, fitted on held-out data and kept in a card."""

from __future__ import annotations

from argparse import Namespace
from itertools import chain
from pathlib import Path
from typing import Any, Final

from umit.cli.parse import Parser, add_source, natural, reads_of_source, samples
from umit.cli.telling import say, tell
from umit.cli.weights import load_model, reads_of_model
from umit.cli.writing import writable
from umit.errors import InputError

__all__ = ["PHANTOMS", "add_answers", "run"]

#: The drawn pictures on which the embedded checkpoint is fitted; a name beside those of data sets.
PHANTOMS: Final = "phantoms"
#: Their first seed: neither taught, nor those that its quality is told of.
_FIRST: Final = 30_000_000
_COUNT: Final = 200


def add_answers(parser: Parser) -> None:
    """Add what ``--answers`` takes."""
    parser.add_argument(
        "--answers", metavar="NAME-OR-PATH",
        help=f"fit on this data set, which the weights were not taught: see umit data list, your own files, or {PHANTOMS}",
    )  # fmt: skip
    parser.add_argument("--root", help="the folder of a name's files; of a table or COCO file, its pictures'")
    add_source(parser)
    parser.add_argument("--limit", type=natural, metavar="N", help="only the first N samples; phantoms of each kind")
    parser.add_argument("--workers", type=natural, default=0, metavar="N", help="pictures read ahead (default 0)")


def run(given: Namespace) -> int:
    """Fit, print and write; 3 if some samples could not be asked."""
    from umit.checkpoints import write_card
    from umit.evaluation.confidence import fit_confidence

    if given.out is None or Path(given.out).suffix != ".json":
        raise InputError("expected a .json file for the card", code="output", where="--out")
    given.name = given.answers
    chosen, reads, data = _samples(given)
    out = writable(given.out, reads=[*reads, *reads_of_model(given)], force=given.force)
    limit = None if given.name == PHANTOMS else given.limit
    found = fit_confidence(load_model(given), chosen, data=data, limit=limit, workers=given.workers)
    for figure in found.figures:
        say(_line(figure))
    write_card(found.card, out)
    tell(f"card in {out.name}; --card {out.name} uses it")
    if found.failed:
        tell(f"{found.failed} samples could not be asked or read")
    return 3 if found.failed else 0


def _samples(given: Namespace) -> tuple[Any, list[str], str]:
    if given.name == PHANTOMS:
        from umit.phantom.samples import Phantoms, open_questions

        count = _COUNT if given.limit is None else given.limit
        asked = chain(Phantoms(first=_FIRST, count=count), open_questions(_FIRST, count))
        return asked, [], f"{count} phantoms of each kind from seed {_FIRST}"
    found = samples(given, given.root)
    told = found.described
    parts = [str(told[key]) for key in ("dataset", "variant", "split") if told.get(key)]
    return found, reads_of_source(given, given.out), ", ".join(parts)


def _line(figure: Any) -> str:
    said = []
    if figure.before is not None:
        fitted = "no better, so not fitted" if figure.temperature is None else f"temperature {figure.temperature:.3f}"
        said.append(f"{figure.scored} choices, ECE {figure.before:.4f} before and {figure.after:.4f} after, {fitted}")
    elif figure.scored:
        said.append(f"{figure.scored} choices are too few to fit")
    if figure.bound is not None:
        said.append(
            f"{figure.right} right answers, 99 of 100 at a mean log-probability of {figure.bound:.4f} a token or more"
        )
    elif figure.right:
        said.append(f"{figure.right} right answers are too few for a bound")
    return f"{figure.task}: {'; '.join(said)}"

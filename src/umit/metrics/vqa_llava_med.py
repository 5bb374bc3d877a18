"""LLaVA-Med's scorer (llava/eval/run_eval.py): open recall, closed accuracy, and what they should have been."""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from umit.metrics.protocol import Column, Protocol, Reply, Row
from umit.metrics.sentence import bleu
from umit.metrics.words import llava_med_words

__all__ = ["LLAVA_MED", "Overlap", "closed_by_word", "closed_hit", "closed_hit_pvqa", "open_overlap"]

# The default of nltk's sentence_bleu, then single orders: run_eval.py's four values.
_WEIGHTS: Final = ((0.25, 0.25, 0.25, 0.25), (1.0,), (0.0, 1.0), (0.0, 0.0, 1.0))


class Overlap(NamedTuple):
    """Shared words of an open answer, shares from 0 to 1; what each counts stands in the column of its place.

    They are LLaVA-Med's own down to ``bleu_3``; ``covered`` is what it calls exact match.
    """

    recall: float = 0.0
    precision: float = 0.0
    f1: float = 0.0
    covered: float = 0.0
    bleu: float = 0.0
    bleu_1: float = 0.0
    bleu_2: float = 0.0
    bleu_3: float = 0.0
    clipped_recall: float = 0.0
    clipped_precision: float = 0.0
    clipped_f1: float = 0.0
    equal: float = 0.0


def _normalised(text: str) -> str:
    """Normalise as run_eval.py does: twice, which matters only past 32 full stops."""
    once = llava_med_words(text)
    return llava_med_words(once) if "." in once else once


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def open_overlap(predicted: str, true: str) -> Overlap:
    """Return all that LLaVA-Med counts for an open answer, and the same with each word clipped.

    Args:
        predicted: The model's text; an empty one scores 0 in all.
        true: The reference answer.

    Example:
        >>> found = open_overlap("the fat fat", "fat")
        >>> found.precision, found.clipped_precision
        (1.0, 0.5)
    """
    found, reference = _normalised(predicted).split(), _normalised(true).split()
    said, wanted = Counter(found), Counter(reference)
    shared = said.keys() & wanted.keys()
    if not shared:
        return Overlap()
    right = sum(said[word] for word in shared)
    clipped = sum(min(said[word], wanted[word]) for word in shared)
    missing = len(reference) - sum(wanted[word] for word in shared)
    precision, recall = right / len(found), right / (right + missing)
    clipped_precision, clipped_recall = clipped / len(found), clipped / len(reference)
    return Overlap._make(
        (
            *(recall, precision, _f1(precision, recall), len(shared) / len(found)),
            *bleu(found, reference, _WEIGHTS),
            *(clipped_recall, clipped_precision, _f1(clipped_precision, clipped_recall)),
            float(found == reference),
        )
    )


def closed_hit(predicted: str, true: str) -> float:
    """Return LLaVA-Med's verdict on a closed answer.

    Right if the text holds "yes" or "no" anywhere, inside words too, and the reference anywhere: a refusal
    ("I cannot …") is right where the answer is no, and choices other than yes and no are nearly always
    wrong.

    Example:
        >>> closed_hit("I cannot tell.", "No"), closed_hit("liver", "liver")
        (1.0, 0.0)
    """
    found = llava_med_words(predicted)
    return float(("yes" in found or "no" in found) and llava_med_words(true) in found)


def closed_hit_pvqa(predicted: str, true: str) -> float | None:
    """Return the verdict of run_eval_pvqa.py, which forgets wrong answers that hold "yes" or "no".

    Returns:
        1.0, 0.0, or ``None`` for an answer that its mean leaves out: the mean is too high.

    Example:
        >>> closed_hit_pvqa("yes", "No") is None
        True
    """
    found = llava_med_words(predicted)
    if "yes" not in found and "no" not in found:
        return 0.0
    return 1.0 if llava_med_words(true) in found else None


def closed_by_word(predicted: str, true: str) -> float:
    """Return whether a closed answer is right, read by words.

    Where the reference is yes or no, the text must hold that word and not the other; elsewhere the
    normalised texts must be the same.

    Example:
        >>> closed_by_word("I cannot tell.", "No"), closed_by_word("Liver.", "liver")
        (0.0, 1.0)
    """
    found, reference = llava_med_words(predicted), llava_med_words(true)
    if reference in ("yes", "no"):
        return float({"yes", "no"}.intersection(found.split()) == {reference})
    return float(found == reference)


def _score(reply: Reply) -> Row:
    texts = reply.predicted, reply.true
    if reply.closed:
        return (*[None] * 12, closed_hit(*texts), closed_hit_pvqa(*texts), closed_by_word(*texts))
    return (*open_overlap(*texts), None, None, None)


_ZERO: Final = "scored as the text it is; an empty text is 0"
_SAID: Final = "a right word counts as often as it is said"
_CLIPPED: Final = "each word at most as often as the reference has it"
_BLEU: Final = "no smoothing: an order without a match is a tiny number, not 0"
_INSIDE: Final = "yes and no are looked for inside words; other choices are nearly always wrong"
#: Name, note, and the value of a perfect reply where there is one.
_OPEN: Final[tuple[tuple[str, str, float | None], ...]] = (
    ("open recall", f"its headline; {_SAID}", 1.0),
    ("open precision", _SAID, 1.0),
    ("open F1", _SAID, 1.0),
    ("open exact match", "no equality: distinct words of the reference by words said", None),
    ("open BLEU", _BLEU, None),
    ("open BLEU-1", "", 1.0),
    ("open BLEU-2 alone", _BLEU, None),
    ("open BLEU-3 alone", _BLEU, None),
    ("open recall, clipped", _CLIPPED, 1.0),
    ("open precision, clipped", _CLIPPED, 1.0),
    ("open F1, clipped", _CLIPPED, 1.0),
    ("open equality", "of the normalised texts", 1.0),
)

#: Every number of run_eval.py but its open accuracy, then the corrected ones; shares, where it prints percentages.
LLAVA_MED: Final = Protocol(
    name="LLaVA-Med",
    columns=(
        *(Column(name=n, unreadable=_ZERO, note=note, best=best) for n, note, best in _OPEN),
        Column(
            name="closed accuracy", note=_INSIDE, best=None,
            unreadable=f"{_ZERO}; a refusal that holds 'no', as 'cannot' does, is right where the answer is no",
        ),
        Column(
            name="closed accuracy, run_eval_pvqa", best=None,
            unreadable="wrong if it holds neither 'yes' nor 'no'; else left out where it is wrong",
            note=f"too high: wrong answers that hold yes or no are left out of the mean; {_INSIDE}",
        ),
        Column(
            name="closed accuracy by word", unreadable=_ZERO,
            note="yes or no as a word and not the other; other choices by equality",
        ),
    ),
    score=_score,
)  # fmt: skip

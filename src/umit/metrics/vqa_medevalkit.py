"""MedEvalKit's scorer without its judge (utils/utils.py): as it prints, and with its labels put right."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

from umit.metrics.protocol import Column, Protocol, Reply, Row
from umit.metrics.sentence import bleu, rouge_sets
from umit.metrics.words import fold

__all__ = [
    "MEDEVALKIT_SLAKE",
    "MEDEVALKIT_VQA_RAD",
    "OpenAnswer",
    "Rule",
    "closed_equal",
    "closed_yes_no",
    "extracted",
    "open_answer",
    "slake_rule",
    "vqa_rad_rule",
]

Rule: TypeAlias = Literal["yes_no", "equal", "open"]

_WEIGHTS: Final = ((1.0,), (1 / 2,) * 2, (1 / 3,) * 3, (1 / 4,) * 4)
# parse_response's list, in its order: each in turn keeps what follows its last occurrence.
_LEADS: Final = (
    "**answer**:", "**answer**", "*answer*:", "**answer:**", "answer is", "answer:", "答案:",
    "final answer", "final answer is",
)  # fmt: skip


def _boxed(text: str) -> str:
    r"""Return what the last ``\boxed{}`` holds; the word "None" without one (mathruler's grader)."""
    start = text.rfind(r"\boxed{")
    if start >= 0:
        start += len(r"\boxed{")
        depth = 0
        for i in range(start, len(text)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth < 0:
                return text[start:i].strip()
    return "None"


def _between_tags(text: str) -> str:
    """Return what stands in answer tags, joined with blanks; the whole text if nothing does."""
    parts, rest = [], text
    while "<answer>" in rest:
        head, found, rest = rest.partition("<answer>")[2].partition("</answer>")
        if found:
            parts.append(head)
    return " ".join(parts).strip() or text


def extracted(text: str) -> str:
    r"""Return the answer that MedEvalKit takes out of a text, in lower case.

    What is boxed or in answer tags, then what follows the last "answer is", "答案:" and the like. "答案：" with
    the full-width colon is not known to it, and a text that says "boxed" without a box becomes "None".

    Example:
        >>> extracted(r"So it is \boxed{Lung}."), extracted("The answer is Lung.")
        ('lung', ' lung.')
    """
    if "boxed" in text and (boxed := _boxed(text)) != "None":
        text = boxed
    elif "<answer>" in text:
        text = _between_tags(text)
    text = text.lower()
    if "boxed" in text:
        text = _boxed(text)
    elif "<answer>" in text:
        text = _between_tags(text)
    if "answer" in text or "答案:" in text:
        for lead in _LEADS:
            text = text.rpartition(lead)[2]
    return text


class OpenAnswer(NamedTuple):
    """What MedEvalKit counts for an open answer, shares from 0 to 1, each under its right name.

    The kit itself prints ``f1`` as precision, ``precision`` as recall and ``recall`` as F1. The default is what umit
    gives where the kit's whole run crashes: for an empty text.
    """

    equal: float = 0.0
    bleu_1: float = 0.0
    bleu_2: float = 0.0
    bleu_3: float = 0.0
    bleu_4: float = 0.0
    rouge_1: float = 0.0
    rouge_2: float = 0.0
    rouge_l: float = 0.0
    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0


def _bare(text: str) -> str:
    return extracted(text).replace("\n", "").replace(".", "")


def closed_yes_no(predicted: str, true: str) -> float:
    """Return MedEvalKit's verdict where the answer is yes or no.

    Right if the text holds exactly one of "yes" and "no", inside words too ("nodule", "normal"), and the
    reference.

    Example:
        >>> closed_yes_no("No nodule.", "no"), closed_yes_no("normal", "no")
        (1.0, 1.0)
    """
    found = _bare(predicted)
    return float((("yes" in found) != ("no" in found)) and true.lower() in found)


def closed_equal(predicted: str, true: str) -> float:
    """Return MedEvalKit's verdict on other closed answers: the same lower-case text, full stops aside.

    Example:
        >>> closed_equal("Liver.", "liver"), closed_equal("肺。", "肺")
        (1.0, 0.0)
    """
    return float(_bare(predicted) == true.lower())


def open_answer(predicted: str, true: str) -> OpenAnswer:
    """Return what MedEvalKit counts for an open answer.

    Example:
        >>> open_answer("The left lung", "left lung").recall
        1.0
    """
    found, reference = extracted(predicted), true.lower()
    words, wanted = set(found.split()), set(reference.split())
    rouge = rouge_sets(found, reference)
    if rouge is None or not words or not wanted:
        return OpenAnswer()
    # Cut at single blanks: empty words stay, and a line break joins two.
    cut, cut_true = (text.replace(".", " .").split(" ") for text in (found, reference))
    common = len(words & wanted)
    precision, recall = common / len(words), common / len(wanted)
    f1 = 2 * (precision * recall) / (precision + recall) if common else 0.0
    orders = bleu(cut, cut_true, _WEIGHTS)
    return OpenAnswer._make((float(found == reference), *orders, *rouge, precision, recall, f1))


def vqa_rad_rule(true: str, closed: bool) -> Rule:
    """Return how the kit's VQA-RAD task scores: by the answer alone, whatever the source calls the question.

    Example:
        >>> vqa_rad_rule("Yes ", closed=False)
        'yes_no'
    """
    return "yes_no" if true.lower().strip() in ("yes", "no") else "open"


def slake_rule(true: str, closed: bool) -> Rule:
    """Return how the kit's SLAKE task scores; SLAKE's "Yes" and "No" miss its yes/no rule by their capital.

    Example:
        >>> slake_rule("Yes", closed=True)
        'equal'
    """
    if not closed:
        return "open"
    return "yes_no" if true in ("yes", "no") else "equal"


def _closed_by_word(predicted: str, true: str) -> float:
    found, reference = fold(extracted(predicted)), fold(true)
    if reference in ("yes", "no"):
        words = {word.strip(".,;:!?()[]'\"") for word in found.split()}
        return float(words & {"yes", "no"} == {reference})
    return float(found == reference)


def _row(rule: Rule, predicted: str, true: str) -> Row:
    if rule == "open":
        scores = open_answer(predicted, true)
        printed = scores.f1, scores.precision, scores.recall
        return (scores.equal, None, None, *scores, *printed)
    verdict = closed_yes_no if rule == "yes_no" else closed_equal
    hit = verdict(predicted, true)
    return (hit, hit, _closed_by_word(predicted, true), *(None,) * 14)


def _vqa_rad(reply: Reply) -> Row:
    true = reply.true.lower().strip()
    return _row(vqa_rad_rule(true, reply.closed), reply.predicted.strip(), true)


def _slake(reply: Reply) -> Row:
    return _row(slake_rule(reply.true, reply.closed), reply.predicted, reply.true)


_TEXT: Final = "scored as the text it is; an empty text is 0"
_ZERO: Final = f"{_TEXT}, where the kit's whole run crashes"
_SETS: Final = "the rouge package: each n-gram once"
_DISTINCT: Final = "of distinct words"
_PRINTED: Final = "the kit's own label, which is wrong: it is the "
_OPEN: Final[tuple[tuple[str, str, float | None], ...]] = (
    ("open exact match", "the kit's open acc is this by the count of open questions once more", 1.0),
    ("open BLEU-1", "no smoothing", 1.0),
    *((f"open BLEU-{n}", "no smoothing: tiny for a shorter answer", None) for n in (2, 3, 4)),
    *((f"open ROUGE-{n}", _SETS, None) for n in ("1", "2", "L")),
    ("open precision", _DISTINCT, 1.0),
    ("open recall", _DISTINCT, 1.0),
    ("open F1", _DISTINCT, 1.0),
    ("open precision, as printed", f"{_PRINTED}F1", 1.0),
    ("open recall, as printed", f"{_PRINTED}precision", 1.0),
    ("open F1, as printed", f"{_PRINTED}recall", 1.0),
)
_COLUMNS: Final = (
    Column(name="accuracy", unreadable=_TEXT, note="closed by its rule, open by equality"),
    Column(name="closed accuracy", unreadable=_TEXT, note="yes and no are found inside words"),
    Column(
        name="closed accuracy by word",
        unreadable=_TEXT,
        note="yes or no as a word and not the other, in any case; other choices by folded equality",
    ),
    *(Column(name=n, unreadable=_ZERO, note=note, best=best) for n, note, best in _OPEN),
)

#: The kit's VQA-RAD task.
MEDEVALKIT_VQA_RAD: Final = Protocol(name="MedEvalKit VQA-RAD", columns=_COLUMNS, score=_vqa_rad)
#: The kit's SLAKE task, both languages.
MEDEVALKIT_SLAKE: Final = Protocol(name="MedEvalKit SLAKE", columns=_COLUMNS, score=_slake)

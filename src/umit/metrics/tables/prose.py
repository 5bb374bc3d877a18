"""Numbers of reports, captions and comparisons: findings that agree, and likeness of words by each published scorer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from umit.metrics.captions import Corpus, bleu_rows, cider, coco_bleu, rouge_l
from umit.metrics.chinese import swift_score
from umit.metrics.cleaning import ptb_words, r2gen_iu_xray
from umit.metrics.findings import agreement, finding_rows, stated
from umit.metrics.lexicons import CHEST
from umit.metrics.metric import Measures, Metric, Pair, each, if_installed, summed
from umit.metrics.sentence import chrf, chrf_rows, rouge_f, rouge_words
from umit.queries import Language
from umit.results import Report

__all__ = ["FILM_REPORTS", "REPORTS", "TEXTS"]

_Pairs: TypeAlias = Sequence[Pair[Report]]
_Score: TypeAlias = Callable[[list[str], list[str]], Measures]
_EMPTY: Final = "counts as an empty text"
_STOP: Final = "counts as an empty text, of which the cleaning makes a full stop"
_NONE: Final = "states nothing"
_BLEU: Final = 10  # columns of bleu_rows


def _text(pair: Pair[Report]) -> str:
    return "" if pair.found is None else pair.found.text


def _same(pair: Pair[Report]) -> float:
    return float(pair.found is not None and pair.found.text.split() == pair.gold.text.split())


def _of(score: _Score, columns: int, *, language: Language | None = None) -> Callable[[_Pairs], Measures]:
    """Return a measure over the texts of one language, or of all; the others are left out."""

    def measure(pairs: _Pairs) -> Measures:
        rows = np.full((len(pairs), columns), np.nan)
        chosen = [i for i, pair in enumerate(pairs) if language in (None, pair.query.language)]
        if chosen:
            found, true = [_text(pairs[i]) for i in chosen], [pairs[i].gold.text for i in chosen]
            rows[chosen] = score(found, true)
        return rows

    return measure


# ---------------------------------------------------------------- pycocoevalcap


def _coco(clean: Callable[[str], str]) -> _Score:
    """Return BLEU's counts, ROUGE-L and CIDEr-D of each text, from one look at its words."""

    def score(found: list[str], true: list[str]) -> Measures:
        texts = [clean(one) for one in found], [[clean(one)] for one in true]
        corpus = Corpus.of(*texts)
        return np.column_stack([bleu_rows(corpus), rouge_l(*texts), cider(corpus)])

    return score


def _raw(pairs: _Pairs) -> Measures:
    """Return the same of texts as they are, split at blanks; of Chinese each character is a word."""
    spaced = [
        [" ".join("".join(one.split())) if pair.query.language == "zh" else one for one in (_text(pair), pair.gold.text)]
        for pair in pairs
    ]  # fmt: skip
    if not spaced:
        return np.zeros((0, _BLEU + 2))
    found, true = zip(*spaced, strict=True)
    return _coco(str)(list(found), list(true))


def _bleu(order: int) -> dict[str, Any]:
    return summed(lambda sums: coco_bleu(sums[:, :_BLEU])[:, order - 1])


def _captions(protocol: str, measure: Callable[[_Pairs], Measures], **more: Any) -> tuple[Metric[Any], ...]:
    """Return BLEU-1 to 4, ROUGE-L and CIDEr-D of one cleaning."""
    shared: dict[str, Any] = {"protocol": protocol, "measure": measure, "best": None, "unreadable": _EMPTY, **more}
    return (
        *(Metric(name=f"BLEU-{order}", **_bleu(order), **shared) for order in (1, 2, 3, 4)),
        Metric(name="ROUGE-L", column=_BLEU, **shared),
        Metric(name="CIDEr-D", column=_BLEU + 1, **shared),
    )


# ---------------------------------------------------------------- others


def _google(found: list[str], true: list[str]) -> Measures:
    words = zip(map(rouge_words, found), map(rouge_words, true), strict=True)
    return np.array([[rouge_f(mine, theirs, n) for n in (1, 2, None)] for mine, theirs in words])


def _swift(found: list[str], true: list[str]) -> Measures:
    rows = [swift_score(*pair) for pair in zip(found, true, strict=True)]
    return np.array([(np.nan,) * 4 if row is None else row for row in rows], np.float64)


def _stated(placed: bool) -> Callable[[_Pairs], Measures]:
    def measure(pairs: _Pairs) -> Measures:
        found, true = (
            [stated(text, CHEST[pair.query.language], placed=placed) for pair, text in zip(pairs, side, strict=True)]
            for side in (map(_text, pairs), [pair.gold.text for pair in pairs])
        )  # fmt: skip
        return finding_rows(found, true)

    return measure


def _agreement(number: int) -> dict[str, Any]:
    return summed(lambda sums: agreement(sums)[number])


_ENGLISH: Final = "English only"
_PLACED: Final = _stated(True)
_RULES: Final = "by rules for chest reports: stated and not denied"
_SWIFT: Final[dict[str, Any]] = {
    "protocol": "ms-swift", "unit": "%", "unreadable": _EMPTY, "measure": if_installed(_of(_swift, 4, language="zh"), columns=4),
    "note": "Chinese only; a truth without words is left out, as ms-swift does",
}  # fmt: skip

#: Captions, comparisons and every other text.
TEXTS: Final = (
    Metric[Any](name="exact match", measure=each(_same), note="blanks do not count"),
    *_captions("pycocoevalcap, raw", _raw, note="split at blanks; each Chinese character is a word"),
    *_captions("pycocoevalcap, PTB", _of(_coco(ptb_words), _BLEU + 2, language="en"), note=_ENGLISH),
    *(
        Metric[Any](
            name=name, protocol="rouge-score", measure=_of(_google, 3, language="en"), column=column,
            unreadable=_EMPTY, note=f"{_ENGLISH}; F, without the stemmer", best=None,
        )
        for column, name in enumerate(("ROUGE-1", "ROUGE-2", "ROUGE-L"))
    ),
    *(
        Metric[Any](name=name, column=column, best=None, **_SWIFT)
        for column, name in enumerate(("ROUGE-1", "ROUGE-2", "ROUGE-L", "BLEU-4"))
    ),
    Metric[Any](
        name="chrF2", protocol="sacrebleu", unit="%", best=100.0, unreadable=_EMPTY,
        measure=_of(lambda found, true: chrf_rows(found, [[one] for one in true]), 18),
        note="runs of one to six characters", **summed(chrf),
    ),
)  # fmt: skip
#: Reports, with the findings that they state.
REPORTS: Final = (
    TEXTS[0],
    *(
        Metric[Any](
            name=f"finding {name}", measure=_PLACED, unreadable=_NONE, note=f"{_RULES}, on the right side",
            **_agreement(number),
        )
        for number, name in enumerate(("precision", "recall", "F1"))
    ),
    Metric[Any](
        name="finding F1, any side", measure=_stated(False), unreadable=_NONE, note=_RULES, **_agreement(2),
    ),
    *TEXTS[1:],
)  # fmt: skip
#: Reports on films, also as R2Gen cleans IU X-Ray's.
FILM_REPORTS: Final = (
    *REPORTS,
    *_captions(
        "R2Gen IU X-Ray", _of(_coco(r2gen_iu_xray), _BLEU + 2, language="en"),
        unreadable=_STOP, note=f"{_ENGLISH}; its full stops are words",
    )[:-1],  # R2Gen has no CIDEr-D
)  # fmt: skip

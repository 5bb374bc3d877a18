"""Scores of reports that need a model or a program of their own: off by default, each behind its extra.

None is a metric of a task by itself. All but METEOR load weights that the user has downloaded, so
umit's tests never run them; the calls are those of the versions named in each function. METEOR needs Java.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from umit.errors import InputError
from umit.metrics.meteor import java_meteor
from umit.metrics.metric import Measures, Metric, Pair, package
from umit.queries import Language

__all__ = ["OPTIONAL", "Scorer", "optional_metric"]

_Texts: TypeAlias = Sequence[str]


class Scorer(NamedTuple):
    """One optional score.

    Args:
        score: The model's texts and one reference for each, of one language, to a value for each.
        extra: Which extra of umit brings its package.
        protocol: The package and its version.
        languages: Of the texts that it takes; the others are left out.
    """

    score: Callable[[_Texts, _Texts], list[float]]
    extra: str
    protocol: str
    languages: tuple[Language, ...] = ("en",)


def _bertscore(found: _Texts, true: _Texts) -> list[float]:
    """F of bert-score 0.3.13, without rescaling; 0 where a text is blank, as it says itself.

    Blank texts stay here: with transformers 5 it fails on them, for a tokenizer method that is gone.
    """
    chinese = any("\u4e00" <= letter <= "\u9fff" for text in true for letter in text)
    scorer = package("bert_score", "bertscore")
    values = [0.0] * len(found)
    said = [i for i, pair in enumerate(zip(found, true, strict=True)) if all(map(str.strip, pair))]
    if said:
        _, _, f = scorer.score([found[i] for i in said], [true[i] for i in said], lang="zh" if chinese else "en")
        for i, one in zip(said, f, strict=True):
            values[i] = float(one)
    return values


def _radgraph(found: _Texts, true: _Texts) -> list[float]:
    """F1 "partial" of radgraph 0.1.18 with RadGraph-XL. Not run here: it needs the user's downloaded model."""
    scorer = package("radgraph", "radgraph").F1RadGraph("partial", model_type="radgraph-xl")
    _, each, *_ = scorer(refs=list(true), hyps=list(found))
    return [float(one) for one in each]


def _chexbert(found: _Texts, true: _Texts) -> list[float]:
    """Whether all five main labels of f1chexbert 0.0.2 agree.

    Its labels are compared here: its own comparison takes three values of a private function of scikit-learn that
    returns five in 1.9.1. And it asks its tokenizer for a method that transformers 5 no longer has.
    """
    scorer = package("f1chexbert", "chexbert").F1CheXbert()
    words = scorer.tokenizer
    if not hasattr(words, "encode_plus"):
        words.encode_plus = lambda said: {
            "input_ids": [
                words.cls_token_id, *words.convert_tokens_to_ids(said), words.sep_token_id,
            ]
        }  # fmt: skip

    def main_labels(text: str) -> list[int]:
        labels = scorer.get_label(text.strip())
        return [labels[i] for i in scorer.target_names_5_index]

    return [float(main_labels(a) == main_labels(b)) for a, b in zip(found, true, strict=True)]


def _ratescore(found: _Texts, true: _Texts) -> list[float]:
    """RaTEScore 0.6.0, 0.5 where a text has no entity. Not run here: it needs the user's downloaded models."""
    scorer = package("RaTEScore", "ratescore").RaTEScore(use_gpu=False)
    return [float(one) for one in scorer.compute_score(list(found), list(true))]


def _meteor(found: _Texts, true: _Texts) -> list[float]:
    return java_meteor(found, [[one] for one in true])


#: By name; each raises :class:`~umit.errors.MissingExtraError` where its package or program is absent.
OPTIONAL: Final[Mapping[str, Scorer]] = MappingProxyType(
    {
        "METEOR": Scorer(_meteor, "reports", "METEOR 1.5"),
        "BERTScore": Scorer(_bertscore, "bertscore", "bert-score 0.3.13", ("en", "zh")),
        "RadGraph F1": Scorer(_radgraph, "radgraph", "radgraph 0.1.18"),
        "CheXbert": Scorer(_chexbert, "chexbert", "f1chexbert 0.0.2"),
        "RaTEScore": Scorer(_ratescore, "ratescore", "RaTEScore 0.6.0"),
    }
)


def optional_metric(name: str) -> Metric[Any]:
    """Return an optional score as a metric of reports, captions and comparisons: the mean over texts.

    Args:
        name: Of :data:`OPTIONAL`, in any case.

    Raises:
        InputError: No such score.

    Example:
        >>> optional_metric("meteor").protocol
        'METEOR 1.5'
    """
    known = {one.casefold(): one for one in OPTIONAL}
    if name.casefold() not in known:
        raise InputError(f"expected one of {', '.join(OPTIONAL)}, got {name!r}", code="also", where="also")
    chosen = known[name.casefold()]
    scorer = OPTIONAL[chosen]

    def measure(pairs: Sequence[Pair[Any]]) -> Measures:
        rows = np.full((len(pairs), 1), np.nan)
        for language in scorer.languages:
            of = [i for i, pair in enumerate(pairs) if pair.query.language == language]
            if of:
                replies = [pairs[i].found for i in of]
                found = ["" if reply is None else reply.text for reply in replies]
                rows[of, 0] = scorer.score(found, [pairs[i].gold.text for i in of])
        return rows

    return Metric(
        name=chosen, protocol=scorer.protocol, best=None, unreadable="counts as an empty text",
        measure=measure,
    )  # fmt: skip

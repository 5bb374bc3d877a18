"""Scores of reports that need a model or a program of their own: off by default, each behind its extra.

None is part of :data:`umit.metrics.by_task.METRICS`. All but METEOR load weights that the user has downloaded, so
umit's tests never ran them; the calls are those of the versions named in each function. METEOR needs Java.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from umit.errors import MissingExtraError
from umit.metrics.meteor import meteor

__all__ = ["OPTIONAL", "Scorer"]

_Texts: TypeAlias = Sequence[str]


class Scorer(NamedTuple):
    """One optional score.

    Args:
        score: The model's texts and one reference for each, of one language, to a value for each.
        extra: Which extra of umit brings its package.
    """

    score: Callable[[_Texts, _Texts], list[float]]
    extra: str


def _package(name: str, extra: str) -> Any:
    try:  # by name: a pure layer holds no import of it
        return import_module(name)
    except ModuleNotFoundError as missing:
        raise MissingExtraError(
            f"expected the package {missing.name}, which is not installed: pip install 'umit[{extra}]'"
        ) from missing


def _bertscore(found: _Texts, true: _Texts) -> list[float]:
    """F of bert-score 0.3.13, without rescaling. Not run here: it needs the user's downloaded model."""
    chinese = any("\u4e00" <= letter <= "\u9fff" for text in true for letter in text)
    package = _package("bert_score", "bertscore")
    _, _, f = package.score(list(found), list(true), lang="zh" if chinese else "en")
    return [float(one) for one in f]


def _radgraph(found: _Texts, true: _Texts) -> list[float]:
    """F1 "partial" of radgraph 0.1.18 with RadGraph-XL. Not run here: it needs the user's downloaded model."""
    scorer = _package("radgraph", "radgraph").F1RadGraph("partial", model_type="radgraph-xl")
    _, each, *_ = scorer(refs=list(true), hyps=list(found))
    return [float(one) for one in each]


def _chexbert(found: _Texts, true: _Texts) -> list[float]:
    """Whether all five main labels of f1chexbert 0.0.2 agree. Not run here: it needs the user's downloaded model."""
    _, each, *_ = _package("f1chexbert", "chexbert").F1CheXbert()(list(found), list(true))
    return [float(one) for one in each]


def _ratescore(found: _Texts, true: _Texts) -> list[float]:
    """RaTEScore 0.6.0, 0.5 where a text has no entity. Not run here: it needs the user's downloaded models."""
    scorer = _package("RaTEScore", "ratescore").RaTEScore(use_gpu=False)
    return [float(one) for one in scorer.compute_score(list(found), list(true))]


def _meteor(found: _Texts, true: _Texts) -> list[float]:
    """METEOR 1.5 of each text by Java; of a corpus it is not the mean: :func:`umit.metrics.meteor.meteor`."""
    return list(meteor(found, [[one] for one in true]).each)


#: By name; each raises :class:`~umit.errors.MissingExtraError` where its package or program is absent.
OPTIONAL: Final[Mapping[str, Scorer]] = MappingProxyType(
    {
        "METEOR": Scorer(_meteor, "reports"),
        "BERTScore": Scorer(_bertscore, "bertscore"),
        "RadGraph F1": Scorer(_radgraph, "radgraph"),
        "CheXbert": Scorer(_chexbert, "chexbert"),
        "RaTEScore": Scorer(_ratescore, "ratescore"),
    }
)

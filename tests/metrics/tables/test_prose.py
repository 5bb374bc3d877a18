"""Reports under each scorer's name: the numbers are those of the scorers' own functions, in their languages."""

from __future__ import annotations

import logging
import math
from statistics import fmean
from typing import Any

import pytest

from umit.errors import MissingExtraError
from umit.metrics import chinese
from umit.metrics.captions import Corpus, bleu_rows, cider, coco_bleu, rouge_l
from umit.metrics.chinese import swift_score
from umit.metrics.cleaning import ptb_words, r2gen_iu_xray
from umit.metrics.metric import Pair
from umit.metrics.sentence import chrf, chrf_rows, rouge_f, rouge_words
from umit.phantom.words import film_report
from umit.queries import Describe, Language
from umit.results import Report
from umit.tasks.table import TASKS

ENGLISH = [
    ("The heart is enlarged. No effusion.", "The heart is normal. No effusion is seen."),
    ("A nodule in the left upper zone, 3.5 cm.", "There is a nodule in the left upper zone."),
]
CHINESE = [("左上肺野可见结节。", "右上肺野可见结节。"), ("心影增大。", "心影大小正常。双肺清晰。")]


def _pairs(texts: list[tuple[str, str]], language: Language) -> list[Pair[Any]]:
    return [Pair(Describe(language=language), Report(text=true), Report(text=said)) for said, true in texts]


EN, ZH = _pairs(ENGLISH, "en"), _pairs(CHINESE, "zh")


def _value(name: str, protocol: str, pairs: list[Pair[Any]], task: str = "report_film") -> float:
    metric = next(m for m in TASKS[task].metrics if (m.name, m.protocol) == (name, protocol))
    return metric(pairs)


@pytest.mark.parametrize(
    ("protocol", "clean"),
    [("pycocoevalcap, raw", str), ("pycocoevalcap, PTB", ptb_words), ("R2Gen IU X-Ray", r2gen_iu_xray)],
)  # fmt: skip
def test_captions_are_scored_as_cleaned(protocol: str, clean: Any) -> None:
    found, true = zip(*ENGLISH, strict=True)
    texts = list(map(clean, found)), [[clean(one)] for one in true]
    corpus = Corpus.of(*texts)
    for order, expected in enumerate(coco_bleu(bleu_rows(corpus).sum(0, keepdims=True))[0], start=1):
        assert _value(f"BLEU-{order}", protocol, EN) == pytest.approx(float(expected), abs=1e-12)
    assert _value("ROUGE-L", protocol, EN) == pytest.approx(rouge_l(*texts).mean())
    if protocol != "R2Gen IU X-Ray":
        assert _value("CIDEr-D", protocol, EN) == pytest.approx(cider(corpus).mean())


def test_rouge_scores_is_google() -> None:
    words = [[rouge_words(text) for text in pair] for pair in ENGLISH]
    for name, n in (("ROUGE-1", 1), ("ROUGE-2", 2), ("ROUGE-L", None)):
        expected = fmean(rouge_f(*pair, n) for pair in words)
        assert _value(name, "rouge-score", EN) == pytest.approx(expected)


def test_chinese_is_swifts() -> None:
    pytest.importorskip("jieba")
    rows = [row for pair in CHINESE if (row := swift_score(*pair)) is not None]
    for column, name in enumerate(("ROUGE-1", "ROUGE-2", "ROUGE-L", "BLEU-4")):
        assert _value(name, "ms-swift", ZH) == pytest.approx(fmean(row[column] for row in rows))


def test_characters_are_counted_in_both_languages() -> None:
    found, true = zip(*ENGLISH, *CHINESE, strict=True)
    rows = chrf_rows(found, [[one] for one in true])
    expected = chrf(rows.sum(0, keepdims=True))[0]
    assert _value("chrF2", "sacrebleu", EN + ZH) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("protocol", "mine", "other"),
    [("pycocoevalcap, PTB", EN, ZH), ("R2Gen IU X-Ray", EN, ZH), ("rouge-score", EN, ZH), ("ms-swift", ZH, EN)],
)
def test_the_other_language_is_left_out(protocol: str, mine: Any, other: Any) -> None:
    for metric in TASKS["report_film"].metrics:
        if metric.protocol == protocol:
            assert math.isnan(metric(other))
            assert metric(other + mine) == metric(mine)


def test_without_jieba_chinese_is_left_out_and_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def absent() -> Any:
        raise MissingExtraError("pip install 'umit[reports]'")

    monkeypatch.setattr(chinese, "_jieba", absent)
    with caplog.at_level(logging.WARNING):
        assert math.isnan(_value("ROUGE-L", "ms-swift", ZH))
        assert math.isnan(_value("BLEU-4", "ms-swift", ZH))
    assert "umit[reports]" in caplog.text


NODULE, EFFUSION = ("nodule", "right", "upper"), ("effusion", "left", "lower")


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param([NODULE, EFFUSION], (1, 1, 1, 1), id="all of them"),
        pytest.param([NODULE], (1, 0.5, 2 / 3, 2 / 3), id="one is missing"),
        pytest.param([("nodule", "left", "upper"), EFFUSION], (0.5, 0.5, 0.5, 1), id="another side"),
        pytest.param([], (math.nan, 0, 0, 0), id="nothing is stated"),
    ],
)  # fmt: skip
def test_findings_of_phantoms(said: Any, expected: tuple[float, ...], language: Language) -> None:
    texts = [(film_report(said, language), film_report([NODULE, EFFUSION], language))]
    names = ("finding precision", "finding recall", "finding F1", "finding F1, any side")
    found = [_value(name, "umit", _pairs(texts, language)) for name in names]
    assert found == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("text", "language"), [("No nodule. No effusion on the left.", "en"), ("未见结节，左侧未见积液。", "zh")]
)
def test_denied_findings_are_not_stated(text: str, language: Language) -> None:
    truth = film_report([NODULE, EFFUSION], language)
    assert _value("finding F1", "umit", _pairs([(text, truth)], language)) == 0
    assert _value("finding precision", "umit", _pairs([(truth, text)], language)) == 0

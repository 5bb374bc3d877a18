"""ms-swift's scores, and words for Chinese."""

from __future__ import annotations

import importlib
import math
import sys

import pytest

from umit.errors import InputError, MissingExtraError
from umit.metrics import chinese
from umit.metrics.bleu import bleu_rows, sacrebleu
from umit.metrics.chinese import (
    Swift,
    chinese_words_of_bleu,
    jieba_words,
    swift_means,
    swift_scores,
)
from umit.metrics.ngrams import Corpus


@pytest.mark.parametrize(
    ("found", "true", "expected"),
    [
        pytest.param("右肺上叶", "右肺上叶", Swift(100, 100, 100, 100), id="identical"),
        pytest.param("肺", "肺", Swift(100, 0, 100, 35.3553), id="identical, short"),
        pytest.param("", "肺", Swift(0, 0, 0, 0), id="nothing written"),
        pytest.param(".", "肺", Swift(0, 0, 0, 0), id="full stop alone"),
        pytest.param("..", "肺", Swift(0, 0, 0, 0), id="two full stops"),
        pytest.param("肺", "", None, id="no reference"),
        pytest.param("肺", ".", None, id="reference without words"),
        pytest.param("T1", "t1", Swift(50, 0, 50, 29.7302), id="case counts"),
    ],
)
def test_swift(found: str, true: str, expected: Swift | None) -> None:
    (scored,) = swift_scores([found], [true], words=list)
    assert scored == expected


def test_means_with_and_without_what_is_left_out() -> None:
    means = swift_means(swift_scores(["右肺上叶", "肺"], ["右肺上叶", "."], words=list))
    assert (means["bleu-4"], means["bleu-4 of all"], means["left out"]) == (100, 50, 1)
    assert swift_scores([], []) == []
    assert math.isnan(swift_means([])["rouge-l"])


def test_short_answers_have_a_fair_number_too() -> None:
    rows = bleu_rows(Corpus.of(["肺"], [["肺"]], words=chinese_words_of_bleu))
    assert sacrebleu(rows, effective=True) == pytest.approx(100)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("肺 CT", ["肺", "CT"], id="two scripts"),
        pytest.param("“肺”，", ["“", "肺", "”", "，"], id="marks are words"),
        pytest.param("1.2cm。", ["1.2cm", "。"], id="decimal stays"),
        pytest.param("2, 2.", ["2", ",", "2."], id="last stop stays"),
        pytest.param("４Ａ", ["４", "Ａ"], id="full width"),
        pytest.param("", [], id="empty"),
    ],
)
def test_words_of_bleu(text: str, expected: list[str]) -> None:
    assert chinese_words_of_bleu(text) == expected


def test_jieba() -> None:
    pytest.importorskip("jieba", reason="jieba comes with the extra 'reports'")
    assert jieba_words("右肺下叶结节") == ["右肺", "下叶", "结节"]
    assert swift_scores(["肺结节"], ["肺结节"]) == [Swift(100, 100, 100, 84.0896)]


def test_without_jieba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    importlib.invalidate_caches()
    chinese._jieba.cache_clear()
    with pytest.raises(MissingExtraError, match=r"umit\[reports\]"):
        jieba_words("肺")
    chinese._jieba.cache_clear()


def test_wrong_use() -> None:
    with pytest.raises(InputError, match="1 texts and 0 references") as refused:
        swift_scores(["肺"], [])
    assert refused.value.code == "references"

"""ms-swift's scores, and words for Chinese."""

from __future__ import annotations

import importlib
import sys

import pytest

from umit.errors import MissingExtraError
from umit.metrics import chinese
from umit.metrics.chinese import Swift, jieba_words, swift_score


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
    assert swift_score(found, true, words=list) == expected


def test_jieba() -> None:
    pytest.importorskip("jieba", reason="jieba comes with the extra 'reports'")
    assert jieba_words("右肺下叶结节") == ["右肺", "下叶", "结节"]
    assert swift_score("肺结节", "肺结节") == Swift(100, 100, 100, 84.0896)


def test_without_jieba(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jieba", None)
    importlib.invalidate_caches()
    chinese._jieba.cache_clear()
    with pytest.raises(MissingExtraError, match=r"umit\[reports\]"):
        jieba_words("肺")
    chinese._jieba.cache_clear()

"""What a question offers: yes and no in many words, choices that the question lists, nothing where in doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from umit.datasets.dataset import Choice
from umit.datasets.folder import Folder
from umit.datasets.pictures import Files
from umit.datasets.vqa import YES_NO, offered, question
from umit.errors import DatasetError
from umit.queries import Language

YES, NO = YES_NO["en"], YES_NO["zh"]


@pytest.mark.parametrize(
    ("language", "asked", "answer", "kind", "options", "right"),
    [
        pytest.param("en", "Is it?", "Yes", "CLOSED", YES, 0, id="capital"),
        pytest.param("en", "Is it?", "no.", "", YES, 1, id="untyped, full stop"),
        pytest.param("en", "Is it?", "yes", "OPEN", (), None, id="typed open"),
        pytest.param("en", "Is it?", "not seen", "CLOSED", (), None, id="other words"),
        pytest.param("zh", "有没有异常?", "没有", "CLOSED", NO, 1, id="has not"),
        pytest.param("zh", "肺是异常的吗?", "是的", "CLOSED", NO, 0, id="it is"),
        pytest.param("zh", "图片中包含肝脏吗?", "不包括", "CLOSED", NO, 1, id="does not hold"),
        pytest.param("zh", "可以观察到结节吗?", "不可以", "CLOSED", NO, 1, id="can not"),
        pytest.param("zh", "是否有出血？", "否。", "", NO, 1, id="untyped, full stop zh"),
        pytest.param("zh", "图片中包含哪些疾病?", "没有", "CLOSED", (), None, id="asks which"),
        pytest.param("zh", "脾脏有什么异常吗?", "没有", "CLOSED", (), None, id="asks what"),
        pytest.param("zh", "看起来正常吗?", "不正常", "CLOSED", (), None, id="adjective"),
        pytest.param(
            "en", "Which organ is abnormal, heart or lung?", "Lung", "CLOSED", ("heart", "lung"), 1,
            id="two listed",
        ),
        pytest.param(
            "en", "Which is the biggest in this image,lung,liver or heart ?", "Lung", "CLOSED",
            ("lung", "liver", "heart"), 0, id="three listed",
        ),
        pytest.param(
            "en", "Which is the biggest in this image, spleen,lung, or liver?", "Liver", "CLOSED",
            ("spleen", "lung", "liver"), 2, id="comma before or",
        ),
        pytest.param(
            "en", "Which organ is abnormal, heart or lung?", "Both", "CLOSED", (), None, id="not listed"
        ),
        pytest.param(
            "en", "Which organ is abnormal, heart or lung?", "Lung", "OPEN", (), None, id="listed, open"
        ),
        pytest.param(
            "en", "In this image, is the lung normal or abnormal?", "Abnormal", "CLOSED", (), None,
            id="list unclear",
        ),
        pytest.param("en", "Is this a PA or AP film?", "AP", "CLOSED", (), None, id="no list"),
        pytest.param(
            "zh", "肺或者心脏哪个是异常的?", "心脏", "CLOSED", ("肺", "心脏"), 1, id="figure's own"
        ),
        pytest.param(
            "zh", "图中肺、心脏和肝脏哪个更大?", "肺", "CLOSED", ("肺", "心脏", "肝脏"), 0, id="prefix left out"
        ),
        pytest.param(
            "zh", "这张图里肝脏和胃哪个更大?", "胃", "CLOSED", (), None, id="unknown prefix"
        ),
        pytest.param(
            "zh", "这张图像显示的是哪种类型的成像,核磁共振、CT还是X光?", "CT", "CLOSED",
            ("核磁共振", "CT", "X光"), 1, id="listed after which",
        ),
        pytest.param(
            "zh", "相对于其他组织,脑肿瘤是白色的还是灰色的?", "白色", "CLOSED", (), None, id="list unclear zh"
        ),
    ],
)  # fmt: skip
def test_what_is_offered(
    language: Language, asked: str, answer: str, kind: str, options: tuple[str, ...], right: int | None
) -> None:
    assert offered(asked, answer, kind, language) == (options, right)


def _one(row: dict[str, Any], said: list[str], language: Language = "en") -> list[Any]:
    choice = Choice(root=Folder(Path()), tell=said.append)
    source = Files((Path("a.jpg"),))
    return list(question(choice, row, "a.json row 1", source, "1", "a", language=language))


def test_the_rows_own_words_are_kept() -> None:
    (folded,) = _one({"question": "有肝脏吗?", "answer": "没有"}, [], "zh")
    assert (folded.gold.text, folded.gold.option) == ("否", 1)
    assert dict(folded.facts) == {"answer_type": "closed", "answer": "没有"}
    (same,) = _one({"question": "Is it?", "answer": "Yes"}, [])
    assert (same.gold.text, dict(same.facts)) == ("yes", {"answer_type": "closed", "answer": "Yes"})


def test_what_is_skipped_and_repaired_is_told() -> None:
    said: list[str] = []
    assert not _one({"question": "Is it?", "answer": " "}, said)
    assert not _one({"question": "", "answer": "yes"}, said)
    assert _one({"question": "How many?", "answer": 4}, said)[0].gold.text == "4"
    assert said == [
        "a.json row 1: skipped, its answer is empty",
        "a.json row 1: skipped, its question is empty",
        "a.json row 1: answer is the number 4, taken as text",
    ]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": "Is it?"}, "the field 'answer' with text, got only the fields question"),
        ({"question": "Is it?", "answer": ["yes"]}, "got list"),
        ({"question": "x" * 10_001, "answer": "yes"}, "at most 10000 characters"),
        ({"question": "\ud800?", "answer": "yes"}, "valid Unicode"),
    ],
)
def test_wrong_rows_are_named(row: dict[str, Any], message: str) -> None:
    with pytest.raises(DatasetError, match=f"a.json row 1: .*{message}"):
        _one(row, [])

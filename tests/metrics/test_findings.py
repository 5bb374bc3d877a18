"""Findings read from reports by rules, and how two reports agree in them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest

from umit.errors import InputError
from umit.metrics.findings import agreement, finding_rows, mentions, stated
from umit.metrics.lexicons import CHEST
from umit.phantom.words import NAMES, ORGAN_LABELS, film_report, volume_report
from umit.queries import Language

LANGUAGES: tuple[Language, ...] = ("en", "zh")


def denied(text: str, language: Language) -> set[tuple[str, str | None]]:
    """What a report says is not there, without what it also states."""
    spoken = [one for one in mentions(text, CHEST[language]) if one.denied]
    said = {(one.name, place) for one in spoken for place in one.places or (None,)}
    return said - stated(text, CHEST[language])


def shown(text: str, language: Language) -> str:
    """What is stated, and after a bar what is denied; ``name@place``."""

    def listed(found: Iterable[tuple[str, str | None]]) -> str:
        return " ".join(sorted(f"{name}@{place}" if place else name for name, place in found))

    return f"{listed(stated(text, CHEST[language]))}|{listed(denied(text, language))}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", "|", id="nothing written"),
        pytest.param("The lungs are clear.", "|", id="nothing to find"),
        # denial
        pytest.param("No pneumothorax or pleural effusion is seen.", "|effusion pneumothorax", id="list denied"),
        pytest.param("No edema, effusion, or mass.", "|edema effusion mass", id="commas in list"),
        pytest.param("No edema, effusion, and mass.", "|edema effusion mass", id="and in list"),
        pytest.param("No mass, and the heart is enlarged.", "enlarged heart|mass", id="and, article"),
        pytest.param("Effusion without pneumothorax.", "effusion|pneumothorax", id="denied after only"),
        pytest.param("No effusion. Nodule.", "nodule|effusion", id="stops at sentence"),
        pytest.param("No effusion.Nodule.", "nodule|effusion", id="glued sentences"),
        pytest.param("no effusion . nodule .", "nodule|effusion", id="R2Gen's full stops"),
        pytest.param("No\neffusion or mass", "|effusion mass", id="wrapped line"),
        pytest.param("- No effusion\n- Nodule", "nodule|effusion", id="list of lines"),
        pytest.param("No effusion but a nodule.", "nodule|effusion", id="but turns"),
        pytest.param("No effusion, stable nodule.", "nodule|effusion", id="comma turns"),
        pytest.param("No effusion, the heart is enlarged.", "enlarged heart|effusion", id="comma, article"),
        pytest.param("No abnormality except a nodule.", "nodule|", id="except"),
        pytest.param("Negative for pneumothorax.", "|pneumothorax", id="negative for"),
        pytest.param("Lungs are free of consolidation.", "|consolidation", id="free of"),
        pytest.param("There isn't an effusion.", "|effusion", id="contraction"),
        pytest.param("Effusion is not seen.", "|effusion", id="denied behind"),
        pytest.param("Nodule and mass are not clearly identified.", "|mass nodule", id="two behind"),
        pytest.param("The effusion has resolved.", "|effusion", id="resolved"),
        pytest.param("Pneumonia is unlikely.", "|pneumonia", id="unlikely"),
        pytest.param("Effusion: none. Nodule: left.", "nodule@left|effusion", id="form filled in"),
        # what only looks like denial
        pytest.param("No change in the effusion.", "effusion|", id="no change"),
        pytest.param("No significant interval increase in edema.", "edema|", id="no increase"),
        pytest.param("Pneumonia cannot be excluded.", "pneumonia|", id="not excluded"),
        pytest.param("Cannot exclude pneumonia.", "pneumonia|", id="cannot exclude"),
        pytest.param("Possible pneumonia.", "pneumonia|", id="suspicion is stated"),
        pytest.param("Nodule not changed.", "nodule|", id="not changed"),
        # the heart
        pytest.param("The heart is not enlarged.", "|enlarged heart", id="denied inside"),
        pytest.param("Heart size is normal. Cardiomegaly.", "enlarged heart|", id="other word"),
        pytest.param("The heart and mediastinal contours are mildly enlarged.", "enlarged heart|", id="words between"),
        pytest.param("Enlarged left heart border.", "|", id="no such phrase"),
        # sides
        pytest.param("Left effusion, right nodule.", "effusion@left nodule@right|", id="side each"),
        pytest.param("Nodule in the right upper lobe and effusion on the left.", "effusion@left nodule@right|", id="sides behind"),
        pytest.param("Left effusion and atelectasis.", "atelectasis@left effusion@left|", id="side shared"),
        pytest.param("Effusion and atelectasis on the left.", "atelectasis@left effusion@left|", id="shared behind"),
        pytest.param("Nodule in the right and left lungs and effusion.", "effusion nodule@left nodule@right|", id="both after in"),
        pytest.param("Nodule and right and left effusions.", "effusion@left effusion@right nodule|", id="both before"),
        pytest.param("Bibasilar atelectasis.", "atelectasis@left atelectasis@right|", id="one word, both"),
        pytest.param("RLL consolidation with left effusion.", "consolidation@right effusion@left|", id="lobe's letters"),
        pytest.param("Left-sided effusion and cardiomegaly.", "effusion@left enlarged heart|", id="heart has none"),
        pytest.param("No effusion on the left. Right effusion.", "effusion@right|effusion@left", id="side denied"),
        pytest.param("No effusion. Small effusion.", "effusion|", id="contradiction is stated"),
        # neighbours
        pytest.param("Pericardial effusion.", "|", id="other effusion"),
        pytest.param("Massive amassed fibroids.", "|", id="parts of words"),
    ],
)  # fmt: skip
def test_english(text: str, expected: str) -> None:
    assert shown(text, "en") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("双肺纹理清晰，未见明显异常。", "|", id="nothing to find"),
        pytest.param("双侧胸腔未见积液，心影增大。", "enlarged heart|effusion@left effusion@right", id="comma ends denial"),
        pytest.param("未见实变、结节及气胸。", "|consolidation nodule pneumothorax", id="list denied"),
        pytest.param("无气胸。右肺结节。", "nodule@right|pneumothorax", id="stops at sentence"),
        pytest.param("心影无明显增大。", "|enlarged heart", id="denied inside"),
        pytest.param("心脏大小正常。", "|", id="normal heart"),
        pytest.param("右下肺可见斑片状高密度影，考虑肺炎。", "opacity@right pneumonia|", id="suspicion is stated"),
        pytest.param("右肺上叶见结节，左侧胸腔积液。", "effusion@left nodule@right|", id="side each"),
        pytest.param("右肺结节及左侧胸腔积液。", "effusion@left nodule@right|", id="and between"),
        pytest.param("左、右两侧胸腔积液。", "effusion@left effusion@right|", id="both named"),
        pytest.param("结节位于左肺。", "nodule@left|", id="side behind"),
        pytest.param("左肺结节和空洞。", "cavity@left nodule@left|", id="side shared"),
        pytest.param("左侧胸腔积液较前无明显变化。", "effusion@left|", id="no change"),
        pytest.param("不除外肺炎。", "pneumonia|", id="not excluded"),
        pytest.param("左侧胸腔积液已吸收。", "|effusion@left", id="absorbed"),
        pytest.param("气胸：无", "|pneumothorax", id="form filled in"),
        pytest.param("心包积液。", "|", id="other effusion"),
        pytest.param("左肺不张。", "atelectasis@left|", id="no is part"),
        pytest.param("除左肺结节外未见异常。", "nodule@left|", id="except"),
        pytest.param("两肺见多发结节,未见肿块.", "nodule@left nodule@right|mass", id="ASCII marks"),
    ],
)  # fmt: skip
def test_chinese(text: str, expected: str) -> None:
    assert shown(text, "zh") == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phantom_film_is_read_back(language: Language) -> None:
    lexicon = CHEST[language]
    kinds = ("nodule", "cavity", "effusion", "consolidation")
    placed = list(product(kinds, ("left", "right"), ("upper", "middle", "lower")))
    cases: list[list[tuple[str, str | None, str | None]]] = [[]]
    cases += [[one] for one in placed]
    cases += [[*pair, ("enlarged heart", None, None)] for pair in combinations(placed[::5], 2)]
    for case in cases:
        text = film_report(case, language)
        assert stated(text, lexicon) == {(kind, side) for kind, side, _ in case}, text


@pytest.mark.parametrize("language", LANGUAGES)
def test_organs_are_places(language: Language) -> None:
    word = {"en": "lesion", "zh": "病灶"}[language]
    called = {organ: organ if language == "en" else NAMES[organ] for organ in ORGAN_LABELS}
    lexicon = replace(CHEST[language], findings={"lesion": word}, places=called)
    assert stated(volume_report([], language), lexicon) == set()
    for pair in combinations(ORGAN_LABELS, 2):
        assert stated(volume_report(pair, language), lexicon) == {("lesion", organ) for organ in pair}


def test_places_can_be_left_out() -> None:
    text = "Bilateral effusions. No nodule on the left."
    assert stated(text, CHEST["en"], placed=False) == {("effusion", None)}
    assert denied(text, "en") == {("nodule", "left")}
    assert [one.name for one in mentions(text, CHEST["en"])] == ["effusion", "nodule"]


def test_agreement() -> None:
    truth = stated("Left effusion. No nodule.", CHEST["en"])
    same, other_side, turned, silent = (
        stated(text, CHEST["en"])
        for text in ("There is an effusion on the left.", "Right effusion.", "No left effusion. Nodule.", "Clear.")
    )
    rows = finding_rows([same, other_side, turned, silent], [truth] * 4)
    precision, recall, f1 = agreement(rows)
    assert recall.tolist() == f1.tolist() == [1, 0, 0, 0]
    assert precision[:3].tolist() == [1, 0, 0] and math.isnan(precision[3])
    assert np.isnan(agreement(finding_rows([silent], [silent]))).all()
    both = agreement(rows[[0, 2]].sum(0, keepdims=True))
    assert [one.tolist() for one in both] == [[0.5]] * 3


def test_wrong_use() -> None:
    with pytest.raises(InputError, match="1 reports and 0 references") as refused:
        finding_rows([set()], [])
    assert refused.value.code == "references"

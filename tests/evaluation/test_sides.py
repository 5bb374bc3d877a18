"""Left and right in words, as a radiologist reads them: changed over with certainty, or refused."""

from __future__ import annotations

import pytest

from umit.errors import InputError
from umit.evaluation.sides import swap_sides


@pytest.mark.parametrize(
    ("text", "swapped", "why"),
    [
        ("left upper lobe", "right upper lobe", "lung by side"),
        ("LEFT or Right-sided?", "RIGHT or Left-sided?", "three cases"),
        ("upper right, rightmost, leftward", "upper left, leftmost, rightward", "forms of it"),
        ("RUL and llq", "LUL and rlq", "short names"),
        ("femur-left, left_lung", "femur-right, right_lung", "joined words"),
        ("bilateral, bright, cleft, upright, both sides", "bilateral, bright, cleft, upright, both sides", "no sides"),
        ("ipsilateral and contralateral", "ipsilateral and contralateral", "relative, so true"),
        ("Is the liver on the right?", "Is the liver on the left?", "mirrored with it"),
        ("the stomach is left of the spleen", "the stomach is right of the spleen", "places, not names"),
        ("Is the apex of the heart on the left?", "Is the apex of the heart on the right?", "the same"),
        ("left lateral ventricle", "right lateral ventricle", "brain's are paired"),
        ("left main bronchus", "right main bronchus", "paired too"),
        ("left lobe of the thyroid, right thyroid lobe", "right lobe of the thyroid, left thyroid lobe", "paired"),
        ("left pulmonary artery", "right pulmonary artery", "paired"),
        ("left and right kidneys: 9 and 10 cm", "right and left kidneys: 9 and 10 cm", "order counts"),
        ("mass on the left or right in this image?", "mass on the right or left in this image?", "a side"),
        ("Is it left or right?", "Is it right or left?", "a side"),
        ("right costophrenic angle", "left costophrenic angle", "no right angle"),
        ("L4 and L5 vertebrae", "L4 and L5 vertebrae", "no letters alone"),
        ("os calcis", "os calcis", "a bone"),
        ("左肺与右肾", "右肺与左肾", "paired"),
        ("左右两侧，双侧", "左右两侧，双侧", "both"),
        ("左肺left", "右肺right", "both languages"),
        ("左侧脑室，左乳房", "右侧脑室，右乳房", "paired"),
        ("左支气管，左主支气管", "右支气管，右主支气管", "paired"),
        ("甲状腺左叶", "甲状腺右叶", "paired"),
        ("肝脏位于右侧", "肝脏位于左侧", "place, not name"),
        ("心尖指向左侧", "心尖指向右侧", "the same"),
        ("右上叶", "左上叶", "lung by side"),
        ("直径约5厘米左右", "直径约5厘米左右", "approximately"),
    ],
)  # fmt: skip
def test_sides_that_are_changed_over(text: str, swapped: str, why: str) -> None:
    assert swap_sides(text) == swapped and swap_sides(swapped) == text, why


_REFUSED = {
    "no side": (
        "all right", "right angle", "what is left?", "Is that right?", "right above the diaphragm",
        "right in the middle", "It is pneumonia, right?", "the patient left the ward", "left untreated", "right or wrong?",
        "nothing left", "All rights reserved",
    ),
    "a heart's chambers and vessels": (
        "left ventricle", "Right atrium", "right and left ventricles", "left dilated ventricle", "ventricle, left",
        "left-sided heart failure", "right side of the heart", "left main stenosis", "right dominant",
        "left anterior descending artery", "right coronary artery", "left-to-right shunt", "RCA", "LVH", "LAD", "RA",
    ),
    "names of form in the belly": (
        "left lobe of the liver", "right hepatic lobe", "liver: left lobe", "left portal vein", "left gastric artery",
        "right colon", "right hemicolectomy",
    ),
    "one lung only": ("right middle lobe", "middle lobe opacity", "lingula", "RML", "lingular segment"),
    "which way round a patient is": ("dextrocardia", "levoscoliosis", "situs inversus", "sinistral", "oculus dexter", "left isomerism", "mirrored?"),
    "letters": ("side: L", "R", "marker R on the film", "Rt lung", "lt. kidney", "L/R", "RIF", "LUE", "OD", "OS"),
    "views and clocks": (
        "left lateral view", "left lateral", "right lateral decubitus", "left anterior oblique", "RAO",
        "left side down", "mass at 2 o'clock", "clockwise", "tooth #30",
    ),
    "a word that may hide one": ("lEFT lung", "leftsided mass", "leftover", "RuL"),
    "Chinese hearts": ("左心室", "右心房", "左室壁", "右房增大", "左右心室", "右侧心室", "左冠状动脉", "左前降支", "左主干", "左回旋支", "右束支", "右位心", "左向右分流"),
    "Chinese bellies": ("肝左叶", "肝右叶", "肝脏左叶", "左肝", "右叶", "左外叶", "门静脉左支", "胃左动脉", "右半结肠", "结肠左曲"),
    "Chinese lungs": ("右肺中叶", "左肺舌段"),
    "Chinese words": ("内脏反位", "镜面人", "右利手", "左撇子", "左旋", "左氧氟沙星", "左甲状腺素", "核左移", "左侧位片", "右侧卧位", "右前斜位", "3点钟方向", "顺时针", "左右肾分别为9和10厘米", "R侧"),
}  # fmt: skip


@pytest.mark.parametrize(("why", "text"), [(w, t) for w, texts in _REFUSED.items() for t in texts])
def test_what_is_not_certain_is_refused(why: str, text: str) -> None:
    with pytest.raises(InputError) as error:
        swap_sides(text)
    assert error.value.code == "sides", why

"""What is said about phantoms, in both languages: names, questions, reports.

Nothing here is a prompt: prompts are the tasks' business. These are the questions that users of the
embedded checkpoint may ask and the sentences it was taught to write.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from umit.queries import Language
from umit.tasks.landmarks import spoken

__all__ = ["CLASSES", "NAMES", "ORGAN_LABELS", "QUESTIONS", "film_report", "name", "names", "place", "volume_report"]

#: English name to Chinese name.
NAMES: Final[Mapping[str, str]] = {
    "normal": "正常",
    "nodule": "结节",
    "cavity": "空洞",
    "effusion": "积液",
    "consolidation": "实变",
    "enlarged heart": "心影增大",
    "heart": "心脏",
    "right lung": "右肺",
    "left lung": "左肺",
    "right": "右",
    "left": "左",
    "upper": "上",
    "middle": "中",
    "lower": "下",
    "yes": "是",
    "no": "否",
    "none": "无",
    "chest": "胸部",
    "skull": "头颅",
    "abdomen": "腹部",
    "lesion": "病灶",
    "bladder": "膀胱",
    "femur-left": "左股骨",
    "femur-right": "右股骨",
    "kidney-left": "左肾",
    "kidney-right": "右肾",
    "liver": "肝",
    "lung-left": "左肺",
    "lung-right": "右肺",
    "pancreas": "胰腺",
    "spleen": "脾",
    "aorta": "主动脉",
    "spine": "脊柱",
    "stomach": "胃",
    "gallbladder": "胆囊",
}

#: Labels of the film classification, in the order in which they are numbered.
CLASSES: Final = ("normal", "nodule", "cavity", "effusion", "consolidation", "enlarged heart")
#: Labels of the organ classification: MedMNIST's OrganMNIST order, so that spleen is the two-digit ``10``.
ORGAN_LABELS: Final = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right",
    "liver", "lung-left", "lung-right", "pancreas", "spleen",
)  # fmt: skip

#: Questions by key; ``{}`` is a name in the same language.
QUESTIONS: Final[Mapping[str, Mapping[Language, str]]] = {
    "normal": {"en": "Is this image normal?", "zh": "这张图像正常吗？"},
    "side": {"en": "Which side is the {} on?", "zh": "{}在哪一侧？"},
    "zone": {"en": "Which zone is the {} in?", "zh": "{}在哪个肺野？"},
    "where": {"en": "Where is the {}?", "zh": "{}在哪里？"},
    "part": {"en": "Which part of the body is this?", "zh": "这是身体的哪个部位？"},
    "finding": {"en": "Which finding does this chest film show?", "zh": "这张胸片显示哪种异常？"},
    "organ": {"en": "Which organ holds the lesion?", "zh": "病灶在哪个器官？"},
    "front": {"en": "Which point is further in front?", "zh": "哪个点更靠前？"},
}


def name(word: str, language: Language) -> str:
    """Return a name in a language.

    Raises:
        KeyError: No phantom has this name.
    """
    return word if language == "en" else NAMES[word]


def names(words: Iterable[str], language: Language) -> tuple[str, ...]:
    """Return names in a language, in order."""
    return tuple(name(word, language) for word in words)


def point_name(landmark: str, language: Language) -> str:
    """Return a landmark's name in a language."""
    return spoken(landmark, language)


def place(side: str, zone: str, language: Language) -> str:
    """Return a place in the lungs, such as ``right upper zone`` or ``右上肺野``."""
    if language == "zh":
        return f"{NAMES[side]}{NAMES[zone]}肺野"
    return f"{side} {zone} zone"


_HEART: Final[Mapping[Language, Mapping[bool, str]]] = {
    "en": {True: "The heart is enlarged.", False: "The heart is normal in size."},
    "zh": {True: "心影增大。", False: "心影大小正常。"},
}
_CLEAR: Final[Mapping[Language, str]] = {"en": "The lungs are clear.", "zh": "双肺清晰。"}
_NO_LESION: Final[Mapping[Language, str]] = {"en": "No lesion is seen.", "zh": "未见病灶。"}

Placed = tuple[str, "str | None", "str | None"]


def film_report(findings: Iterable[Placed], language: Language) -> str:
    """Write the report of a chest film.

    Args:
        findings: ``(kind, side, zone)``; side and zone are ``None`` for an enlarged heart.
        language: ``"en"`` or ``"zh"``.

    Example:
        >>> film_report([("nodule", "right", "upper")], "en")
        'The heart is normal in size. There is nodule in the right upper zone.'
    """
    found = list(findings)
    heart = any(kind == "enlarged heart" for kind, _, _ in found)
    lungs = [
        f"There is {kind} in the {place(side, zone, 'en')}."
        if language == "en"
        else f"{place(side, zone, 'zh')}可见{NAMES[kind]}。"
        for kind, side, zone in found
        if side and zone
    ]
    return _joined([_HEART[language][heart], *(lungs or [_CLEAR[language]])], language)


def volume_report(organs: Iterable[str], language: Language) -> str:
    """Write the report of an abdominal CT: one sentence for each organ that holds a lesion."""
    found = [
        f"There is lesion in the {organ}." if language == "en" else f"{NAMES[organ]}可见病灶。" for organ in organs
    ]
    return _joined(found or [_NO_LESION[language]], language)


def comparison(first: Iterable[str], second: Iterable[str], language: Language) -> str:
    """Write what two chest films share and where they differ, in findings.

    Example:
        >>> comparison({"nodule"}, set(), "en")
        'Similarities: none; Differences: nodule;'
    """
    a, b = set(first), set(second)
    parts = []
    for kinds in (a & b, a ^ b):
        listed = [name(kind, language) for kind in CLASSES if kind in kinds]
        parts.append((", " if language == "en" else "、").join(listed) or name("none", language))
    if language == "zh":
        return f"相同点：{parts[0]}；不同点：{parts[1]}；"
    return f"Similarities: {parts[0]}; Differences: {parts[1]};"


def _joined(sentences: list[str], language: Language) -> str:
    return (" " if language == "en" else "").join(sentences)

"""Chinese names of the organs and lesions of M3D-Seg; only those that leave no doubt."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["chinese"]

_NAMES: Final[dict[str, str]] = {
    "adrenal": "肾上腺", "adrenal gland": "肾上腺", "suprarenal gland": "肾上腺", "suprarenal tumor": "肾上腺肿瘤",
    "aorta": "主动脉", "artery": "动脉", "carotid artery": "颈动脉", "iliac artery": "髂动脉", "iliac vena": "髂静脉",
    "pulmonary artery": "肺动脉", "renal artery": "肾动脉", "renal vein": "肾静脉", "portal vein": "门静脉",
    "portal vein and splenic vein": "门静脉和脾静脉", "inferior vena cava": "下腔静脉", "postcava": "下腔静脉",
    "vena cava": "腔静脉", "venous system": "静脉系统", "hepatic vessels": "肝血管",
    "liver": "肝脏", "liver tumor": "肝肿瘤", "liver cyst": "肝囊肿", "gallbladder": "胆囊", "gall bladder": "胆囊",
    "biliary system": "胆道系统", "spleen": "脾脏", "pancreas": "胰腺", "pancreatic lesion": "胰腺病变",
    "esophagus": "食管", "cervical esophagus": "颈段食管", "stomach": "胃", "duodenum": "十二指肠",
    "small bowel": "小肠", "small intestin": "小肠", "intestine": "肠", "colon": "结肠", "colon cancer": "结肠癌",
    "rectum": "直肠", "kidney": "肾脏", "kidneys": "肾脏", "kidney tumor": "肾肿瘤", "kidney cyst": "肾囊肿",
    "bladder": "膀胱", "urinary bladder": "膀胱", "uterus": "子宫", "prostate or uterus": "前列腺或子宫",
    "heart": "心脏", "heart atrium": "心房", "heart ventricle": "心室", "heart myocardium": "心肌",
    "lung": "肺", "lungs": "肺", "lung tumours": "肺肿瘤", "lung upper lobe": "肺上叶",
    "lung middle lobe": "肺中叶", "lung lower lobe": "肺下叶", "trachea": "气管",
    "brain": "脑", "brainstem": "脑干", "spinal cord": "脊髓", "pituitary gland": "垂体",
    "optic chiasm": "视交叉", "optic nerve": "视神经", "cochlea": "耳蜗", "thyroid": "甲状腺",
    "parotid gland": "腮腺", "submandibular gland": "下颌下腺", "lacrimal gland": "泪腺",
    "oral cavity": "口腔", "buccal mucosa": "颊黏膜", "arytenoid": "杓状软骨", "face": "面部", "skin": "皮肤",
    "bone": "骨", "bone mandible": "下颌骨", "clavicula": "锁骨", "scapula": "肩胛骨", "humerus": "肱骨",
    "femur": "股骨", "head of femur": "股骨头", "hip": "髋骨", "sacrum": "骶骨", "coccygis": "尾骨",
    "gluteus maximus": "臀大肌", "gluteus medius": "臀中肌", "gluteus minimus": "臀小肌", "iliopsoas": "髂腰肌",
    "tumor": "肿瘤", "tumour": "肿瘤",
}  # fmt: skip
_SIDES: Final = {"left": "左", "right": "右"}
_SPINE: Final = {"C": "颈椎", "T": "胸椎", "L": "腰椎"}
_VERTEBRA: Final = re.compile(r"(?:vertebrae|(?:cervical|thoracic|lumbar) spine) ([CTL])(\d+)")
_RIB: Final = re.compile(r"rib (left|right) (\d+)")


def chinese(name: str) -> str | None:
    """Return the Chinese name, or ``None`` where there is none without doubt.

    Args:
        name: As M3D-Seg writes it, the side before or after it.

    Example:
        >>> chinese("kidney left"), chinese("left kidney"), chinese("vertebrae T12")
        ('左肾', '左肾', '第12胸椎')
    """
    if found := _VERTEBRA.fullmatch(name):
        return f"第{found[2]}{_SPINE[found[1]]}"
    if found := _RIB.fullmatch(name):
        return f"{_SIDES[found[1]]}侧第{found[2]}肋骨"
    words = name.split()
    for side, word in _SIDES.items():
        for at in (0, -1):
            if len(words) > 1 and words[at] == side:
                rest = _NAMES.get(" ".join(words[1:] if at == 0 else words[:-1]))
                return None if rest is None else word + rest.removesuffix("脏")
    return _NAMES.get(name)

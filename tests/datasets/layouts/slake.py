"""SLAKE: two languages whose splits share a picture, an empty answer, Chinese yes and no in several forms."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .draw import picture

LOADS: list[dict[str, Any]] = [
    {},
    {"split": "train", "language": "en"},
    {"split": "validate", "language": "zh"},
    {"split": "test"},
]

_ROWS = {
    "train": [
        (1, "Which organ is abnormal?", "Lung, Heart", "en", "OPEN", "vqa"),
        (1, "Does the picture contain liver?", "", "en", "OPEN", "vqa"),
        (1, "What diseases are included in the picture?", "Heart, Lung", "en", "OPEN", "vqa"),
        (2, "图像中是否包含肝脏？", "不包含", "zh", "CLOSED", "vqa"),
        (2, "这是什么模态的图像？", "MRI", "zh", "OPEN", "vqa"),
        (2, "图片中包含哪些疾病?", "没有", "zh", "CLOSED", "vqa"),
    ],
    "validate": [
        (3, "Is this a study of the chest?", "Yes", "en", "CLOSED", "vqa"),
        (3, "左肺健康吗？", "是的", "zh", "CLOSED", "vqa"),
    ],
    "test": [
        (2, "Which is bigger in this image,liver or stomach?", "Liver", "en", "CLOSED", "vqa"),
        (2, "Is the abnormality hyperdense or hypodense?", "Hypodense", "en", "CLOSED", "vqa"),
        (4, "What is the effect of the main organ?", "Digest food", "en", "OPEN", "kvqa"),
        (4, "有没有异常？", "没有", "zh", "CLOSED", "vqa"),
        (4, "肺或者心脏哪个是异常的?", "心脏", "zh", "CLOSED", "vqa"),
    ],
}


def write(root: Path) -> None:
    """Write three question files and ``imgs/``."""
    number = 0
    for split, rows in _ROWS.items():
        listed = []
        for picture_number, asked, answer, language, kind, base in rows:
            name = f"xmlab{picture_number}"
            listed.append(
                {
                    "img_id": picture_number,
                    "img_name": f"{name}/source.jpg",
                    "question": asked,
                    "answer": answer,
                    "q_lang": language,
                    "location": "Abdomen",
                    "modality": "CT",
                    "answer_type": kind,
                    "base_type": base,
                    "content_type": "Organ",
                    "triple": ["vhead", "_" if base == "vqa" else "prevent", "_"],
                    "qid": number,
                }
            )
            number += 1
        text = json.dumps(listed, ensure_ascii=False, indent=1)
        (root / f"{split}.json").write_text(text, encoding="utf-8")
    for picture_number in (1, 2, 3, 4):
        picture(root / "imgs" / f"xmlab{picture_number}" / "source.jpg", seed=picture_number)

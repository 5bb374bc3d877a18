"""Words for findings on chest films, in English and Chinese: a small set, which covers the phantoms' films too.

For other reports replace ``findings`` and ``places``: a CT of the abdomen has organs for places.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from umit.metrics.findings import Lexicon
from umit.queries import Language

__all__ = ["CHEST"]

_WHOLE: Final = frozenset(("enlarged heart", "scoliosis", "hernia", "edema"))

_SEEN: Final = (
    r"(?:seen|identified|present|evident|visuali[sz]ed|demonstrated|appreciated|noted|detected|observed|found)"
)
_ENGLISH: Final = Lexicon(
    findings={
        "enlarged heart": (
            r"cardiomegaly|\benlarged (?:heart|cardiac|cardiomediastinal)(?: silhouette| size| shadow)?"
            r"|\benlargement of the (?:heart|cardiac silhouette)"
            r"|\b(?:heart|cardiac|cardiomediastinal)\b[^.,;]{0,50}?\benlarged"
        ),
        "effusion": r"(?<!pericardial )\beffusions?\b|\bpleural fluid\b",
        "pneumothorax": r"\b(?:hydro)?pneumothora(?:x|ces)\b",
        "consolidation": r"\bconsolidat\w+",
        "opacity": r"\b(?:airspace|air space) disease\b|\bopaci(?:ty|ties|fication)\b|\binfiltrates?\b",
        "atelectasis": r"\batelecta\w+",
        "edema": r"\bo?edema\b",
        "pneumonia": r"\bpneumonias?\b",
        "nodule": r"\bnodul(?:es?|ar)\b",
        "mass": r"\bmass(?:es)?\b",
        "cavity": r"\bcavit(?:y|ies|ary|ation|ations)\b",
        "fracture": r"\bfractur(?:es?|ed)\b",
        "emphysema": r"(?<!subcutaneous )\bemphysem\w+",
        "granuloma": r"\bgranulom\w+",
        "pleural thickening": r"\bpleural thickening\b|\bthicken(?:ed|ing of the) pleura\b",
        "scarring": r"\bscar(?:s|ring)?\b|\bfibro(?:sis|tic)\b",
        "hernia": r"\bhernias?\b",
        "scoliosis": r"\bscolio\w+",
    },
    places={
        "left": r"\bleft\b|\bL[LU]L\b|\blingula|\bboth\b|\bbilateral|\bbibasilar|\bbibasal|\bbiapical",
        "right": r"\bright\b|\bR[LMU]L\b|\bboth\b|\bbilateral|\bbibasilar|\bbibasal|\bbiapical",
    },
    unplaced=_WHOLE,
    # A single line break wraps a sentence; an empty line or a list's mark ends one.
    sentences=r"[.!?]+(?:\s+|$)|\.(?=(?-i:[A-Z]))|\n\s*\n|\n\s*(?:[-*•]|\d+[.)])\s",
    clauses=(
        r";|\b(?:but|however|although|though|except|aside from|other than|apart from|with the exception of"
        r"|while|whereas|yet)\b"
        r"|,(?= ?(?:with |an? |the |there |stable|unchanged|persist|chronic|mild|small|minimal|moderate|new\b))"
        r"|\band (?=there |the |an? )"
    ),
    joins=r",|;|\b(?:and|or|with|without|but|plus)\b",
    leads=r"\b(?:in|on|at|within|of|to|over|along|near|involving)\b",
    no=(r"\b(?:no|not|without|neither|nor|none|negative for|free of|clear of|absence of|resolution of)\b|n['’]t\b"),
    absent=(
        rf"\bnot (?:been |be )?(?:\w+ly )?{_SEEN}\b|\babsent\b|\bno longer\b|\b(?:has|have) resolved\b|\bruled out\b"
        r"|(?<!be )\bexcluded\b|\bunlikely\b|:\s*(?:none|no|absent|negative)\b"
    ),
    harmless=(
        r"\b(?:no|without)(?: \w+){0,2} (?:change|increase|decrease)s?\b|\bnot (?:\w+ly )?changed\b"
        r"|\bnot only\b|\b(?:can ?not|can['’]t|could not|not) (?:be )?(?:entirely |completely )?"
        r"(?:excluded?|ruled? out)\b"
    ),
)

_CHINESE: Final = Lexicon(
    findings={
        "enlarged heart": r"(?:心影|心脏)[^，。；]{0,8}?(?:增大|扩大)",
        "effusion": r"(?<!心包)(?<!心包腔)积液|胸水",
        "pneumothorax": r"气胸",
        "consolidation": r"实变",
        "opacity": r"(?:斑片|片状|片絮)[^，。；、]{0,6}?影|渗出|浸润",
        "atelectasis": r"不张",
        "edema": r"水肿",
        "pneumonia": r"肺炎|炎症",
        "nodule": r"结节",
        "mass": r"肿块|肿物|占位",
        "cavity": r"空洞",
        "fracture": r"骨折",
        "emphysema": r"肺气肿",
        "granuloma": r"肉芽肿",
        "pleural thickening": r"胸膜[^，。；、]{0,3}?(?:增厚|肥厚)",
        "scarring": r"纤维(?:化|灶|条索)|索条|瘢痕",
        "hernia": r"疝",
        "scoliosis": r"侧弯|侧凸",
    },
    places={
        "left": r"左|双(?:肺|侧|上|中|下)|两(?:肺|侧|上|中|下)",
        "right": r"右|双(?:肺|侧|上|中|下)|两(?:肺|侧|上|中|下)",
    },
    unplaced=_WHOLE,
    sentences=r"[。！？!?]|\n+",
    clauses=r"[，,；;]|但|然而|不过|外(?=未)",
    joins=r"[，,；;、及和与伴]|合并|并",
    leads=r"位于|见于|于|在",
    no=r"未[见及示]|未发现|未显示|未探及|无|没有|不见|否认|排除",
    absent=r"消失|已(?:完全|基本)?吸收|不存在|未见(?:显示)?(?=$|[，,；;])|[:：]\s*(?:无|未见|阴性)",
    harmless=(r"[无未]见?(?:明显|显著|完全)?(?:变化|改变|进展|吸收)|(?:不能|不|未能|未)(?:完全)?(?:除外|排除)"),
)

#: By language.
CHEST: Final[Mapping[Language, Lexicon]] = MappingProxyType({"en": _ENGLISH, "zh": _CHINESE})

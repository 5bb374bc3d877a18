"""The 19 landmarks of a lateral skull film that UMIT knows; apart, so that ``import umit`` need not load a task."""

from __future__ import annotations

from typing import Final

__all__ = ["CEPHALOMETRIC", "NAMES"]

#: The 19 of ISBI 2015, in its order, with the usual Chinese terms.
NAMES: Final = {
    "Sella": "蝶鞍点",
    "Nasion": "鼻根点",
    "Orbitale": "眶下点",
    "Porion": "耳点",
    "Subspinale": "上齿槽座点",
    "Supramentale": "下齿槽座点",
    "Pogonion": "颏前点",
    "Menton": "颏下点",
    "Gnathion": "颏顶点",
    "Gonion": "下颌角点",
    "Lower incisal incision": "下中切牙切缘点",
    "Upper incisal incision": "上中切牙切缘点",
    "Upper lip": "上唇突点",
    "Lower lip": "下唇突点",
    "Subnasale": "鼻下点",
    "Soft tissue pogonion": "软组织颏前点",
    "Posterior nasal spine": "后鼻棘点",
    "Anterior nasal spine": "前鼻棘点",
    "Articulare": "关节点",
}
CEPHALOMETRIC: Final = tuple(NAMES)

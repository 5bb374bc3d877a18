"""Left and right changed over in words and in truth, for pictures that were mirrored on purpose."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any, Final

from umit.errors import InputError
from umit.geometry import Box3D, Point2D, Space
from umit.imaging.orientation import axis_letters
from umit.queries import Query
from umit.results import Result

__all__ = ["mirror_axis", "mirrored", "mirrored_query", "swap_sides"]

#: Whole words, in three cases; each pair is its own inverse.
_PAIRS: Final = (
    ("left", "right"), ("leftward", "rightward"), ("leftwards", "rightwards"), ("leftmost", "rightmost"),
    ("lul", "rul"), ("lll", "rll"), ("luq", "ruq"), ("llq", "rlq"),
)  # fmt: skip
_SWAP: Final = {
    case(a): case(b)
    for pair in _PAIRS
    for a, b in (pair, pair[::-1])
    for case in (str.lower, str.upper, str.capitalize)
} | {"左": "右", "右": "左"}
#: \b takes a Chinese character for a letter, so the ends of English words are spelt out.
_SIDE: Final = re.compile(
    "左右|[左右]|(?<![A-Za-z])(?:"
    + "|".join(sorted((w for w in _SWAP if w.isascii()), key=len, reverse=True))
    + ")(?![A-Za-z])"
)
#: Every word that begins with a side, and the short names, in any case; what is not in the table may hide a side.
_BEGINS: Final = re.compile(r"(?i)(?<![a-z])(?:(?:left|right)[a-z]*|[lr](?:ul|ll|uq|lq)(?![a-z]))")
#: A side that is part of a name: a heart's right chamber, a liver's left lobe and the branches of the vessels of
#: unpaired organs are named by their form, and stay so in a mirrored patient.
_FORMS: Final = r"""
      (?:left|right)[\s-]+(?!lateral\s+ventric)(?:[a-z]+[\s-]+){0,2}?(?:ventric|atri(?:um|a)|auric)
    | (?:ventric[a-z]*|atri(?:um|a)|auricles?)\W+(?:left|right)
    | (?:left|right)[\s-]+(?:(?:sided|side\s+of\s+the)[\s-]+)?(?:
        heart | cardiac | bundle | coronary | circumflex | marginal | anterior\s+descending | domin | cusp | leaflet
      | main(?!\s*(?:stem|bronch|pulmon)) | isomer | hepat | liver | portal | bil(?:e|iary) | gastr | colic | colon
      | colect | hemicol | hand(?:ed|er)
      | lobes?(?![a-z])(?!\s+of\s+(?:the\s+)?(?:lung|thyroid|prostate)) )
    | (?:left|right)[\s-]+to[\s-]+(?:left|right)[\s-]+shunt
    | middle[\s-]+lobe | lingul | situs | heterotax | isomerism | mirror | dext[re] | levo | laevo | sinist[re]
"""
#: Left and right as words of everyday speech.
_NO_SIDE: Final = r"""
      (?:all|just|what(?:'s|\s+is)|are\s+you|quite|be|was|were|nothing|none|anything)\s+
        (?:left|right)(?![a-z])(?!\s+(?:side|lung|kidney))
    | (?:is|was)\s+(?:that|it|this)\s+right(?=\W*$)
    | (?:has|have|had|he|she|they|who|patient)\s+left
    | (?:left|right)[\s-]+(?:angle|away|now|answer|option|choice|over|out|behind|untreated|alone|in\s+place)
    | right[\s-]+(?:or\s+wrong|diagnos|order|way|size|amount|after|before|above|below|beneath|beside|next|here|there|at
      |in\s+the\s+(?:middle|cent))
    | left\s+the\s+(?:hospital|room|clinic|ward)
"""
#: Views and directions that turn round with a mirror, and are no words that can be changed over one by one.
_VIEWS: Final = r"""
      (?:left|right)[\s-]+(?:[a-z]+[\s-]+)?(?:oblique|decub)
    | (?:left|right)[\s-]+lateral(?:\s+(?:view|proj|film|posit|radiog|image|x-?ray|segment|section|lobe)|\W*$)
    | (?:left|right)[\s-]+side\s+(?:down|up) | (?:counter|anti)?-?clockwise | o\s*['’]?\s*clock
    | (?:tooth|teeth)\s*\#?\s*[0-9]
"""
#: Short names that hold a side: letters, lobes, limbs, views, vessels, chambers.
_SHORT: Final = r"""
    (?:[lr](?:t|ml|if|ue|le|ao|po|ld|vh|ah|ae|vf|vef|vot|bbb|hd|v|a|ca|ad|cx|pa|ica|eca|cca|mca|aca|pca|ima|ijv)?
      |dexter|sinister)(?![a-z0-9'])
"""
#: 右心室, 左室, 肝左叶, 胃左动脉 and the like as above; drugs; 右侧卧位, 3点钟.
_CHINESE: Final = r"""
      [左右]侧?(?:心|室|房) | (?:心室|心房|心耳)[（(，、\s]*[左右] | [左右](?:束支|支(?!气管)|冠|主干|前降|回?旋|优势)
    | 肝脏?的?[左右] | [左右]半?(?:肝|结肠) | 结肠[左右] | (?<!甲状腺)(?<!前列腺)[左右][内外前后]?侧?叶
    | 门静?脉[左右] | 胃(?:网膜)?[左右] | 中叶 | 舌[段叶] | 反位 | 镜[像面] | [左右]向[左右] | 核左移
    | [左右]侧?(?:位|卧|[前后]?斜) | 左右.*(?:分别|依次) | 顺时针 | 逆时针 | 点(?:钟|方向|位) | [0-9]{2}号?牙
    | [左右](?:撇|利?手|氧氟|美托|佐匹) | 左(?:卡|炔|西|乙拉|布比|甲状腺素)
"""
_UNSURE: Final = re.compile(rf"(?xi) (?<![a-z])(?:{_FORMS}|{_NO_SIDE}|{_VIEWS}|{_SHORT}) | ,\s*right\s*\? | {_CHINESE}")
#: Eyes: oculus dexter and sinister. "os" in small letters is a bone.
_EYES: Final = re.compile(r"(?<![A-Za-z])O[DS](?![A-Za-z])")


def swap_sides(text: str) -> str:
    """Return a text with left and right changed over, in English and Chinese.

    Whole words change, in lower case, upper case or with a capital, with the lobes' and quadrants' short names
    (LUL, RUQ). "bilateral" and 左右 stay. What cannot be changed over with certainty is refused:

    - where the word may be no side ("all right", "right above");
    - names of form, which stay in a mirrored patient (a heart's chambers, a liver's lobes, the middle lobe, situs);
    - short names that may hold a side (L, Rt, RCA, OD);
    - views, clock faces and numbered teeth;
    - a word that begins with a side and is not known, such as "leftover" or "lEFT".

    Args:
        text: A question, an option, an answer, a name.

    Raises:
        InputError: It cannot be told what the mirrored text is; code ``"sides"``.

    Example:
        >>> swap_sides("Left upper lobe, 右肺"), swap_sides("bilateral")
        ('Right upper lobe, 左肺', 'bilateral')
    """
    if _UNSURE.search(text) or _EYES.search(text) or any(word not in _SWAP for word in _BEGINS.findall(text)):
        raise InputError(
            "expected left and right as sides, got a use that a mirror may not change over",
            code="sides",
            hint="Leave the question out of the flipped run.",
        )
    return _SIDE.sub(lambda found: _SWAP.get(found[0], found[0]), text)


def mirror_axis(space: Space | None) -> int:
    """Return the file axis (0 is x) that runs between the patient's sides; x where the file does not say."""
    if space is None or space.affine is None:
        return 0
    letters = axis_letters(space.affine)
    return next(axis for axis, letter in enumerate(letters) if letter in "LR")


def mirrored_query(query: Query) -> Query:
    """Return a query with the sides in its words changed over; options and labels keep their order.

    Raises:
        InputError: See :func:`swap_sides`.
    """
    return query.mapped(swap_sides)


def mirrored(result: Result, spaces: tuple[Space, ...] = ()) -> Result:
    """Return what is true of the mirrored picture if this is true of the picture.

    Args:
        result: Truth, or an answer.
        spaces: Of the views, for marks that do not carry their own.

    Raises:
        InputError: See :func:`swap_sides`; or the size of the picture is not known.
    """
    changed: Result = result.mapped(swap_sides).moved(partial(_mirrored_mark, spaces=spaces))
    return changed


def _mirrored_mark(mark: Any, view: int | None, *, spaces: tuple[Space, ...]) -> Any:
    """Edges map to edges: ``x`` to ``width - x``, so a box's edges change places."""
    space = mark.space or (spaces[view or 0] if (view or 0) < len(spaces) else None)
    if space is None:
        raise InputError("expected the picture's size, got marks without it", code="space")
    axis = mirror_axis(space) if isinstance(mark, Box3D) else 0
    length, name = space.size[axis], "xyz"[axis]
    if isinstance(mark, Point2D):
        return replace(mark, x=length - mark.x, space=space)
    low, high = getattr(mark, f"{name}1"), getattr(mark, f"{name}2")
    changed = {f"{name}1": length - high, f"{name}2": length - low}
    return replace(mark, space=space, **changed)

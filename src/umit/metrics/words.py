"""Answers made comparable: the normalisations of the published scorers, and umit's own for both languages."""

from __future__ import annotations

import re
import string
import unicodedata
from typing import Final

__all__ = ["fold", "half_width", "llava_med_words", "official_words", "tokens", "without_punctuation"]

_ZERO_WIDTH: Final = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff"))

# VQA's evaluation code and LLaVA-Med's eval_metrics/glossary.py hold the same three lists.
_PUNCTUATION: Final = frozenset(r';/[]"{}()=+\_-><@`,?!')
_TEN: Final = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBERS: Final = {"none": "0", "zero": "0"} | {word: str(n) for n, word in enumerate(_TEN, 1)}
_ARTICLES: Final = frozenset(("a", "an", "the"))
#: Each is also known without one of its apostrophes; other spellings are left as they are.
_CONTRACTED: Final = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd
    he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've
    needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've
    somebody'll somebody's someone'd someone'd've someone'll someone's something'd something'd've something'll
    that's there'd there'd've there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've
    we've weren't what'll what're what's what've when's where'd where's where've who'd who'd've who'll who's
    who've why'll why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've
    you'll you're you've
"""
_WRITTEN_OUT: Final = {
    full[:i] + full[i + 1 :]: full for full in _CONTRACTED.split() for i, letter in enumerate(full) if letter == "'"
} | {"somebody'd": "somebodyd"}  # the lists' one entry that works backwards
_MAPPED: Final = _NUMBERS | _WRITTEN_OUT
_DIGIT_COMMA: Final = re.compile(r"\d,\d")
_FULL_STOP: Final = re.compile(r"\.(?!\d)")  # the lists' look-behind `(?!<=\d)` never binds
_MOST_STOPS: Final = 32  # re.UNICODE, passed where the count of replacements belongs

# M3D Bench/eval/metrics.py, normalize_zh_answer.
_CHINESE_PUNCTUATION: Final = dict.fromkeys(
    map(
        ord,
        string.punctuation
        + "！？｡。＂＃＄％＆＇（）＊＋，－／：；＜＝＞＠［＼］＾＿｀｛｜｝～｟｠｢｣､、〃》「」『』【】〔〕〖〗〘〙〚〛〜〝〞〟〰〾〿–—‘’‛“”„‟…‧﹏",
    )
)
_CHINESE_MARKS: Final = {code: " " for code in _CHINESE_PUNCTUATION if not chr(code).isascii()}
#: One Chinese character, or a run of anything else without blanks.
_TOKEN: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\s\u3400-\u9fff\uf900-\ufaff]+")
_OUTER: Final = " \t\n.,:;!?'\"。、，：；！？“”‘’"


def without_punctuation(text: str) -> str:
    """Return an answer after the first half of the official VQA normalisation; case is kept.

    A mark of punctuation is deleted everywhere if a blank stands beside it anywhere, or if a comma stands
    between digits; otherwise it becomes a blank. At most 32 full stops go, none before a digit.

    Apostrophes, colons and most full stops within numbers stay.

    Example:
        >>> without_punctuation("T2-weighted, 3.5 cm.")
        'T2 weighted 3.5 cm'
    """
    found = _PUNCTUATION.intersection(text)
    if found:
        everywhere = _DIGIT_COMMA.search(text) is not None
        text = text.translate({ord(p): "" if everywhere or f"{p} " in text or f" {p}" in text else " " for p in found})
    return _FULL_STOP.sub("", text, count=_MOST_STOPS) if "." in text else text


def _without_articles(text: str) -> str:
    # A number word that is a digit afterwards is no article, so one table serves both.
    return " ".join([_MAPPED.get(word, word) for word in text.lower().split() if word not in _ARTICLES])


def official_words(text: str) -> str:
    """Return an answer as the official VQA evaluation compares it, faults included.

    After :func:`without_punctuation`, number words up to ten become digits, articles go, contractions get
    their apostrophe.

    Example:
        >>> official_words("The left_lung, two nodules.")
        'left lung 2 nodules'
    """
    flat = text.replace("\n", " ").replace("\t", " ").strip()
    return _without_articles(without_punctuation(flat))


def llava_med_words(text: str) -> str:
    """Return an answer as LLaVA-Med's scorer compares it.

    It is the official normalisation, except that a line break is no blank beside a mark of punctuation.

    Example:
        >>> llava_med_words("A T2-weighted MRI.")
        't2 weighted mri'
    """
    return _without_articles(without_punctuation(text.lower()))


def half_width(text: str) -> str:
    """Return a text with full-width and other compatible forms as plain ones, without zero-width characters.

    Example:
        >>> half_width("［１２］")
        '[12]'
    """
    if text.isascii():
        return text
    return unicodedata.normalize("NFKC", text).translate(_ZERO_WIDTH)


def fold(text: str) -> str:
    """Return a text in one spelling: half width, no zero-width characters, lower case, outer marks removed.

    Example:
        >>> fold("２：Ｎｏ。")
        '2:no'
    """
    return " ".join(half_width(text).casefold().strip(_OUTER).split())


def tokens(text: str) -> list[str]:
    """Return what umit's own word metrics count: words, and each Chinese character by itself.

    The text is folded, then normalised as by the official VQA evaluation; a text of articles alone keeps
    them, so that "A" is not nothing.

    Example:
        >>> tokens("The left lung."), tokens("左肺，ＣＴ。")
        (['left', 'lung'], ['左', '肺', 'ct'])
    """
    folded = fold(text)
    words = official_words(folded) or folded
    if words.isascii():
        return words.split()
    return _TOKEN.findall(words.translate(_CHINESE_MARKS))

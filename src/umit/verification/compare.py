"""The first stage at which an engine differs from what was recorded, or that none does."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from umit.verification.golden import Golden, Seen

__all__ = ["STAGES", "Verdict", "compare", "furthest"]

#: In the order in which a question runs through them.
STAGES: Final = (
    "template", "system line", "picture order", "resize", "normalisation", "special tokens", "weights", "dtype", "answers",
)  # fmt: skip
#: Log-probabilities of one program and another in float32 agree so far: sums are added up in another order.
_EQUAL: Final = 5e-3
#: Below it a token is so unlikely that rounding decides the digits.
_UNLIKELY: Final = -8.0
_PIXELS: Final = 1e-4  # of a mean of normalised pixels, about 1
#: How much further than bfloat16's own rounding another program's may be.
_ROUNDING: Final = 4.0
_SYSTEM: Final = re.compile(r"<\|im_start\|>system\n(.*?)<\|im_end\|>\n", re.DOTALL)
_PICTURE: Final = "<|vision_start|><|image_pad|><|vision_end|>"

_Found: TypeAlias = tuple[str, str, Any, Any]  # stage, question, expected, got


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a comparison.

    Args:
        checkpoint: The card's name.
        engine: What was compared.
        stage: The first stage that differs; ``""`` where none does.
        question: At which it was seen.
        expected: What was recorded.
        got: What came.
        shown: How each stage was seen: ``"itself"``, ``"by log-probabilities"``, or ``"not shown"``.
        furthest: The largest difference of a log-probability; ``None`` where none is shown.
        questions: How many were asked.
    """

    checkpoint: str
    engine: str
    stage: str
    question: str = ""
    expected: Any = None
    got: Any = None
    shown: Mapping[str, str]
    furthest: float | None
    questions: int

    @property
    def equal(self) -> bool:
        """Whether no stage differs."""
        return not self.stage

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate, or the difference, as a JSON document."""
        kind = "certificate" if self.equal else "difference"
        found: dict[str, Any] = {"schema": 1, "type": kind, "checkpoint": self.checkpoint, "engine": self.engine}
        if not self.equal:
            found |= {"stage": self.stage, "question": self.question, "expected": self.expected, "got": self.got}
        return {**found, "stages": dict(self.shown), "furthest": self.furthest, "questions": self.questions}


def compare(
    golden: Golden, seen: Mapping[str, Seen], *, engine: str, dtype: str = "", control: Mapping[str, int] | None = None
) -> Verdict:
    """Return at which stage an engine differs first.

    Args:
        golden: What was recorded.
        seen: What the engine shows, for the same questions.
        engine: Its name.
        dtype: What it computes in, if it says so.
        control: Ids of its control tokens, if it shows them.
    """
    found = [*_differences(golden, seen, dtype, control)]
    if all(stage == "answers" for stage, *_ in found):  # else what moved the scores is known
        found += _of_scores(golden, seen)
    first = min(found, key=lambda one: STAGES.index(one[0]), default=None)
    moved = furthest(golden, seen)
    told = {} if first is None else dict(zip(("stage", "question", "expected", "got"), first, strict=True))
    return Verdict(
        checkpoint=golden.checkpoint, engine=engine, shown=_shown(seen, dtype),
        furthest=max(moved.values(), default=None), questions=len(seen), **{"stage": "", **told},
    )  # fmt: skip


def _differences(
    golden: Golden, seen: Mapping[str, Seen], dtype: str, control: Mapping[str, int] | None
) -> Iterator[_Found]:
    for name, expected in golden.questions.items():
        got = seen[name]
        yield from _of_prompt(name, expected, got)
        yield from _of_pictures(name, expected, got)
        yield from _of_ids(name, expected, got, golden.control)
        if got.answer is not None and (got.answer, got.finish) != (expected.answer, expected.finish):
            yield "answers", name, [expected.answer, expected.finish], [got.answer, got.finish]
    if control is not None and dict(control) != dict(golden.control):
        wrong = {token: (number, control.get(token)) for token, number in golden.control.items()}
        wrong = {token: pair for token, pair in wrong.items() if pair[0] != pair[1]}
        yield "special tokens", "", {t: a for t, (a, _) in wrong.items()}, {t: b for t, (_, b) in wrong.items()}
    if dtype and dtype != "float32":
        yield "dtype", "", "float32", dtype


def _of_prompt(name: str, expected: Seen, got: Seen) -> Iterator[_Found]:
    if got.prompt is None or expected.prompt is None:
        # Only how many tokens there are: without a picture it is the template's doing, whichever part of it.
        if got.ids is None and got.count is not None and got.count != expected.count and not expected.grids:
            yield "template", name, f"{expected.count} tokens", f"{got.count} tokens"
        return
    (here, own), (there, other) = (_parted(text) for text in (expected.prompt, got.prompt))
    if here != there:
        yield "template", name, here, there
    if own != other:
        yield "system line", name, own, other


def _parted(prompt: str) -> tuple[str, str | None]:
    """Return a prompt without its system line, and that line; ``None`` where there is none."""
    found = _SYSTEM.match(prompt)
    return (prompt, None) if found is None else (prompt[found.end() :], found[1])


def _of_pictures(name: str, expected: Seen, got: Seen) -> Iterator[_Found]:
    if got.pictures is not None and got.pictures != expected.pictures:
        again = sorted(got.pictures) == sorted(expected.pictures or ())
        yield "picture order" if again else "resize", name, expected.pictures, got.pictures
    if got.grids is not None and got.grids != expected.grids:
        yield "resize", name, expected.grids, got.grids
    elif got.pixels is not None and not _near(got.pixels, expected.pixels or ()):
        yield "normalisation", name, expected.pixels, got.pixels
    if got.ids is None and got.count is not None and got.count != expected.count and expected.grids:
        yield "resize", name, f"{expected.count} tokens", f"{got.count} tokens"


def _near(one: tuple[tuple[float, ...], ...], other: tuple[tuple[float, ...], ...]) -> bool:
    if len(one) != len(other):
        return False
    return all(abs(a - b) <= _PIXELS for p, q in zip(one, other, strict=True) for a, b in zip(p, q, strict=True))


def _of_ids(name: str, expected: Seen, got: Seen, control: Mapping[str, int]) -> Iterator[_Found]:
    if got.ids is None or expected.ids is None or got.ids == expected.ids:
        return
    pad = control["<|image_pad|>"]
    here, there = ([token for token in ids if token != pad] for ids in (expected.ids, got.ids))
    if here == there:
        yield "resize", name, f"{expected.ids.count(pad)} picture tokens", f"{got.ids.count(pad)} picture tokens"
    elif got.prompt is None or got.prompt == expected.prompt:
        known = set(control.values())
        places = [[(k, token) for k, token in enumerate(ids) if token in known] for ids in (here, there)]
        stage = "special tokens" if places[0] != places[1] else "template"
        yield stage, name, here, there


def furthest(golden: Golden, seen: Mapping[str, Seen]) -> dict[str, float]:
    """Return how far the furthest log-probability of each question is from what was recorded, where any is shown."""
    found = {}
    for name, expected in golden.questions.items():
        pairs = [*_scores(expected, seen[name])]
        if pairs:
            found[name] = max(abs(a - b) for a, b in pairs)
    return found


def _scores(expected: Seen, got: Seen) -> Iterator[tuple[float, float]]:
    if expected.first and got.first is not None:
        for token, score in expected.first.items():
            if score > _UNLIKELY:  # one that is not among its likeliest lies below the last of them
                yield score, got.first.get(token, min(got.first.values(), default=_UNLIKELY))
    if expected.options and got.options is not None:
        yield from ((a, b) for a, b in zip(expected.options, got.options, strict=True) if a > _UNLIKELY)


def _of_scores(golden: Golden, seen: Mapping[str, Seen]) -> Iterator[_Found]:
    """Tell from which questions' scores are moved, and how far, what an engine does not show."""
    moved = furthest(golden, seen)
    far = {name: by for name, by in moved.items() if by > _EQUAL}
    if not far:
        return
    name = max(far, key=far.__getitem__)
    told = f"log-probabilities within {_EQUAL:g}", f"one is {far[name]:.3g} away"
    bare = {one for one in moved if not golden.questions[one].grids}
    if far.keys() & bare or not bare:
        rounded = all(by <= _ROUNDING * golden.rounding[one] + _EQUAL for one, by in moved.items())
        yield "dtype" if rounded else "weights", name, *told
    elif all(len(golden.questions[one].grids or ()) > 1 for one in far):
        yield "picture order", name, *told
    else:
        yield "normalisation", name, *told


def _shown(seen: Mapping[str, Seen], dtype: str) -> dict[str, str]:
    some = next((one for one in seen.values() if one.count), Seen())
    scored = any(one.first or one.options for one in seen.values())
    itself = {
        "template": some.prompt is not None,
        "system line": some.prompt is not None,
        "picture order": some.pictures is not None,
        "resize": some.grids is not None or some.ids is not None,
        "normalisation": some.pixels is not None,
        "special tokens": some.ids is not None,
        "weights": False,
        "dtype": bool(dtype),
        "answers": any(one.answer is not None for one in seen.values()),
    }
    counted = {"template", "system line", "resize"} if some.count is not None else set()
    scores = {"picture order", "normalisation", "dtype", "weights"} if scored else set()
    return {
        stage: "itself" if itself[stage]
        else "by log-probabilities" if stage in scores
        else "by number of tokens" if stage in counted
        else "not shown"
        for stage in STAGES
    }  # fmt: skip

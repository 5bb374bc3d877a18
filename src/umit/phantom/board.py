"""The board: how well a checkpoint does on held-out phantoms, through the public verbs' own path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, get_args

import numpy as np

from umit.chat import Completion
from umit.errors import OutputError, ParseError, UMITError
from umit.imaging.scan import Scan
from umit.imaging.view import View
from umit.metrics.boxes import matched_iou
from umit.metrics.landmarks import distance
from umit.phantom import cases, words
from umit.phantom.cases import Case, Item
from umit.phantom.cephalogram import Cephalogram
from umit.phantom.curriculum import show
from umit.phantom.film import Film
from umit.phantom.volume import Volume
from umit.queries import Describe, Find, Language, Locate
from umit.results import Answer, Classification, Detections, Landmarks, Report
from umit.tasks.landmarks import CEPHALOMETRIC
from umit.tasks.task import choose

if TYPE_CHECKING:
    from umit.checkpoints import Checkpoint
    from umit.model import UMIT

__all__ = ["TASKS", "board"]

LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question put to the model, with what is needed to score it."""

    case: Case
    item: Item


Reply = tuple[_Asked, Any]


def _answer(seed: int, language: Language) -> list[_Asked]:
    case = cases.film_case(seed)
    rng = np.random.default_rng((11, seed))
    items = cases.film_questions(_film(case), rng, language)
    return [_Asked(case, items[int(rng.integers(len(items)))])]


def _classify(seed: int, language: Language) -> list[_Asked]:
    case = cases.film_case(seed, "single")
    return [_Asked(case, cases.film_class(_film(case), language))]


def _report(seed: int, language: Language) -> list[_Asked]:
    case = cases.film_case(seed)
    return [_Asked(case, cases.film_report(_film(case), language))]


def _detect_2d(seed: int, language: Language) -> list[_Asked]:
    case = cases.film_case(seed)
    items = cases.film_boxes(_film(case), language)
    absent = [item for item in items if not item.gold]
    one = absent[int(np.random.default_rng((12, seed)).integers(len(absent)))]
    return [_Asked(case, item) for item in items if item.gold or item is one]


def _landmarks(seed: int, language: Language) -> list[_Asked]:
    case = cases.cephalogram_case(seed)
    drawn = case.truth
    if not isinstance(drawn, Cephalogram):
        raise TypeError("a cephalogram case holds a cephalogram")
    return [_Asked(case, item) for item in cases.landmarks(drawn, CEPHALOMETRIC, language)]


def _detect_3d(seed: int, language: Language) -> list[_Asked]:
    case = cases.volume_case(seed)
    volume = case.truth
    if not isinstance(volume, Volume):
        raise TypeError("a volume case holds a volume")
    lesions, *organs = cases.volume_boxes(volume, language)
    organ = organs[int(np.random.default_rng((13, seed)).integers(len(organs)))]
    return [_Asked(case, lesions), _Asked(case, organ)]


def _film(case: Case) -> Film:
    if not isinstance(case.truth, Film):
        raise TypeError("a film case holds a film")
    return case.truth


def _right(replies: Sequence[Reply]) -> dict[str, float]:
    """Share of answers or labels that are the true one; an unreadable one is wrong."""

    def same(asked: _Asked, got: Any) -> bool:
        if isinstance(got, Answer):
            return bool(got.option == asked.item.gold.option)
        return isinstance(got, Classification) and got.label == asked.item.gold.label

    return {"accuracy": _mean(same(asked, got) for asked, got in replies)}


def _overlap(replies: Sequence[Reply]) -> dict[str, float]:
    """Overlap over targets that are there; boxes drawn where the target is not."""
    overlaps: list[float] = []
    false: list[bool] = []
    for asked, got in replies:
        found = [d.box for d in got.items] if isinstance(got, Detections) else []
        true = [d.box for d in asked.item.gold.items]
        if true:
            overlaps += matched_iou(found, true)
        else:
            false.append(bool(found))
    return {
        "mean_iou": _mean(overlaps),
        "iou_over_50": _mean(v > 0.5 for v in overlaps),
        "false_boxes": _mean(false),
    }


def _distances(replies: Sequence[Reply]) -> dict[str, float]:
    """Mean error in per cent of the picture's height; an unreadable point counts as half the height."""
    errors = []
    for asked, got in replies:
        height = asked.case.scans[0].size[1]
        name = asked.item.query.name  # type: ignore[union-attr]
        far = height / 2
        error = distance(got[name], asked.item.gold[name]) if isinstance(got, Landmarks) else far
        errors.append(100 * error / height)
    return {"error_percent_of_height": _mean(errors)}


def _stated(replies: Sequence[Reply]) -> dict[str, float]:
    """Share of reports that state every finding with its side, and nothing else."""

    def exact(asked: _Asked, got: Any) -> bool:
        language = asked.item.query.language
        if not isinstance(got, Report):
            return False
        try:
            said = words.read_film_report(got.text, language)
        except ParseError:
            return False
        return said == words.read_film_report(asked.item.gold.text, language)

    return {"exact": _mean(exact(asked, got) for asked, got in replies)}


@dataclass(frozen=True, slots=True)
class _Line:
    ask: Callable[[int, Language], list[_Asked]]
    score: Callable[[Sequence[Reply]], dict[str, float]]


#: The board's lines: which questions a seed gives and how replies are scored.
TASKS: Final[Mapping[str, _Line]] = {
    "answer": _Line(_answer, _right),
    "classify": _Line(_classify, _right),
    "detect_2d": _Line(_detect_2d, _overlap),
    "landmarks": _Line(_landmarks, _distances),
    "detect_3d": _Line(_detect_3d, _overlap),
    "report": _Line(_report, _stated),
}


def _mean(values: Iterable[float]) -> float:
    listed = [float(v) for v in values]
    return round(sum(listed) / len(listed), 4) if listed else 0.0


def _unreadable(replies: Sequence[Reply]) -> float:
    def bad(asked: _Asked, got: Any) -> bool:
        if isinstance(got, Report) and isinstance(asked.item.query, Describe):
            try:
                words.read_film_report(got.text, asked.item.query.language)
            except ParseError:
                return True
        return isinstance(got, OutputError)

    return _mean(bad(asked, got) for asked, got in replies)


def _replies(
    model: UMIT, asked: Sequence[_Asked], change: Callable[[int], Sequence[Scan]]
) -> list[Reply]:
    pairs = ((list(change(i)), one.item.query) for i, one in enumerate(asked))
    results: list[Reply] = []
    for one, got in zip(asked, model.predict(pairs), strict=True):
        if isinstance(got, UMITError) and not isinstance(got, OutputError):
            raise got
        results.append((one, got))
    return results


def _scored(line: _Line, replies: Sequence[Reply], n: int) -> dict[str, float]:
    return {**line.score(replies), "unreadable": _unreadable(replies), "n": n}


def _floor(line: _Line, asked: Sequence[_Asked], card: Checkpoint) -> dict[str, float]:
    """Score the truth itself, written and read in the frame: what a perfect model would get."""
    replies: list[Reply] = []
    for one in asked:
        query = one.item.query
        if not isinstance(query, Find | Locate):
            return {}
        view = View.of(show(one.case, card, points=isinstance(query, Locate)).geometry)
        task = card.task(choose(query, volume=one.case.kind == "volume"), query.language)
        text = task.encode(one.item.gold, query, view)
        replies.append((one, task.decode(Completion(text=text), query, view)))
    return line.score(replies)


def _majority(name: str, asked: Sequence[_Asked]) -> dict[str, float]:
    """Score the answer given most often; for reports, the most frequent one."""
    if name in ("answer", "classify"):
        key = Counter((one.item.query, _gold_text(one)) for one in asked)
        best: dict[Any, int] = {}
        for (query, _), count in key.items():
            best[query] = max(best.get(query, 0), count)
        return {"accuracy": round(sum(best.values()) / len(asked), 4)}
    if name == "report":
        said = Counter(
            words.read_film_report(one.item.gold.text, one.item.query.language) for one in asked
        )
        return {"exact": round(said.most_common(1)[0][1] / len(asked), 4)}
    return {}


def _gold_text(one: _Asked) -> str:
    gold = one.item.gold
    return gold.label if isinstance(gold, Classification) else str(gold.text)


def _blank(scan: Scan) -> Scan:
    return replace(scan, voxels=np.zeros_like(scan.voxels))


def board(
    model: UMIT,
    *,
    first_seed: int = cases.HELD_OUT,
    n: int = 400,
    controls: int = 100,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Score every task in both languages.

    Args:
        model: The checkpoint to score.
        first_seed: First phantom; seeds from :data:`umit.phantom.cases.HELD_OUT` on are never trained on.
        n: Phantoms a task.
        controls: Phantoms for the blank and the swapped picture.
        tell: Called with a line of progress.

    Returns:
        ``tasks``: metrics by task and language; ``controls``: majority, blank, swapped picture, and the
        frame's own floor, in English.
    """
    tasks: dict[str, Any] = {}
    against: dict[str, Any] = {}
    for name, line in TASKS.items():
        tasks[name] = {}
        for language in LANGUAGES:
            asked = list(_all(line, first_seed, n, language))
            replies = _replies(model, asked, lambda i, a=asked: a[i].case.scans)  # type: ignore[misc]
            tasks[name][language] = _scored(line, replies, n)
            tell(f"{name} {language} {tasks[name][language]}")
        asked = list(_all(line, first_seed, min(controls, n), "en"))
        against[name] = _controls(model, name, line, asked)
        tell(f"{name} controls {against[name]}")
    return {"tasks": tasks, "controls": against}


def _all(line: _Line, first: int, n: int, language: Language) -> Iterator[_Asked]:
    for seed in range(first, first + n):
        yield from line.ask(seed, language)


def _controls(
    model: UMIT, name: str, line: _Line, asked: Sequence[_Asked]
) -> dict[str, dict[str, float]]:
    order = list(dict.fromkeys(id(one.case) for one in asked))
    scans = {id(one.case): one.case.scans for one in asked}
    following = {a: b for a, b in zip(order, order[1:] + order[:1], strict=True)}

    def blank(i: int) -> Sequence[Scan]:
        return [_blank(scan) for scan in asked[i].case.scans]

    def other(i: int) -> Sequence[Scan]:
        return scans[following[id(asked[i].case)]]

    return {
        "majority": _majority(name, asked),
        "blank_picture": line.score(_replies(model, asked, blank)),
        "other_picture": line.score(_replies(model, asked, other)),
        "frame_floor": _floor(line, asked, model.checkpoint),
    }

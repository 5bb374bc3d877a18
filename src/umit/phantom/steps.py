"""What each step of the build draws: a function of the stage, the step's number and the seed alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from umit.chat import spell
from umit.checkpoints import PHANTOM
from umit.phantom import cases
from umit.phantom.cases import Item, Kind
from umit.phantom.curriculum import (
    align_turns,
    compare_turns,
    drill_items,
    instruct_turns,
    read_items,
    show,
    tell_items,
    to_turn,
)
from umit.queries import Describe
from umit.training.rows import Row, Turn, pack

if TYPE_CHECKING:
    from torch import Tensor

    from umit.engine.encode import Encoder
    from umit.imaging.view import View

__all__ = [
    "FIRST_SEED",
    "SHARES",
    "SHIFT",
    "Draw",
    "LooksOf",
    "ReadsOf",
    "RowsOf",
    "Share",
    "apart",
    "lines",
    "step_turns",
]


@dataclass(frozen=True, slots=True)
class Share:
    """One kind of case in a stage: how often a step draws it, and how many at once."""

    kind: str
    weight: float
    rows: int


_DRILL: Final = (
    Share("crowded", 0.30, 24),
    Share("film", 0.38, 24),
    Share("cephalogram", 0.08, 24),
    Share("crowded volume", 0.10, 16),
    Share("volume", 0.14, 16),
)
SHARES: Final[Mapping[str, tuple[Share, ...]]] = {
    "look": (
        Share("crowded", 0.42, 16),
        Share("film", 0.14, 16),
        Share("cephalogram", 0.22, 16),
        Share("volume", 0.22, 10),
    ),
    "read": (
        Share("crowded", 0.34, 10),
        Share("film", 0.24, 10),
        Share("cephalogram", 0.16, 10),
        Share("volume", 0.26, 8),
    ),
    "tell": (
        Share("crowded", 0.36, 10),
        Share("film", 0.30, 10),
        Share("cephalogram", 0.10, 10),
        Share("crowded volume", 0.12, 8),
        Share("volume", 0.12, 8),
    ),
    "drill": _DRILL,
    "again": _DRILL,
    "align": (
        Share("film", 0.56, 16),
        Share("cephalogram", 0.20, 16),
        Share("volume", 0.20, 12),
        Share("compare", 0.04, 4),
    ),
    "instruct": (
        Share("film", 0.42, 16),
        Share("single", 0.20, 16),
        Share("views", 0.04, 12),
        Share("cephalogram", 0.16, 16),
        Share("volume", 0.18, 12),
    ),
}
#: First case of each stage; all far below ``cases.HELD_OUT``.
FIRST_SEED: Final = {
    "align": 0, "drill": 1_000_000, "again": 2_000_000, "instruct": 5_000_000, "look": 7_000_000,
    "read": 8_500_000, "tell": 9_200_000,
}  # fmt: skip
#: A build's seed moves its cases by less than this.
SHIFT: Final = 500_000
_MOST: Final = 16  # rows that the seeds of a step leave room for, if no share has more
_TOKENIZER_CASES: Final = 120
_ENDS: Final = (".", "。")  # of a report's sentences
_ITEMS: Final = {
    "read": read_items, "tell": tell_items, "drill": drill_items, "again": drill_items,
}  # fmt: skip


def apart(stage: str) -> int:
    """Return how far the first case of a step is from that of the step before.

    Args:
        stage: A key of :data:`SHARES`.
    """
    return 2 * max(_MOST, *(share.rows for share in SHARES[stage]))


@dataclass(frozen=True, slots=True)
class Draw:
    """What a build draws, and this process's share of it.

    Args:
        seed: Of the build.
        smoke: Whether two rows a step are enough.
        share: This process's number, and how many share the rows of each step.
    """

    seed: int
    smoke: bool = False
    share: tuple[int, int] = (0, 1)

    def cases(self, stage: str, step: int) -> tuple[str, list[int]]:
        """Return the kind of a step's cases, and the seeds of this process's.

        Args:
            stage: A key of :data:`SHARES`.
            step: From 0.
        """
        # By the length of its name, since the committed weights were; stages share kinds, never seeds.
        rng = np.random.default_rng((self.seed, len(stage), step))
        shares = SHARES[stage]
        weights = np.array([s.weight for s in shares])
        chosen = shares[int(rng.choice(len(shares), p=weights / weights.sum()))]
        first = FIRST_SEED[stage] + step * apart(stage) + self.seed * 1_000_003 % SHIFT
        seeds = [first + 2 * k for k in range(2 if self.smoke else chosen.rows)]
        return chosen.kind, seeds[self.share[0] :: self.share[1]]


def step_turns(stage: str, step: int, draw: Draw) -> list[list[Turn]]:
    """Return the questions of one step, one list a row; a function of its arguments alone.

    Args:
        stage: ``"align"`` or ``"instruct"``.
        step: From 0.
        draw: What is drawn.
    """
    kind, seeds = draw.cases(stage, step)
    return [_turns(stage, kind, one, np.random.default_rng((draw.seed, one))) for one in seeds]


def _turns(stage: str, kind: str, seed: int, rng: np.random.Generator) -> list[Turn]:
    if kind == "compare":
        pair = [cases.draw("film", seed), cases.draw("film", seed + 1)]
        both = cases.Case("views", tuple(s for case in pair for s in case.scans), pair[0].truth)
        return compare_turns(pair[0], pair[1], PHANTOM, show(both, PHANTOM), rng)
    known: Kind = kind  # type: ignore[assignment]
    case = cases.draw(known, seed)
    view = show(case, PHANTOM, points=kind == "cephalogram")
    make = align_turns if stage == "align" else instruct_turns
    return make(case, PHANTOM, view, rng)


def lines(seed: int) -> Iterator[str]:
    """Return text that the tokenizer learns from."""
    for stage in ("align", "instruct"):
        for step in range(_TOKENIZER_CASES // 2):
            for turns in step_turns(stage, step, Draw(seed, smoke=True)):
                for turn in turns:
                    yield spell(turn.request.words)
                    yield turn.answer


@dataclass(frozen=True)
class RowsOf:
    """Prepares the rows of a step; picklable, so that a worker process can do it.

    Args:
        stage: ``"align"`` or ``"instruct"``.
        draw: What is drawn.
        encoder: The checkpoint's.
    """

    stage: str
    draw: Draw
    encoder: Encoder

    def __call__(self, step: int) -> Sequence[Row]:
        """Return the rows of a step."""
        return [pack(turns, self.encoder) for turns in step_turns(self.stage, step, self.draw)]


@dataclass(frozen=True)
class LooksOf:
    """Prepares LOOK's tensors of a step: pictures, the prompt before them, what each token should say.

    Args:
        draw: What is drawn.
        encoder: The checkpoint's.
    """

    draw: Draw
    encoder: Encoder

    def __call__(self, step: int) -> dict[str, Tensor]:
        """Return the batch of a step."""
        kind, seeds = self.draw.cases("look", step)
        shown = [_shown(kind, seed) for seed in seeds]
        task = PHANTOM.task("caption")
        rows = []
        for _, view in shown:
            prefix = self.encoder.split(task.request(Describe("caption"), view))[0]
            silent = np.zeros(len(prefix), np.int64)
            rows.append(Row(view.frames, np.array(prefix), silent, silent.astype(np.bool_)))
        return _with_looks(shown, rows, self.encoder)


@dataclass(frozen=True)
class ReadsOf:
    """Prepares the tensors of a step of READ and what follows: questions, and what :class:`LooksOf` gives.

    READ's are about single things. TELL adds reports, and does not teach the units of a film's three-digit
    coordinates: they are finer than what can be seen, only noise beside the digits that can be learned.
    DRILL and AGAIN go on in the same way, with classes too.

    Args:
        draw: What is drawn.
        encoder: The checkpoint's.
        stage: ``"read"``, ``"tell"``, ``"drill"`` or ``"again"``.
    """

    draw: Draw
    encoder: Encoder
    stage: str = "read"

    def __call__(self, step: int) -> dict[str, Tensor]:
        """Return the batch of a step."""
        import torch

        from umit.phantom.look import LOOKS

        kind, seeds = self.draw.cases(self.stage, step)
        ask = _ITEMS[self.stage]
        shown = [_shown(kind, seed) for seed in seeds]
        rows, asked = [], []
        for seed, (case, view) in zip(seeds, shown, strict=True):
            items = ask(case, np.random.default_rng((self.draw.seed, seed)))
            row = pack(
                [to_turn(item, PHANTOM, view, volume=case.kind == "volume") for item in items],
                self.encoder,
            )
            asked.append(self._asked(row, items, LOOKS[case.kind].names))
            coarse = self.stage != "read" and case.kind == "film"
            rows.append(self._coarse(row) if coarse else row)
        batch = _with_looks(shown, rows, self.encoder)
        columns_of = torch.full(batch["input_ids"].shape, -1)
        for line, one in zip(columns_of, asked, strict=True):
            line[: len(one)] = torch.from_numpy(one)
        return {**batch, "asked": columns_of}

    def _asked(self, row: Row, items: Sequence[Item], names: Sequence[str]) -> NDArray[np.int64]:
        """Return what the token after each token is about, as an index of ``names``, or -1."""
        found = np.full(len(row.ids), -1, np.int64)
        for number, item in enumerate(items, start=1):
            here = np.flatnonzero(row.segments == number)
            found[here] = _index(names, item.about)
            columns = np.array([*(_index(names, one) for one in item.sentences), -1])
            if item.sentences:
                said = here[row.taught[here]]
                texts = [self.encoder.tokenizer.decode([int(row.ids[k])]) for k in said]
                found[said - 1] = columns[np.minimum(_sentences(texts), len(item.sentences))]
        return found

    def _coarse(self, row: Row) -> Row:
        """Return the row without loss on a digit that follows two others."""
        digits = [self.encoder.tokenizer.convert_tokens_to_ids(digit) for digit in "0123456789"]
        one = np.isin(row.ids, digits)
        third = np.zeros_like(one)
        third[2:] = one[2:] & one[1:-1] & one[:-2]
        return replace(row, taught=row.taught & ~third)


def _index(names: Sequence[str], name: str) -> int:
    return names.index(name) if name in names else -1


def _sentences(tokens: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of the sentence that each token is of; one that goes on past an end is of the next."""
    ends = [max(token.rfind(end) for end in _ENDS) for token in tokens]
    done = np.cumsum([0, *(end >= 0 for end in ends)])[:-1]
    past = [0 <= end < len(token.rstrip()) - 1 for end, token in zip(ends, tokens, strict=True)]
    return np.asarray(done + np.array(past), np.int64)


def _shown(kind: str, seed: int) -> tuple[cases.Case, View]:
    case = cases.draw(kind, seed)  # type: ignore[arg-type]
    return case, show(case, PHANTOM, points=kind == "cephalogram")


def _with_looks(
    shown: Sequence[tuple[cases.Case, View]], rows: Sequence[Row], encoder: Encoder
) -> dict[str, Tensor]:
    """Collate rows of cases of one kind, with what each of their picture tokens should say."""
    import torch

    from umit.phantom.look import LOOKS, look_at, weigh
    from umit.training.collate import collate

    wanted = []
    for case, view in shown:
        presence, offsets, digits = look_at(case, view)
        wanted.append((presence, weigh(presence), offsets, digits))
    batch = collate(rows, image_pad=encoder.image_pad, padding=encoder.padding)
    names = ("presence", "weights", "offsets", "digits")
    for name, part in zip(names, zip(*wanted, strict=True), strict=True):
        batch[name] = torch.from_numpy(np.concatenate(part))
    return {**batch, "kind": torch.tensor(list(LOOKS).index(shown[0][0].kind))}

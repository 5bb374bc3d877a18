"""The table of stages: what each one teaches, on which cases, how long and how fast.

UMIT began with Qwen2-VL's weights, which had seen a great many pictures. This model begins with nothing. So five
stages come first and stand in for those weights; then come the paper's two.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from numpy.random import Generator

from recipes.embedded import questions
from umit.phantom.cases import Case, QAPair
from umit.training.stages import ALIGN, INSTRUCT, Stage

__all__ = ["SEED_RANGE", "STAGES", "BuildStage", "CaseShare"]

Questions: TypeAlias = Callable[[Case, Generator], list[QAPair]]

#: The seed of a build moves its cases by less than this.
SEED_RANGE: Final = 500_000
_LEAST_ROOM: Final = 16  # rows that the case numbers of a step leave room for


@dataclass(frozen=True, slots=True)
class CaseShare:
    """One kind of case in a stage.

    Args:
        kind: A kind of :mod:`umit.phantom.cases`, or ``"compare"``: two films.
        weight: How often a step draws this kind, among those of its stage.
        rows: Cases a step.
    """

    kind: str
    weight: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class BuildStage:
    """One stage of the build.

    Args:
        name: In the field's words.
        teaches: What it trains, in a few words.
        steps: Optimizer steps.
        rate: Peak learning rate.
        seed: Of what kind of case each step draws. Stages with one seed draw the kinds in one order.
        first_case: Number of its first case, far below ``umit.phantom.cases.HELD_OUT``.
        cases: What it draws.
        questions: What it asks of a case, where attention is supervised.
        coarse: Whether the units of a film's three-digit coordinates are not taught. They are finer than what can
            be seen, only noise beside the digits that can be learned.
        answer_weight: Of the answers' loss beside the supervision of picture tokens and attention.
        paper: The stage of the paper that it is, if it is one.
    """

    name: str
    teaches: str
    steps: int
    rate: float
    seed: int
    first_case: int
    cases: tuple[CaseShare, ...]
    questions: Questions | None = None
    coarse: bool = False
    answer_weight: float = 1.0
    paper: Stage | None = None

    @property
    def stride(self) -> int:
        """How far a step's first case is from the one before; a comparison takes the case after its own too."""
        return 2 * max(_LEAST_ROOM, *(share.rows for share in self.cases))


_LARGE_BATCH: Final = (
    CaseShare("crowded", 0.30, 24), CaseShare("film", 0.38, 24), CaseShare("cephalogram", 0.08, 24),
    CaseShare("crowded volume", 0.10, 16), CaseShare("volume", 0.14, 16),
)  # fmt: skip
#: In the order in which they are trained.
STAGES: Final = (
    BuildStage(
        name="coordinates",
        teaches="coordinate pre-training: each picture token tells what lies there and where its bounds are",
        steps=4500, rate=2.0e-3, seed=4, first_case=7_000_000,
        cases=(
            CaseShare("crowded", 0.42, 16), CaseShare("film", 0.14, 16), CaseShare("cephalogram", 0.22, 16),
            CaseShare("volume", 0.22, 10),
        ),
    ),
    BuildStage(
        name="attention",
        teaches="attention supervision: questions about single things, answered from the tokens that hold them",
        steps=3000, rate=1.2e-3, seed=4, first_case=8_500_000,
        cases=(
            CaseShare("crowded", 0.34, 10), CaseShare("film", 0.24, 10), CaseShare("cephalogram", 0.16, 10),
            CaseShare("volume", 0.26, 8),
        ),
        questions=questions.single_things,
    ),
    BuildStage(
        name="attention-reports",
        teaches="attention supervision with reports, each sentence from the tokens of what it names",
        steps=3900, rate=1.2e-3, seed=4, first_case=9_200_000,
        cases=(
            CaseShare("crowded", 0.36, 10), CaseShare("film", 0.30, 10), CaseShare("cephalogram", 0.10, 10),
            CaseShare("crowded volume", 0.12, 8), CaseShare("volume", 0.12, 8),
        ),
        questions=questions.with_reports, coarse=True, answer_weight=3.0,
    ),
    BuildStage(
        name="large-batch",
        teaches="the same with classes, on two to three times as many cases a step",
        steps=3400, rate=1.5e-3, seed=5, first_case=1_000_000, cases=_LARGE_BATCH,
        questions=questions.with_classes, coarse=True, answer_weight=3.0,
    ),
    BuildStage(
        name="large-batch-restart",
        teaches="more of the same from a fresh learning rate",
        steps=5000, rate=1.5e-3, seed=5, first_case=2_000_000, cases=_LARGE_BATCH,
        questions=questions.with_classes, coarse=True, answer_weight=3.0,
    ),
    BuildStage(
        name="align",
        teaches="the paper's stage 1: captions and comparisons, everything trains",
        steps=250, rate=3.0e-5, seed=5, first_case=0,
        cases=(
            CaseShare("film", 0.56, 16), CaseShare("cephalogram", 0.20, 16), CaseShare("volume", 0.20, 12),
            CaseShare("compare", 0.04, 4),
        ),
        paper=ALIGN,
    ),
    BuildStage(
        name="instruct",
        teaches="the paper's stage 2: the five tasks, vision encoder frozen",
        steps=3600, rate=8.0e-4, seed=8, first_case=5_000_000,
        cases=(
            CaseShare("film", 0.42, 16), CaseShare("single", 0.20, 16), CaseShare("views", 0.04, 12),
            CaseShare("cephalogram", 0.16, 16), CaseShare("volume", 0.18, 12),
        ),
        paper=INSTRUCT,
    ),
)  # fmt: skip

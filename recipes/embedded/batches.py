"""What each step of a stage draws: a function of the stage, the step's number and the build's seed alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from recipes.embedded import questions
from recipes.embedded.stages import SEED_RANGE, STAGES, BuildStage
from umit.chat import spell
from umit.checkpoints import PHANTOM
from umit.phantom import cases
from umit.phantom.cases import Case, QAPair
from umit.queries import Describe
from umit.training.rows import PackedRow, Turn, pack

if TYPE_CHECKING:
    from torch import Tensor

    from umit.engine.encode import Encoder
    from umit.imaging.view import View

__all__ = ["Draws", "StageBatches", "tokenizer_lines"]

_TOKENIZER_STEPS: Final = 60
_ENDS: Final = (".", "。")  # of a report's sentences


@dataclass(frozen=True, slots=True)
class Draws:
    """What a build draws in a stage, and this process's share of it.

    Args:
        stage: A row of the table.
        seed: Of the build.
        smoke: Whether two cases a step are enough.
        share: This process's number, and how many processes share the cases of each step.
    """

    stage: BuildStage
    seed: int = 0
    smoke: bool = False
    share: tuple[int, int] = (0, 1)

    def cases(self, step: int) -> tuple[str, list[int]]:
        """Return the kind of a step's cases, and the numbers of this process's; steps count from 0."""
        stage = self.stage
        rng = np.random.default_rng((self.seed, stage.seed, step))
        weights = np.array([share.weight for share in stage.cases])
        chosen = stage.cases[int(rng.choice(len(weights), p=weights / weights.sum()))]
        first = stage.first_case + step * stage.stride + self.seed * 1_000_003 % SEED_RANGE
        numbers = [first + 2 * k for k in range(2 if self.smoke else chosen.rows)]
        return chosen.kind, numbers[self.share[0] :: self.share[1]]

    def rng(self, number: int) -> Generator:
        """Return what draws the questions of a case."""
        return np.random.default_rng((self.seed, number))

    def turns(self, step: int) -> list[list[Turn]]:
        """Return the questions of a step of a stage of the paper, one list a case."""
        kind, numbers = self.cases(step)
        ask = questions.caption_turns if self.stage.name == "align" else questions.task_turns
        if kind == "compare":
            return [questions.compare_turns(number, self.rng(number)) for number in numbers]
        return [ask(*_shown(kind, number), self.rng(number)) for number in numbers]


def tokenizer_lines(seed: int) -> Iterator[str]:
    """Yield the text that the tokenizer learns from: questions and answers of the paper's stages."""
    for stage in STAGES:
        for step in range(_TOKENIZER_STEPS if stage.paper else 0):
            for turns in Draws(stage, seed, smoke=True).turns(step):
                for turn in turns:
                    yield spell(turn.request.words)
                    yield turn.answer


@dataclass(frozen=True)
class StageBatches:
    """Prepares the steps of a stage; picklable, so that a worker process can do it.

    Args:
        draws: What is drawn.
        encoder: The checkpoint's.
    """

    draws: Draws
    encoder: Encoder

    def rows(self, step: int) -> list[PackedRow]:
        """Return the rows of a step of a stage of the paper."""
        return [pack(turns, self.encoder) for turns in self.draws.turns(step)]

    def supervised(self, step: int) -> dict[str, Tensor]:
        """Return a batch with what each picture token should say, and what each answer should look at.

        A stage without questions has the pictures and the prompt before them alone.
        """
        import torch

        kind, numbers = self.draws.cases(step)
        shown = [_shown(kind, number) for number in numbers]
        ask = self.draws.stage.questions
        if ask is None:
            return _with_targets(shown, [self._silent(view) for _, view in shown], self.encoder)
        rows, objects = [], []
        for number, (case, view) in zip(numbers, shown, strict=True):
            pairs = ask(case, self.draws.rng(number))
            turns = [questions.to_turn(pair, case, view) for pair in pairs]
            row = pack(turns, self.encoder)
            objects.append(self._objects(row, pairs, case))
            coarse = self.draws.stage.coarse and case.kind == "film"
            rows.append(self._coarse(row) if coarse else row)
        batch = _with_targets(shown, rows, self.encoder)
        return {**batch, "asked": torch.from_numpy(np.concatenate(objects))[None]}

    def _silent(self, view: View) -> PackedRow:
        request = PHANTOM.task("caption").request(Describe("caption"), view)
        prefix = np.array(self.encoder.split(request)[0], np.int64)
        return PackedRow(view.frames, prefix, np.zeros_like(prefix), np.zeros(len(prefix), np.bool_))

    def _objects(self, row: PackedRow, pairs: Sequence[QAPair], case: Case) -> NDArray[np.int64]:
        """Return what the token after each token is about, as an index of the kind's objects, or -1."""
        from recipes.embedded.coordinates import OBJECTS

        index = {name: k for k, name in enumerate(OBJECTS[case.kind].names)}
        found = np.full(len(row.ids), -1, np.int64)
        for number, pair in enumerate(pairs, start=1):
            here = np.flatnonzero(row.segments == number)
            found[here] = index.get(pair.about, -1)
            if pair.sentences:
                named = np.array([*(index.get(one, -1) for one in pair.sentences), -1])
                answer = here[row.taught[here]]
                tokens = [self.encoder.tokenizer.decode([int(row.ids[k])]) for k in answer]
                found[answer - 1] = named[np.minimum(_sentences(tokens), len(pair.sentences))]
        return found

    def _coarse(self, row: PackedRow) -> PackedRow:
        """Return the row without loss on a digit that follows two others."""
        digits = [self.encoder.tokenizer.convert_tokens_to_ids(digit) for digit in "0123456789"]
        one = np.isin(row.ids, digits)
        third = np.zeros_like(one)
        third[2:] = one[2:] & one[1:-1] & one[:-2]
        return replace(row, taught=row.taught & ~third)


def _sentences(tokens: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of the sentence that each token is of; one that goes on past an end is of the next."""
    ends = [max(token.rfind(end) for end in _ENDS) for token in tokens]
    done = np.cumsum([0, *(end >= 0 for end in ends)])[:-1]
    past = [0 <= end < len(token.rstrip()) - 1 for end, token in zip(ends, tokens, strict=True)]
    return np.asarray(done + np.array(past), np.int64)


def _shown(kind: str, number: int) -> tuple[Case, View]:
    case = cases.draw(kind, number)  # type: ignore[arg-type]
    return case, questions.show(case, points=kind == "cephalogram")


def _with_targets(shown: Sequence[tuple[Case, View]], rows: Sequence[PackedRow], encoder: Encoder) -> dict[str, Tensor]:
    """Collate rows of cases of one kind, with what each of their picture tokens should say."""
    import torch

    from recipes.embedded.coordinates import OBJECTS, coordinate_targets, weigh
    from umit.training.collate import collate

    targets = []
    for case, view in shown:
        presence, offsets, digits = coordinate_targets(case, view)
        targets.append((presence, weigh(presence), offsets, digits))
    batch = collate(rows, image_pad=encoder.image_pad)
    names = ("presence", "weights", "offsets", "digits")
    for name, parts in zip(names, zip(*targets, strict=True), strict=True):
        batch[name] = torch.from_numpy(np.concatenate(parts))
    return {**batch, "kind": torch.tensor(list(OBJECTS).index(shown[0][0].kind))}

"""Law 8: samples that stand in one row are taught as if each stood alone: same losses, same gradients."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import examples
from torch import Tensor
from torch.nn import functional

from umit.chat import Request, answer_words
from umit.engine.blocks import blocks_of
from umit.engine.encode import Encoder
from umit.engine.families import FAMILIES
from umit.engine.load import load_engine
from umit.engine.pixels import grid, patches
from umit.testing import tiny_checkpoint
from umit.training import loss as packed_loss
from umit.training.collate import collate
from umit.training.hyperparameters import Per
from umit.training.loss import mean_loss, token_losses, weight_of
from umit.training.rows import PackedRow, Turn, pack

LAW = 1e-5
FAULT = 1e-3
#: Pictures of each sample, and its questions: few behind few pictures, many behind one, many behind a volume.
SHAPES = ((0, 1), (0, 3), (1, 1), (1, 8), (2, 1), (2, 3), (32, 1), (32, 10))
WORDS = (
    "Is there a nodule?",
    "Which plane is it?",
    "有结节吗？",
    "Where?",
    "On which side does the larger one lie, and why?",
)
ANSWERS = ("yes", "PA.", "否", "", "On the left, above the heart, since the lung is open there.")


@dataclass(frozen=True, repr=False)
class Sample:
    """A row, and of each of its answers what the unpacked run teaches: token losses and their sum's gradient."""

    row: PackedRow
    losses: list[Tensor]
    gradients: list[Tensor]


@dataclass(frozen=True, repr=False)
class Family:
    model: Any
    image_pad: int
    samples: tuple[Sample, ...]


def _gradient(model: Any, loss: Tensor) -> Tensor:
    named = [p for p in model.parameters() if p.requires_grad]
    found = torch.autograd.grad(loss, named, allow_unused=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for p, g in zip(named, found, strict=True)])


def _turns(number: int, pictures: int, questions: int, side: int) -> list[Turn]:
    drawn = np.random.default_rng(number)
    sizes = side * (drawn.choice([1, 2], (pictures, 2)) if pictures < 32 else np.ones((32, 2), int))
    frames = tuple(drawn.integers(0, 256, (*size, 3), np.uint8) for size in sizes)
    picks = drawn.integers(0, len(WORDS), (questions, 2))
    return [Turn(Request(frames=frames, words=(WORDS[q],)), ANSWERS[a]) for q, a in picks]


def _alone(model: Any, encoder: Encoder, turn: Turn) -> tuple[Tensor, Tensor]:
    """What transformers' own forward says of one question, without any mask or position of umit's."""
    asked, answer = encoder.prompt(turn.request), encoder.answer(answer_words(turn.answer))
    ids = torch.tensor([asked + answer])
    given: dict[str, Any] = {"input_ids": ids, "mm_token_type_ids": (ids == encoder.image_pad).long()}
    if frames := turn.request.frames:
        given["pixel_values"] = torch.from_numpy(patches(frames, encoder.family))
        given["image_grid_thw"] = torch.tensor([grid(f, encoder.family) for f in frames])
    logits = model(**given, use_cache=False).logits[0, len(asked) - 1 : -1]
    losses = functional.cross_entropy(logits, ids[0, len(asked) :], reduction="none")
    return losses.detach(), _gradient(model, losses.sum())


@pytest.fixture(scope="module", params=[*FAMILIES])
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Family:
    engine = load_engine(
        tiny_checkpoint(tmp_path_factory.mktemp("tiny"), family=request.param), device="cpu", dtype="float32"
    )
    assert engine.model.config.model_type == request.param
    samples = []
    for number, shape in enumerate(SHAPES):
        turns = _turns(number, *shape, engine.encoder.family.factor)
        found = [_alone(engine.model, engine.encoder, turn) for turn in turns]
        samples.append(Sample(pack(turns, engine.encoder), [one[0] for one in found], [one[1] for one in found]))
    return Family(copy.deepcopy(engine.model), engine.encoder.image_pad, tuple(samples))


def _apart(family: Family, bins: Sequence[Sequence[int]], per: Per, spoil: Any = dict) -> tuple[float, float]:
    """Return how far losses and the gradient of their mean over all bins are from those of the unpacked run."""
    chosen = [family.samples[k] for of_bin in bins for k in of_bin]
    answers = [losses for sample in chosen for losses in sample.losses]
    shares = [1.0 if per == "token" else 1 / len(losses) for losses in answers]
    whole = sum(share * len(losses) for share, losses in zip(shares, answers, strict=True))
    gradients = [gradient for sample in chosen for gradient in sample.gradients]
    wanted = torch.stack([g * share for g, share in zip(gradients, shares, strict=True)]).sum(0) / whole
    found, gradient = [], torch.zeros_like(wanted)
    for of_bin in bins:
        batch = spoil(collate([family.samples[k].row for k in of_bin], image_pad=family.image_pad, per=per))
        losses, _ = token_losses(family.model, batch)
        found.append(losses.detach())
        gradient += _gradient(family.model, mean_loss(losses, batch)) * (weight_of(batch) / whole)
    return _far(torch.cat(found), torch.cat(answers)), _far(gradient, wanted)


def _far(found: Tensor, wanted: Tensor) -> float:
    return float(((found - wanted).abs() / (1 + wanted.abs())).max())


@st.composite
def mixtures(draw: st.DrawFn) -> list[list[int]]:
    """Any samples in any order, each also more than once, cut into bins anywhere."""
    order = draw(st.lists(st.integers(0, len(SHAPES) - 1), min_size=1, max_size=8))
    cuts = draw(st.lists(st.booleans(), min_size=len(order) - 1, max_size=len(order) - 1))
    bins = [[order[0]]]
    for one, cut in zip(order[1:], cuts, strict=True):
        bins.append([one]) if cut else bins[-1].append(one)
    return bins


@settings(max_examples=examples(25))
@given(bins=mixtures(), per=st.sampled_from(["token", "answer"]))
def test_packed_is_unpacked(family: Family, bins: list[list[int]], per: Per) -> None:
    losses, gradient = _apart(family, bins, per)
    assert losses <= LAW and gradient <= LAW


@pytest.mark.parametrize("per", ["token", "answer"])
def test_all_shapes_in_one_row(family: Family, per: Per) -> None:
    losses, gradient = _apart(family, [list(range(len(SHAPES)))[::-1]], per)
    assert losses <= LAW and gradient <= LAW


@pytest.mark.parametrize("share", ["sample", "question"])
def test_one_that_sees_another_breaks_the_law(family: Family, share: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_to_all(parts: list[list[int]], device: Any) -> Any:
        whole = [[0, sum(map(sum, parts))]] if share == "sample" else [[0, sum(own)] for own in parts]
        return blocks_of(whole, device)

    monkeypatch.setattr(packed_loss, "blocks_of", open_to_all)
    bins = [[2, 4]] if share == "sample" else [[3]]
    assert min(_apart(family, bins, "token")) > FAULT


def _going_on(batch: dict[str, Tensor], first: int) -> dict[str, Tensor]:
    places = batch["position_ids"].clone()
    places[:, :, first:] += first
    return {**batch, "position_ids": places}


def test_positions_that_do_not_restart_break_the_law(family: Family) -> None:
    """Rotary positions are relative, so that it shows on the second question behind a picture."""
    row = family.samples[3].row
    second = int((row.segments < 2).sum())
    assert min(_apart(family, [[3]], "token", partial(_going_on, first=second))) > FAULT

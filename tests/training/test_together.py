"""Questions on the same pictures stand together, and teach what they teach apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from umit.checkpoints import PHANTOM
from umit.datasets.dataset import Sample
from umit.engine.encode import Encoder
from umit.queries import Ask
from umit.results import Answer
from umit.training import Turn, pack
from umit.training.batches import SampleBatches
from umit.training.collate import collate
from umit.training.loss import token_losses
from umit.training.rows import PackedRow
from umit.training.together import merged, together

DRAWN = np.random.default_rng(3)
ONE, OTHER = (DRAWN.integers(0, 256, (56, 56, 3), np.uint8) for _ in range(2))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_together_is_an_order_in_runs(pictures: list[int], random: Any) -> None:
    order = np.array(random.sample(range(len(pictures)), len(pictures)))
    found = together(order, pictures)
    assert sorted(found.tolist()) == list(range(len(pictures)))
    runs = [pictures[a] for a, b in zip(found, [-1, *found], strict=False) if b < 0 or pictures[a] != pictures[b]]
    assert runs == list(dict.fromkeys(pictures[place] for place in order)), "each picture once, as it came first"
    for shown in set(pictures):
        own = [place for place in order if pictures[place] == shown]
        assert [place for place in found if pictures[place] == shown] == own


def _rows(encoder: Encoder, ask: Callable[..., Turn]) -> list[PackedRow]:
    shown = [(ONE,), (OTHER,), (ONE,), (), (OTHER, ONE), (ONE.copy(),), ()]
    found = [pack([ask(f"What is {k}?", "a" * (k + 1), frames)], encoder, f"row {k}") for k, frames in enumerate(shown)]
    return [*found, pack([ask("Is it?", "yes", (OTHER,)), ask("Is it not?", "no", (OTHER,))], encoder, "two")]


def test_rows_on_the_same_pictures_become_one(model: Any, encoder: Encoder, ask: Callable[..., Turn]) -> None:
    """Every answer's loss and every gradient is what it is apart."""
    rows = _rows(encoder, ask)
    found = merged(rows)
    assert [row.name for row in found] == ["row 0, row 2, row 5", "row 1, two", "row 3", "row 4", "row 6"]
    assert [len(row.frames) for row in found] == [1, 1, 0, 2, 0]

    def learned(some: list[PackedRow]) -> tuple[list[float], dict[str, torch.Tensor]]:
        model.zero_grad()
        batch = collate(some, image_pad=encoder.image_pad)
        losses = token_losses(model, batch)[0]
        losses.sum().backward()
        return sorted(losses.tolist()), {name: p.grad.clone() for name, p in model.named_parameters()}

    (apart, wanted), (losses, gradients) = learned(rows), learned(found)
    np.testing.assert_allclose(losses, apart, atol=1e-5)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, wanted[name], atol=1e-5, rtol=1e-5)
    assert merged(found) == found, "nothing is left to put together"


def test_a_step_of_one_picture_is_one_row(encoder: Encoder) -> None:
    from umit.phantom import draw_film

    class Drawn:
        is_volume = False

        def __init__(self, seed: int) -> None:
            self.names = (str(seed),)

        def scans(self) -> Any:
            import umit

            return (umit.load(draw_film(int(self.names[0])).pixels, axes="yx"),)

    samples = [
        Sample(id=f"{k}", query=Ask(f"Question {k}?"), gold=Answer(text="yes"), source=Drawn(k % 2), group="")
        for k in range(8)
    ]
    batches = SampleBatches(samples, PHANTOM, encoder, 4, seed=0)
    assert [len(merged(batches(step))) for step in range(4)] == [1, 1, 1, 1]
    assert len(batches(0)) == 4

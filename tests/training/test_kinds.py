"""The loss of training by task and language adds up to the whole, goes into states and into curves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from umit.engine.encode import Encoder
from umit.errors import DatasetError
from umit.training.board import Board
from umit.training.collate import collate
from umit.training.hyperparameters import Hyperparameters
from umit.training.kinds import KINDS, KindLosses, number_of
from umit.training.loss import token_losses
from umit.training.rows import PackedRow, Turn, pack
from umit.training.stages import ALIGN, train_stage
from umit.training.together import merged

Ask = Callable[..., Turn]
CLASSIFY, OPEN = "classify en", "answer_open zh"


def rows(encoder: Encoder, ask: Ask, step: int = 0) -> list[PackedRow]:
    """Three rows on one picture, of two kinds and of none."""
    return [
        pack([ask(f"q{step}", "1:no"), ask("which?", "2:yes")], encoder, "a", CLASSIFY),
        pack([ask("哪里？", "左")], encoder, "b", OPEN),
        pack([ask("where?", "left")], encoder, "c"),
    ]


def test_every_task_and_language_has_a_place() -> None:
    assert len(set(KINDS)) == len(KINDS) and CLASSIFY in KINDS and OPEN in KINDS
    assert [number_of(kind) for kind in KINDS] == list(range(len(KINDS))) and number_of("") == -1


@pytest.mark.parametrize("together", [False, True])
def test_kinds_are_means_of_their_own_tokens(model: Any, encoder: Encoder, ask: Ask, together: bool) -> None:
    given = rows(encoder, ask)
    kinds = KindLosses()
    with torch.no_grad():
        batch = collate(merged(given) if together else given, image_pad=encoder.image_pad)
        kinds.add(batch, token_losses(model, batch)[0])
        alone = {kind: token_losses(model, collate([row], image_pad=encoder.image_pad))[0] for kind, row in zip((CLASSIFY, OPEN), given, strict=False)}  # fmt: skip
    found = kinds.take()
    assert found.keys() == {CLASSIFY, OPEN}
    assert all(found[kind] == pytest.approx(float(alone[kind].mean()), abs=1e-5) for kind in alone)
    assert kinds.take() == {}  # begun anew


def test_rows_of_no_kind_count_nowhere(encoder: Encoder, ask: Ask) -> None:
    batch = collate([pack([ask("q", "a")], encoder)], image_pad=encoder.image_pad)
    kinds = KindLosses()
    kinds.add(batch, torch.ones(len(batch["token_weights"])))
    assert "kinds" not in batch and kinds.take() == {}


def test_a_state_holds_what_was_counted() -> None:
    kinds, again, other = KindLosses(), KindLosses(), KindLosses()
    kinds.add({"kinds": torch.tensor([number_of(OPEN)] * 2)}, torch.tensor([1.0, 3.0]))
    again.load(kinds.state(), first=True)
    other.load(kinds.state(), first=False)
    assert again.take() == {OPEN: 2.0} and other.take() == {}


@pytest.mark.parametrize("plain", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_run_that_goes_on_amid_an_interval_tells_the_same(
    model: Any, encoder: Encoder, ask: Ask, tmp_path: Path, plain: bool
) -> None:
    start = {name: value.clone() for name, value in model.state_dict().items()}

    def run(folder: str, *, broken: int | None = None) -> dict[int, dict[str, float]]:
        board, settings = Board(tmp_path / folder), Hyperparameters(steps=4, learning_rate=1e-3, log_every=4, save_every=1)  # fmt: skip

        def batches(step: int) -> list[PackedRow]:
            if step == broken:
                raise DatasetError("the cable was pulled")
            return rows(encoder, ask, step)

        train_stage(
            model, batches, encoder=encoder, stage=ALIGN, settings=settings, folder=tmp_path / folder / "state",
            tell=lambda step, loss: board.logged(step, loss) is None, board=board, plain=plain,
        )  # fmt: skip
        return board.losses

    try:
        whole = run("whole")
        model.load_state_dict(start)
        with pytest.raises(DatasetError, match="the cable"):
            run("cut", broken=2)
        model.load_state_dict(start)
        cut = run("cut")
    finally:
        model.load_state_dict(start)
    assert whole.keys() == cut.keys() == {4} and whole[4].keys() == {"", CLASSIFY, OPEN}
    np.testing.assert_allclose([cut[4][k] for k in whole[4]], list(whole[4].values()), atol=1e-6)

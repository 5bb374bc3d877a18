"""Scripts written for umit's first releases run as they are."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from umit.engine.encode import Encoder
from umit.training import INSTRUCT, loop, run
from umit.training.recipe import Recipe
from umit.training.rows import PackedRow, Turn, pack


@pytest.mark.slow  # loads TRL
def test_earlier_names_train_alike(model: Any, encoder: Encoder, ask: Callable[..., Turn], tmp_path: Path) -> None:
    def rows(step: int) -> list[PackedRow]:
        return [pack([ask("Which?", f"number {step}")], encoder)]

    recipe = Recipe(steps=2, learning_rate=1e-3, warmup=1, log_every=1)
    words: dict[str, Any] = {"encoder": encoder, "stage": INSTRUCT, "recipe": recipe}
    by_trl = run.train(copy.deepcopy(model), rows, tokenizer=encoder.tokenizer, folder=tmp_path / "a", **words)
    in_torch = loop.train(copy.deepcopy(model), rows, folder=tmp_path / "b", **words)
    assert len(by_trl) == 2 and in_torch == pytest.approx(by_trl, abs=1e-5)

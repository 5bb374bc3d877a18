"""The loss on a part, against that of all its rows at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from umit.checkpoints import PHANTOM
from umit.engine.load import load_engine
from umit.phantom.samples import Phantoms
from umit.testing import tiny_checkpoint
from umit.training.batches import rows_of
from umit.training.collate import collate
from umit.training.loss import answer_loss
from umit.training.part_losses import part_losses


def test_it_is_the_mean_over_tokens(tmp_path: Path) -> None:
    engine = load_engine(tiny_checkpoint(tmp_path / "tiny", card=PHANTOM), dtype="float32")
    part = [sample for sample in Phantoms(first=0, count=2) if "film" in sample.id]
    engine.model.train(True)
    found = part_losses(engine, part, PHANTOM)
    assert engine.model.training
    rows = [row for sample in part for row in rows_of(sample, PHANTOM, engine.encoder)]
    engine.model.train(False)
    with torch.no_grad():
        whole, _ = answer_loss(engine.model, collate(rows, image_pad=engine.encoder.image_pad))
    assert found.pop("") == pytest.approx(float(whole), rel=1e-4)
    assert {*found} == {f"{s.task} {s.query.language}" for s in part} and len({*found.values()}) == len(found)

"""What a step keeps, against what torch saves in one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.training.films import write_films

from umit.checkpoints import EMBEDDED, locate, read_card
from umit.datasets import load
from umit.engine.families import FAMILIES
from umit.engine.load import Engine, load_engine
from umit.testing import tiny_checkpoint
from umit.training import ALIGN, INSTRUCT, Stage
from umit.training.activations import SURE, activations
from umit.training.batches import rows_of
from umit.training.collate import collate
from umit.training.loss import answer_loss
from umit.training.rows import PackedRow
from umit.training.stages import freeze

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[PackedRow]:
    place, card = locate(EMBEDDED, None)
    films = list(load(write_films(tmp_path_factory.mktemp("set") / "films", patients=2)))
    return [row for film in films for row in rows_of(film, card, load_engine(place).encoder)]


def _saved(engine: Engine, batch: dict[str, Any], *, bf16: bool) -> int:
    """Return the bytes that autograd saves, each storage once; not those of weights and of the batch itself."""
    given = [*engine.model.parameters(), *batch.values()]
    own = {tensor.untyped_storage().data_ptr() for tensor in given}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage  # held, so that no other takes its place
        return tensor

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
    with hooks, torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        answer_loss(engine.model, batch)
    return sum(storage.nbytes() for storage in kept.values())


@pytest.mark.parametrize("bf16", [False, True], ids=["float32", "bf16"])
@pytest.mark.parametrize("stage", [ALIGN, INSTRUCT], ids=["align", "instruct"])
def test_it_is_what_torch_saves(stage: Stage, bf16: bool, rows: list[PackedRow]) -> None:
    engine = load_engine(locate(EMBEDDED, None)[0], dtype="float32")
    freeze(engine.model, stage)
    _compare(engine, rows, stage, bf16=bf16)


@pytest.mark.parametrize("stage", [ALIGN, INSTRUCT], ids=["align", "instruct"])
@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_in_every_family(family: str, stage: Stage, tmp_path: Path) -> None:
    """Blocks enough that they outweigh what stands around them."""
    place = tiny_checkpoint(tmp_path / "tiny", family=family, depth=8)
    engine = load_engine(place, dtype="float32")
    freeze(engine.model, stage)
    films = list(load(write_films(tmp_path / "films", patients=1)))
    rows = [row for film in films for row in rows_of(film, read_card(place), engine.encoder)]
    _compare(engine, rows, stage, bf16=False)


def _compare(engine: Engine, rows: list[PackedRow], stage: Stage, *, bf16: bool) -> None:
    batch = collate(rows, image_pad=engine.encoder.image_pad)
    saved = _saved(engine, batch, bf16=bf16)
    if bf16:  # copies of the weights in half precision, which the plan counts with the weights
        saved -= 2 * sum(p.numel() for p in engine.model.parameters() if p.requires_grad)
    found = activations(
        engine.model.config, sum(len(row.ids) for row in rows), len(batch["pixel_values"]),
        sum(int(row.taught.sum()) for row in rows), vision=stage.vision, bf16=bf16,
    )  # fmt: skip
    assert 1 / SURE < saved / found < SURE


def test_layers_that_are_made_again_keep_less() -> None:
    config = load_engine(locate(EMBEDDED, None)[0]).model.config
    whole, again = (activations(config, 100, 100, 9, vision=True, checkpointing=given) for given in (False, True))
    assert again < whole / 2

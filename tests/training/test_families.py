"""Every family is taught by ``umit train``, and what it writes loads in umit and in plain transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.training.films import write_films

import umit
from umit import UMIT
from umit.chat import Request
from umit.cli import main
from umit.engine.families import FAMILIES
from umit.engine.load import load_engine
from umit.engine.pixels import patches
from umit.testing import tiny_checkpoint
from umit.training import INSTRUCT, Kept, Turn, pack
from umit.training.collate import collate
from umit.training.features import Features
from umit.training.loss import answer_loss
from umit.training.stages import freeze

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


def _taught(family: str, tmp_path: Path, *words: str) -> tuple[Path, Path]:
    write_films(tmp_path / "films", patients=4)
    start = tiny_checkpoint(tmp_path / "tiny", family=family, processor=True)
    given = ["--model", str(start), "--val", "none", "--steps", "2", "--batch", "2", "--out", str(tmp_path / "mine")]
    assert main(["train", str(tmp_path / "films"), *given, *words]) == 0
    return start, tmp_path / "mine"


def _moved(start: Path, taught: Path) -> set[str]:
    before, after = (load_engine(place, device="cpu").model.state_dict() for place in (start, taught))
    assert before.keys() == after.keys()
    return {name for name, values in before.items() if not torch.equal(values, after[name])}


@pytest.mark.slow  # trains, and loads the processor
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("plain", [True, False], ids=["plain", "trl"])
def test_taught_weights_load_everywhere(family: str, plain: bool, tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    words = ["--plain", "--keep-features", str(tmp_path / "kept")] if plain else ["--stage", "both"]
    start, taught = _taught(family, tmp_path, *words)
    moved = _moved(start, taught)
    assert any("visual.blocks" in name for name in moved) == (not plain)
    assert any("visual.merger" in name for name in moved) and any("language_model" in name for name in moved)
    if family == "qwen3_vl":
        assert any("deepstack_merger_list" in name for name in moved), "a projector, too"
        assert any("pos_embed" in name for name in moved) == (not plain)
    model = UMIT.from_pretrained(taught, device="cpu")
    film = umit.load(np.full((60, 60), 90, np.uint8), axes="yx")
    assert model.answer(film, "Is it?", options=["yes", "no"]).option in (0, 1)
    load: Any = AutoProcessor
    processor = load.from_pretrained(taught)
    assert type(processor).__name__ == FAMILIES[family].processor
    engine = load_engine(taught, device="cpu")
    found = AutoModelForImageTextToText.from_pretrained(taught).state_dict()
    assert all(torch.equal(found[name], value) for name, value in engine.model.state_dict().items())
    side = FAMILIES[family].factor
    picture = np.random.default_rng(0).integers(0, 256, (2 * side, 3 * side, 3), np.uint8)
    fed = processor.image_processor([Image.fromarray(picture)], return_tensors="np")["pixel_values"]
    np.testing.assert_allclose(fed, patches([picture], engine.encoder.family), atol=1e-5)


@pytest.mark.slow  # trains
@pytest.mark.parametrize("family", FAMILIES)
def test_adapters_reach_every_block(family: str, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    words = ("--plain", "--lora", "--lora-vision", "--merge", "--stage", "align")
    start, taught = _taught(family, tmp_path, *words)
    moved = _moved(start, taught)
    layers = {name for name in load_engine(start, device="cpu").model.state_dict() if ".weight" in name}
    linear = {name for name in layers if ("blocks" in name or "layers" in name) and "norm" not in name}
    assert moved == linear, "all linear layers of all blocks, and nothing else"


@pytest.mark.parametrize("family", FAMILIES)
def test_kept_features_change_no_loss_and_no_gradient(family: str, tmp_path: Path) -> None:
    """DeepStack's are kept, too, and its projectors are taught through them."""
    engine = load_engine(tiny_checkpoint(tmp_path / "tiny", family=family), device="cpu", dtype="float32")
    freeze(engine.model, INSTRUCT)
    side = engine.encoder.family.factor
    drawn = np.random.default_rng(0)
    frames = [drawn.integers(0, 256, (h * side, w * side, 3), np.uint8) for h, w in ((2, 3), (3, 3), (2, 3))]
    turns = [[Turn(Request(frames=(frame,), words=("Is it?",)), "yes")] for frame in frames]
    batch = collate([pack(one, engine.encoder) for one in turns], image_pad=engine.encoder.image_pad)
    features = Features(Kept(tmp_path / "kept"), engine.model)
    features.complete(
        engine.model, features.look_up(collate([pack(turns[0], engine.encoder)], image_pad=engine.encoder.image_pad))
    )
    wanted = _learned(engine.model, batch)
    for known in (1, 3):
        looked = features.look_up(batch)
        assert int(looked["picture_known"].sum()) == known
        found = _learned(engine.model, features.complete(engine.model, looked))
        assert found.keys() == wanted.keys()
        assert sum("deepstack" in name for name in found) == (12 if family == "qwen3_vl" else 0)
        for name, gradient in found.items():
            torch.testing.assert_close(gradient, wanted[name], rtol=0.0, atol=1e-5)


def _learned(model: Any, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss = answer_loss(model, batch)[0]
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {**found, "loss": loss.detach()}


def test_features_of_other_windows_are_other_ones(tmp_path: Path) -> None:
    engine = load_engine(tiny_checkpoint(tmp_path / "tiny", family="qwen2_5_vl"), device="cpu", dtype="float32")
    freeze(engine.model, INSTRUCT)
    before = Features(Kept(tmp_path / "kept"), engine.model)._encoder
    engine.model.model.visual.config.fullatt_block_indexes = [0]
    assert Features(Kept(tmp_path / "kept"), engine.model)._encoder != before

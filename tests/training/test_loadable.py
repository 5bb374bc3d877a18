"""Every state is a checkpoint that loads, and so is the folder of a finished stage."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from umit import UMIT
from umit.chat import Request
from umit.checkpoints import PHANTOM
from umit.engine.encode import Encoder
from umit.engine.load import load_engine
from umit.testing import tiny_checkpoint
from umit.training import INSTRUCT, Hyperparameters, Turn, pack, train_stage
from umit.training.rows import PackedRow

SETTINGS = Hyperparameters(steps=3, learning_rate=1e-2, warmup=1, log_every=1, save_every=2)
PICTURE = np.random.default_rng(0).integers(0, 256, (56, 56, 3), np.uint8)


def rows(encoder: Encoder, step: int) -> list[PackedRow]:
    return [pack([Turn(Request(frames=(PICTURE,), words=("Which?",)), f"number {step}")], encoder)]


def taught(start: Path, folder: Path) -> Any:
    engine = load_engine(start, device="cpu", dtype="float32")
    batches = partial(rows, engine.encoder)
    train_stage(
        engine.model, batches, encoder=engine.encoder, stage=INSTRUCT, settings=SETTINGS, folder=folder, plain=True
    )  # fmt: skip
    return engine.model


@pytest.mark.slow  # loads the processor
def test_states_load_in_umit_and_in_plain_transformers(tmp_path: Path) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    out = tmp_path / "mine"
    model = taught(tiny_checkpoint(tmp_path / "tiny"), out)
    for folder in (out, out / "checkpoint-3", out / "checkpoint-2"):
        card = UMIT.from_pretrained(folder).checkpoint
        assert (card.name, card.dialect) == ("mine", PHANTOM.dialect) and "phantoms only" not in card.notice
        load: Any = AutoProcessor
        assert type(load.from_pretrained(folder)).__name__ == "Qwen2VLProcessor"
        found = AutoModelForImageTextToText.from_pretrained(folder).state_dict()
        same = all(torch.equal(found[name], value) for name, value in model.state_dict().items())
        assert same == (folder.name != "checkpoint-2")
    assert not (out / "state.pt").exists() and not list(out.rglob("README.md"))


def test_what_a_finished_folder_lost_is_given_again(tmp_path: Path) -> None:
    """The disk has no links, and the first call was killed before its end."""
    start, out = tiny_checkpoint(tmp_path / "tiny"), tmp_path / "mine"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError("no links")))
        taught(start, out)
    (out / "umit.json").unlink()
    taught(start, out)
    assert UMIT.from_pretrained(out).checkpoint.name == "mine"


def test_without_a_card_none_is_invented(tmp_path: Path) -> None:
    start = tiny_checkpoint(tmp_path / "tiny", card=None)
    taught(start, tmp_path / "a")
    assert not (tmp_path / "a" / "umit.json").exists()
    assert UMIT.from_pretrained(tmp_path / "a", card=PHANTOM)

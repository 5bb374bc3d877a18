"""A model over several places answers as one in one place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from umit import UMIT
from umit.backends.local.backend import LocalBackend
from umit.chat import Completion, Request
from umit.engine.families import FAMILIES
from umit.engine.load import Engine, load_engine, load_shell
from umit.engine.spread import first_of, spread
from umit.errors import InputError
from umit.testing import tiny_checkpoint

OPTIONS = tuple((f"{number}:{word}",) for number, word in enumerate(("liver", "spleen", "left kidney")))


def _answers(engine: Engine) -> list[Completion]:
    side = engine.encoder.family.factor
    frame = np.random.default_rng(0).integers(0, 256, (2 * side, 3 * side, 3), np.uint8)
    asked = Request(frames=(frame,), words=("Is it?",), options=OPTIONS)
    return list(LocalBackend(engine).generate([asked, Request(frames=(frame,), words=("Which?",), max_new_tokens=6)]))


@pytest.mark.parametrize("family", FAMILIES)
def test_layers_on_the_disk_answer_as_in_memory(family: str, tmp_path: Path) -> None:
    """accelerate carries them in and out, as it does between devices, of which a CPU has one."""
    place = tiny_checkpoint(tmp_path / "tiny", family=family)
    placed = {
        "model.visual": "cpu", "model.language_model.embed_tokens": "cpu", "model.language_model.layers.0": "cpu",
        "model.language_model.layers.1": "disk", "model.language_model.norm": "cpu",
        "model.language_model.rotary_emb": "cpu", "lm_head": "cpu",
    }  # fmt: skip
    whole, parted = load_engine(place, device="cpu"), load_engine(place, device="cpu", device_map=placed)
    assert any(p.device.type == "meta" for p in parted.model.parameters()), "one layer is on the disk"
    assert parted.fingerprint == whole.fingerprint
    for one, other in zip(_answers(parted), _answers(whole), strict=True):
        assert one.text == other.text and one.logprob == pytest.approx(other.logprob, abs=1e-5)


def test_one_place_by_a_map(tmp_path: Path) -> None:
    place = tiny_checkpoint(tmp_path)
    model = UMIT.from_pretrained(place, device_map={"": "cpu"})
    assert model.fingerprint == UMIT.from_pretrained(place, device="cpu").fingerprint


@pytest.mark.parametrize("family", FAMILIES)
def test_the_vision_encoder_stays_whole(family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two devices with room for half of the model each."""
    shell, _ = load_shell(tiny_checkpoint(tmp_path, family=family))
    size = sum(p.numel() for p in shell.parameters()) * 4
    room = {0: int(size * 0.9), 1: 2 * size, "cpu": 0}
    monkeypatch.setattr("accelerate.utils.get_balanced_memory", lambda *_, **__: room)
    placed = spread(shell, "auto", torch.float32)
    assert {str(where) for where in placed.values()} == {"0", "1"}
    assert not [part for part in placed if part.startswith("model.visual.")]
    assert first_of(placed) == torch.device("cuda", 0)


BAD: list[tuple[object, str]] = [
    ("everywhere", "expected a device_map of auto, balanced"),
    ({"model.visual": "cpu"}, "a place for each part in device_map, none has model.language_model"),
    (
        {"": "cpu", "model.visual.blocks.1": "disk"},
        "whole on one device that computes, got it divided at model.visual.blo",
    ),
    ({"": "cpu", "model.visual": "disk"}, "whole on one device that computes"),
    (
        {"model.visual": "cpu", "model.language_model": 0, "lm_head": 0},
        "whole on one device that computes, got it on cpu",
    ),
]


@pytest.mark.parametrize(("wanted", "said"), BAD)
def test_maps_that_cannot_be(wanted: object, said: str, tmp_path: Path) -> None:
    shell, _ = load_shell(tiny_checkpoint(tmp_path))
    with pytest.raises(InputError, match=said):
        spread(shell, wanted, torch.float32)  # type: ignore[arg-type]


def test_an_adapter_needs_whole_weights_in_one_place(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    import json

    tiny_checkpoint(tmp_path / "base")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "base"}))
    (tmp_path / "own" / "adapter_model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="expected an adapter on whole weights of one device"):
        load_engine(tmp_path / "own", device_map={"": "cpu"})

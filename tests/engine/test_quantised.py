"""Quantised folders: bitsandbytes' load where it is installed, others are refused by name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit import UMIT
from umit.backends.local.backend import LocalBackend
from umit.chat import Request
from umit.engine.families import FAMILIES
from umit.engine.load import Engine, load_engine
from umit.engine.quantised import bits_in
from umit.errors import CheckpointError, InputError, MissingExtraError
from umit.testing import tiny_checkpoint
from umit.training import INSTRUCT
from umit.training.stages import freeze

KINDS: list[tuple[object, int | str | None]] = [
    (None, None),
    ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}, 4),
    ({"quant_method": "bitsandbytes", "load_in_8bit": True, "load_in_4bit": False}, 8),
    ({"quant_method": "bitsandbytes"}, "expected whole weights in 'mine'"),
    ({"quant_method": "awq", "bits": 4}, "got those of AWQ; load the model that they were made of"),
    ({"quant_method": "gptq", "bits": 4}, "got those of GPTQ"),
    ({"quant_method": "fp8"}, "got those of FP8"),
    ({"quant_method": "compressed-tensors"}, "got those of compressed-tensors"),
    ({"quant_method": "foo"}, "got those of quant_method 'foo'"),
    ({}, "got those of quant_method None"),
    ("awq", "got those of AWQ"),
]


@pytest.mark.parametrize(("found", "wanted"), KINDS)
def test_kinds_are_told_apart(found: object, wanted: int | str | None) -> None:
    written = {} if found is None else {"quantization_config": found}
    if not isinstance(wanted, str):
        assert bits_in(written, "mine") == wanted
        return
    with pytest.raises(CheckpointError, match=wanted):
        bits_in(written, "mine")


@pytest.mark.parametrize("bits", [4, 8])
def test_what_to_install_is_said(bits: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bitsandbytes", None)
    with pytest.raises(MissingExtraError, match=r'pip install "umit\[bits\]"'):
        UMIT.from_pretrained(tiny_checkpoint(tmp_path), device="cpu", bits=bits)


@pytest.mark.parametrize("bits", [3, 16, "4"])
def test_other_numbers_of_bits(bits: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected 4 or 8 bits"):
        load_engine(tiny_checkpoint(tmp_path), device="cpu", bits=bits)


def _scores(engine: Engine) -> np.ndarray[Any, np.dtype[np.float64]]:
    side = engine.encoder.family.factor
    frame = np.random.default_rng(0).integers(0, 256, (2 * side, 3 * side, 3), np.uint8)
    options = tuple((f"{number}:{word}",) for number, word in enumerate(("liver", "spleen", "left kidney")))
    (found,) = LocalBackend(engine).generate([Request(frames=(frame,), words=("Is it?",), options=options)])
    return np.array(found.option_logprobs)


@pytest.mark.filterwarnings("ignore:MatMul8bitLt")  # bitsandbytes says that float32 is cast
@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("family", FAMILIES)
def test_quantised_language_models_answer(family: str, bits: int, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="without bitsandbytes nothing is quantised")
    place = tiny_checkpoint(tmp_path / "whole", family=family)
    whole, engine = load_engine(place, device="cpu"), load_engine(place, device="cpu", bits=bits)
    kinds = {name for name, module in engine.model.named_modules() if f"{bits}bit" in type(module).__name__}
    assert kinds and not any("visual" in name or "lm_head" in name for name in kinds)
    engine.model.save_pretrained(tmp_path / "saved")
    engine.encoder.tokenizer.save_pretrained(tmp_path / "saved")
    wanted, found = _scores(whole), _scores(engine)
    assert 0 < np.abs(found - wanted).max() < 8, "rounded weights, near the whole ones"
    again = load_engine(tmp_path / "saved", device="cpu")
    np.testing.assert_allclose(_scores(again), found, atol=0.05)
    with pytest.raises(InputError, match=f"expected whole weights to quantise, these are in {bits} bits"):
        load_engine(tmp_path / "saved", device="cpu", bits=4)
    with pytest.raises(InputError, match="expected whole weights to teach"):
        freeze(engine.model, INSTRUCT)

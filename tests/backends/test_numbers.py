"""Numbers that are none are an error of the engine, never an answer; and threads share one model."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from umit.backends.local.backend import LocalBackend
from umit.chat import Completion, Request
from umit.engine.families import FAMILIES
from umit.engine.load import Engine, load_engine
from umit.errors import BackendError
from umit.testing import tiny_checkpoint

YES_NO = (("1:yes",), ("2:no",))


@pytest.fixture(scope="module", params=[*FAMILIES])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny"), family=request.param)


def _asked(engine: Engine, seed: int = 0) -> list[Request]:
    side = engine.encoder.family.factor
    frame = np.random.default_rng(seed).integers(0, 256, (2 * side, 3 * side, 3), np.uint8)
    options = Request(frames=(frame,), words=("Is there a nodule?",), options=YES_NO)
    return [options, Request(frames=(frame,), words=("Which?",), max_new_tokens=5)]


def _swollen(place: Path, part: str, dtype: str) -> Engine:
    """Weights that float16 holds, and whose products it does not."""
    engine = load_engine(place, device="cpu", dtype=dtype)
    layer = engine.model.get_submodule(part)
    with torch.no_grad():
        layer.weight.mul_(2e4 / layer.weight.abs().max())
    assert torch.isfinite(layer.weight).all()
    return engine


TOWER = {"qwen2_vl": "fc2", "qwen2_5_vl": "down_proj", "qwen3_vl": "linear_fc2"}


@pytest.mark.parametrize("which", [0, 1], ids=["options", "text"])
@pytest.mark.parametrize("where", ["language model", "vision encoder"])
def test_float16_does_not_overflow_silently(place: Path, where: str, which: int) -> None:
    kind = load_engine(place, device="cpu").encoder.family.model_type
    part = "model.language_model.layers.0.mlp.down_proj"
    if where == "vision encoder":
        part = f"model.visual.blocks.0.mlp.{TOWER[kind]}"
    engine = _swollen(place, part, "float16")
    said = f"expected finite numbers from the {where}, got NaN or infinity in float16; .*dtype='bfloat16' or 'float32'"
    (found,) = LocalBackend(engine).generate([_asked(engine)[which]])
    assert isinstance(found, BackendError) and re.search(said, str(found))
    wider = _swollen(place, part, "float32")
    (held,) = LocalBackend(wider).generate([_asked(wider)[which]])
    assert isinstance(held, Completion), "which float32 holds"


def test_float16_that_fits_answers(place: Path) -> None:
    half, whole = load_engine(place, device="cpu", dtype="float16"), load_engine(place, device="cpu")
    (found,), (wanted,) = (list(LocalBackend(e).generate(_asked(e)[:1])) for e in (half, whole))
    assert found.option_logprobs == pytest.approx(wanted.option_logprobs, abs=0.5)


def test_threads_share_one_model(place: Path) -> None:
    """Eight at once, each with pictures of its own, answer as one after another."""
    engine = load_engine(place, device="cpu")
    backend = LocalBackend(engine)
    work = [_asked(engine, seed) for seed in range(16)]

    def answers(some: list[Request]) -> list[Completion]:
        return list(backend.generate(some))

    wanted = [answers(some) for some in work]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answers, work))
    for one, other in zip(found, wanted, strict=True):
        assert [c.text for c in one] == [c.text for c in other]
        assert one[0].option_logprobs == pytest.approx(other[0].option_logprobs, abs=1e-5)

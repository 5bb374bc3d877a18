"""Pictures encoded together are what transformers makes of them one by one, in every family."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from umit.engine.families import FAMILIES
from umit.engine.load import Engine, load_engine
from umit.engine.pixels import grid, patches
from umit.engine.vision import encode_pictures
from umit.testing import tiny_checkpoint


@pytest.fixture(scope="module", params=[*FAMILIES])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return load_engine(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), family=request.param), device="cpu")


@pytest.mark.parametrize(
    "sizes",
    [
        [(2, 2)],
        [(1, 1), (1, 1), (1, 1)],
        [(2, 3), (3, 2), (1, 1), (2, 3), (4, 1)],
        [(2, 2)] * 32,
        [(5, 7), (7, 5), (4, 4), (5, 7)],  # windows of four sizes in one picture
    ],
    ids=["one", "equal", "mixed", "volume", "windows"],
)
def test_equal_to_transformers(engine: Engine, sizes: list[tuple[int, int]]) -> None:
    generator, family = np.random.default_rng(0), engine.encoder.family
    frames = [generator.integers(0, 256, (h * family.factor, w * family.factor, 3), np.uint8) for h, w in sizes]
    pixels, grids = torch.from_numpy(patches(frames, family)), [grid(f, family) for f in frames]
    with torch.inference_mode():
        found = encode_pictures(engine.model.model.visual, pixels, grids)
        wanted = engine.model.get_image_features(pixels, torch.tensor(grids))
    every = [wanted.pooler_output, *getattr(wanted, "deepstack_features", ())]
    # transformers 5.16 does not split the latter by pictures.
    parts = [one if isinstance(one, torch.Tensor) else torch.cat(one) for one in every]
    assert len(parts) == (3 if family.model_type == "qwen3_vl" else 1)
    torch.testing.assert_close(found, torch.cat(parts, -1), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["qwen2_5_vl"])
def test_windows_are_not_the_whole_picture(kind: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The test above can fail: with one window the features are others."""
    engine = load_engine(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), family=kind), device="cpu")
    frame = np.random.default_rng(0).integers(0, 256, (112, 140, 3), np.uint8)
    pixels, grids = torch.from_numpy(patches([frame], engine.encoder.family)), [grid(frame, engine.encoder.family)]
    tower = engine.model.model.visual
    with torch.inference_mode():
        found = encode_pictures(tower, pixels, grids)
        tower.fullatt_block_indexes = [0, 1, 2]
        whole = encode_pictures(tower, pixels, grids)
    assert (found - whole).abs().max() > 1e-2

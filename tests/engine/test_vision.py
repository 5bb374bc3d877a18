"""Pictures encoded together are what transformers makes of them one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from umit.engine.load import Engine, load_engine
from umit.engine.pixels import grid, patches
from umit.engine.vision import encode_pictures
from umit.testing import tiny_checkpoint


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return load_engine(tiny_checkpoint(tmp_path_factory.mktemp("tiny")), device="cpu")


@pytest.mark.parametrize(
    "sizes",
    [[(56, 56)], [(28, 28), (28, 28), (28, 28)], [(56, 84), (84, 56), (28, 28), (56, 84), (112, 28)], [(56, 56)] * 32],
    ids=["one", "equal", "mixed", "volume"],
)
def test_equal_to_transformers(engine: Engine, sizes: list[tuple[int, int]]) -> None:
    generator = np.random.default_rng(0)
    frames = [generator.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    pixels, grids = torch.from_numpy(patches(frames)), [grid(f) for f in frames]
    with torch.inference_mode():
        found = encode_pictures(engine.model.model.visual, pixels, grids)
        wanted = engine.model.get_image_features(pixels, torch.tensor(grids)).pooler_output
    torch.testing.assert_close(found, torch.cat(wanted), atol=1e-5, rtol=1e-5)

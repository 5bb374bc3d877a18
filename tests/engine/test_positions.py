"""Positions and masks, against transformers' own and against their definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from umit.engine.families import FAMILIES
from umit.engine.load import Engine, load_engine
from umit.engine.positions import packed_mask, packed_positions, positions
from umit.testing import tiny_checkpoint

PAD = 9
#: Grids in patches, and words before each picture and at the end.
ROWS = [
    ([], [5]),
    ([(1, 4, 6)], [3, 4]),
    ([(1, 2, 2)], [0, 0]),
    ([(1, 4, 6), (1, 8, 2)], [2, 1, 7]),
    ([(1, 2, 4)] * 4, [1, 2, 2, 2, 3]),
]


@pytest.fixture(scope="module", params=[*FAMILIES])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return load_engine(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), family=request.param), device="cpu")


@pytest.mark.parametrize(("grids", "words"), ROWS)
def test_equal_to_transformers(engine: Engine, grids: list[tuple[int, int, int]], words: list[int]) -> None:
    ids: list[int] = []
    for count, (_, rows, columns) in zip(words, grids, strict=False):
        ids += [1] * count + [PAD] * (rows * columns // 4)
    ids += [1] * words[-1]
    found, after = positions(ids, grids, PAD)
    given = torch.tensor([ids])
    wanted, delta = engine.model.model.get_rope_index(
        given, (given == PAD).int(), torch.tensor(grids) if grids else None
    )
    assert found.tolist() == wanted[:, 0].tolist()
    assert after == len(ids) + int(delta[0, 0])


def test_packed_segments_each_start_after_the_prefix() -> None:
    prefix, after = positions([1, PAD, 1], [(1, 2, 2)], PAD)
    found = packed_positions(prefix, after, np.array([0, 0, 0, 1, 1, 2, 3, 3]))
    assert found.tolist() == [[0, 1, 2, 3, 4, 3, 3, 4]] * 3


def test_packed_mask_keeps_segments_apart() -> None:
    segments = np.array([[0, 0, 1, 1, 2, -1], [1, 1, 2, 2, -1, -1]])
    found = packed_mask(segments)
    assert found.shape == (2, 1, 6, 6)
    for row, own in enumerate(segments):
        for i in range(6):
            for j in range(6):
                seen = j <= i and own[i] >= 0 and own[j] in (0, own[i])
                assert found[row, 0, i, j] == (seen or i == j)

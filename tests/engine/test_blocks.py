"""Blocks of one row: attention in them is attention under the mask that says the same."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import examples

from umit.engine.attention import NAME, _for_transformers, register
from umit.engine.blocks import blocks_of

PARTS = st.lists(
    st.tuples(st.integers(0, 9), st.lists(st.integers(1, 5), min_size=1, max_size=9)).map(lambda p: [p[0], *p[1]])
    | st.integers(1, 9).map(lambda shared: [shared]),
    min_size=1,
    max_size=5,
)


def _seen(parts: list[list[int]]) -> torch.Tensor:
    """Who sees whom, token by token."""
    own = [(row, part) for row, counts in enumerate(parts) for part, count in enumerate(counts) for _ in range(count)]
    return torch.tensor(
        [
            [j <= i and row == other and their in (0, mine) for j, (other, their) in enumerate(own)]
            for i, (row, mine) in enumerate(own)
        ]
    )


@settings(max_examples=examples(60))
@given(PARTS, st.sampled_from([torch.float32, torch.bfloat16]))
def test_blocks_are_their_mask(parts: list[list[int]], dtype: torch.dtype) -> None:
    tokens, generator = sum(map(sum, parts)), torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(1, heads, tokens, 8, generator=generator).to(dtype) for heads in (4, 2, 2))
    found, _ = _for_transformers(None, query, key, value, None, blocks=blocks_of(parts), scaling=0.3)
    keys, values = (t.repeat_interleave(2, dim=1).float() for t in (key, value))
    scores = (query.float() @ keys.transpose(-1, -2) * 0.3).masked_fill(~_seen(parts), -torch.inf)
    wanted = (scores.softmax(-1) @ values).transpose(1, 2)
    assert torch.allclose(found.float(), wanted, atol=1e-5 if dtype == torch.float32 else 0.03)


def test_each_way_is_taken() -> None:
    """Alone, side by side behind what is short, and under a mask behind what is long."""
    shapes = [[(g.count, g.asking, g.seen, g.mask is not None) for g in blocks_of(parts).groups] for parts in (
        [[9, 3], [9, 3], [0, 4, 4]], [[3, 5, 4, 5]], [[90, 2, 2, 2, 2, 2]],
    )]  # fmt: skip
    assert shapes[0] == [(2, 12, 12, False), (2, 4, 4, False)]
    assert shapes[1] == [(1, 3, 3, False), (3, 5, 8, True)]
    assert shapes[2] == [(1, 100, 100, True)]


def test_nothing_is_computed_for_padding() -> None:
    parts = [[17, 9], [0, 30], [40, 8]]
    assert sum(group.count * group.asking for group in blocks_of(parts).groups) == sum(map(sum, parts))


def test_without_blocks_it_is_transformers_own() -> None:
    """A model that was trained answers as before, padding included."""
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask

    assert register() == NAME
    assert ALL_MASK_ATTENTION_FUNCTIONS[NAME] is sdpa_mask
    module = SimpleNamespace(is_causal=True, num_key_value_groups=1)
    query, key, value = torch.randn(3, 1, 2, 5, 4).unbind()
    found, _ = _for_transformers(module, query, key, value, None, scaling=0.5)
    wanted = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True, scale=0.5)
    assert torch.allclose(found, wanted.transpose(1, 2))


def test_dropout_is_the_models() -> None:
    query = key = value = torch.ones(1, 2, 6, 4)
    for dtype in (torch.float32, torch.bfloat16):
        given = [t.to(dtype) for t in (query, key, value)]
        found, _ = _for_transformers(None, *given, None, blocks=blocks_of([[0, 6]]), scaling=1.0, dropout=0.5)
        assert not torch.allclose(found.float(), torch.ones(()))


@pytest.mark.parametrize("parts", [[[1]], [[0, 1]], [[5], [0, 2]]])
def test_the_smallest(parts: list[list[int]]) -> None:
    assert blocks_of(parts).back.tolist() == list(range(sum(map(sum, parts))))

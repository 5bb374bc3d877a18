"""What each process holds."""

from __future__ import annotations

from umit.training.held import held

#: Two layers of 100, and 50 outside of them.
SIZES = {"a.language_model.layers.0.w": 60, "a.language_model.layers.0.b": 40, "a.language_model.layers.1.w": 100,
         "model.visual.layers.w": 30, "lm_head": 20}  # fmt: skip


def test_weights_gradients_and_two_of_adamw() -> None:
    assert held(SIZES, 250) == 16 * 250
    assert held(SIZES, 100, bf16=True) == 4 * 250 + 12 * 100 + 2 * 250


def test_shards_are_shared_and_what_computes_is_gathered() -> None:
    """Two layers and all that is outside of them are whole at once."""
    assert held(SIZES, 250, shards=4) == 4 * 250 + 4 * (50 + 2 * 100)
    assert held(SIZES, 250, shards=4, bf16=True) == 4 * 250 + 2 * (50 + 2 * 100)

"""What a step keeps for its gradients, in bytes: a count of what autograd saves in each layer."""

from __future__ import annotations

from typing import Any, Final

__all__ = ["SURE", "activations"]

#: An estimate is taken to lie within this factor of what is kept.
SURE: Final = 1.5
# Numbers a token that a layer keeps, as torch saves them with attention in blocks (the count of arXiv 2205.05198, section
# 4.1, without dropout and for SwiGLU): of its width, two norms with their input, its square root's and its output (6),
# queries, keys, values and what attention gives (4), the inputs of both projections, and the sums between (3); of its
# inner width, gate, up, the gate's curve and their product.
_WIDTH, _INNER = 13, 4
_TOWER, _TOWER_INNER = 10, 3  # the same in the vision encoder: two LayerNorms, rotated halves, a GELU of three
_TOWER_TANH: Final = 2  # of its inner width in Qwen3-VL: torch's own GELU
_TOWER_GATED, _TOWER_GATED_INNER = 15, 4  # of Qwen2.5-VL's: norms as in the language model, rotated halves, SwiGLU
_LOGITS: Final = 3  # a taught token's scores: as they come, in float32, and what cross entropy keeps of them
_HALF: Final = 2 / 3  # of float32, where matrix products are in bfloat16 and norms and sums are not: measured


def activations(
    config: Any, tokens: float, patches: float, taught: float, *, vision: bool, bf16: bool = False,
    checkpointing: bool = False,
) -> float:  # fmt: skip
    """Return the bytes that one batch keeps.

    Args:
        config: Of a model of any family.
        tokens: In the batch.
        patches: Of its pictures, four a picture token.
        taught: Tokens with a loss.
        vision: Whether the vision encoder trains.
        bf16: Whether matrix products run in bfloat16.
        checkpointing: Whether layers keep their input only, and are made again one at a time.
    """
    words, tower = config.text_config, config.vision_config
    layer = _WIDTH * words.hidden_size + _INNER * words.intermediate_size
    width, block = _block(tower)
    kept: float = tokens * _of_layers(layer, words.hidden_size, words.num_hidden_layers, checkpointing)
    if vision:
        kept += patches * _of_layers(block, width, tower.depth, checkpointing)
    scores: float = _LOGITS * taught * words.vocab_size
    return 4 * (kept * (_HALF if bf16 else 1) + scores)


def _block(tower: Any) -> tuple[int, float]:
    """Return the width of a vision encoder, and what a block of it keeps of a patch."""
    if hasattr(tower, "embed_dim"):  # Qwen2-VL, whose hidden_size is the language model's
        return tower.embed_dim, (_TOWER + _TOWER_INNER * tower.mlp_ratio) * tower.embed_dim
    width, inner = tower.hidden_size, tower.intermediate_size
    if hasattr(tower, "fullatt_block_indexes"):
        return width, _TOWER_GATED * width + _TOWER_GATED_INNER * inner
    return width, _TOWER * width + _TOWER_TANH * inner


def _of_layers(layer: float, width: int, count: int, checkpointing: bool) -> float:
    return count * width + layer if checkpointing else count * layer

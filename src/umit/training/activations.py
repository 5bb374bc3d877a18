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
_LOGITS: Final = 3  # a taught token's scores: as they come, in float32, and what cross entropy keeps of them
_HALF: Final = 2 / 3  # of float32, where matrix products are in bfloat16 and norms and sums are not: measured


def activations(
    config: Any, tokens: float, patches: float, taught: float, *, vision: bool, bf16: bool = False,
    checkpointing: bool = False,
) -> float:  # fmt: skip
    """Return the bytes that one batch keeps.

    Args:
        config: Of a Qwen2-VL.
        tokens: In the batch.
        patches: Of its pictures, four a picture token.
        taught: Tokens with a loss.
        vision: Whether the vision encoder trains.
        bf16: Whether matrix products run in bfloat16.
        checkpointing: Whether layers keep their input only, and are made again one at a time.
    """
    words, tower = config.text_config, config.vision_config
    layer = _WIDTH * words.hidden_size + _INNER * words.intermediate_size
    block = (_TOWER + _TOWER_INNER * tower.mlp_ratio) * tower.embed_dim
    kept: float = tokens * _of_layers(layer, words.hidden_size, words.num_hidden_layers, checkpointing)
    if vision:
        kept += patches * _of_layers(block, tower.embed_dim, tower.depth, checkpointing)
    scores: float = _LOGITS * taught * words.vocab_size
    return 4 * (kept * (_HALF if bf16 else 1) + scores)


def _of_layers(layer: float, width: int, count: int, checkpointing: bool) -> float:
    return count * width + layer if checkpointing else count * layer

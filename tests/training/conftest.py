"""A tiny random Qwen2-VL, and questions on one picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from umit.chat import Request
from umit.engine.encode import Encoder
from umit.training.rows import Turn

PICTURE = np.random.default_rng(0).integers(0, 256, (56, 84, 3), np.uint8)


@pytest.fixture(scope="session")
def model(encoder: Encoder) -> Any:
    """Two layers of width 32, random weights, float32, in evaluation mode."""
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    torch.manual_seed(0)
    config = Qwen2VLConfig(
        text_config={
            "vocab_size": 300,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]
            },
        },
        vision_config={"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2},
        image_token_id=encoder.image_pad,
        tie_word_embeddings=True,
    )  # fmt: skip
    made = Qwen2VLForConditionalGeneration(config).eval()
    for parameter in made.parameters():  # away from the small initial values, so that leaks would show
        if parameter.ndim > 1:
            parameter.data.mul_(8)
    return made


@pytest.fixture
def ask() -> Callable[..., Turn]:
    """Return a question with its answer on one picture, or on given ones."""

    def made(words: str, answer: str, frames: tuple[Any, ...] = (PICTURE,)) -> Turn:
        return Turn(Request(frames=frames, words=(words,)), answer)

    return made

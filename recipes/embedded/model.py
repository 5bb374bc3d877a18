"""The embedded checkpoint before training: its architecture, its tokenizer, its files."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

from umit.chat import DEFAULT_SYSTEM, END, END_OF_TEXT
from umit.engine.families import MERGE, QWEN2_VL, TEMPORAL
from umit.engine.preprocessor import write_processor_files

__all__ = ["ARCHITECTURE", "SMOKE", "Architecture", "new_model", "new_tokenizer", "write_processor"]

#: Qwen2's pre-tokenizer (Qwen2-VL's tokenizer.json): every digit is a token of its own.
_SPLIT: Final = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
#: Qwen2-VL's fourteen added tokens, in its order.
_ADDED: Final = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>",
    "<|box_start|>", "<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>",
    "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>",
)  # fmt: skip
#: Qwen2-VL's chat template, for plain transformers; umit itself builds prompts in :mod:`umit.chat`.
_TEMPLATE: Final = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    "<|im_start|>system\n" + DEFAULT_SYSTEM + "<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for content in message['content'] %}"
    "{% if content['type'] == 'image' or 'image' in content or 'image_url' in content %}"
    "<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif 'text' in content %}{{ content['text'] }}{% endif %}{% endfor %}{% endif %}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Sizes of the embedded model, and how it starts.

    The text rotary base is far below Qwen2-VL's million: with it, the widest axis of a grid of 8 tokens turns
    by under a degree from one end to the other, and a model this small cannot tell left from right.

    Args:
        vocabulary: Tokens besides the control tokens.
        vision_depth: Blocks of the vision encoder.
        vision_width: Its width.
        vision_heads: Its heads.
        text_depth: Layers of the language model.
        text_width: Its width.
        text_heads: Its query heads.
        text_key_heads: Its key heads.
        text_inner: Width inside its feed-forward layers.
        rope_theta: Text rotary base.
        mrope_section: Rotary pairs that turn with time, row and column, from the fastest on.
        initializer_range: Standard deviation of what starts at random.
        look_back: Tokens before a picture's token that its row and column heads read at the start; at least a
            grid's side, so that they read the prompt and not the picture.
        voice: Factor on what those two heads write.
    """

    vocabulary: int = 900
    vision_depth: int = 4
    vision_width: int = 128
    vision_heads: int = 4
    text_depth: int = 4
    text_width: int = 192
    text_heads: int = 4
    text_key_heads: int = 4
    text_inner: int = 512
    rope_theta: float = 100.0
    mrope_section: tuple[int, int, int] = (2, 8, 14)
    initializer_range: float = 0.05
    look_back: float = 9.0
    voice: float = 2.0


ARCHITECTURE: Final = Architecture()
#: Of a build that only shows that everything runs.
SMOKE: Final = replace(
    ARCHITECTURE, vision_depth=1, vision_width=64, vision_heads=2, text_depth=2, text_width=64,
    text_heads=2, text_key_heads=2, text_inner=128, vocabulary=500, mrope_section=(2, 6, 8),
)  # fmt: skip


def new_tokenizer(lines: Iterable[str], size: int) -> Qwen2Tokenizer:
    """Train a byte-level tokenizer with Qwen2-VL's control tokens.

    Args:
        lines: Text to learn merges from.
        size: Vocabulary without control tokens; at least the 256 bytes.
    """
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(_SPLIT), behavior="isolated")
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, to_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=size, initial_alphabet=alphabet, special_tokens=[], show_progress=False)
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in _ADDED])
    fast = Qwen2Tokenizer(
        tokenizer_object=tokenizer,
        eos_token=END.text,
        pad_token=END_OF_TEXT.text,
        bos_token=None,
        unk_token=None,  # type: ignore[arg-type]  # bytes are never unknown
    )
    fast.chat_template = _TEMPLATE
    return fast


def new_model(architecture: Architecture, tokenizer: Qwen2Tokenizer, seed: int) -> Qwen2VLForConditionalGeneration:
    """Return an untrained Qwen2-VL of an architecture."""
    ids = {token: int(tokenizer.get_vocab()[token]) for token in _ADDED}
    a, end, padding = architecture, ids[END.text], ids[END_OF_TEXT.text]
    config = Qwen2VLConfig(
        vision_config={
            "depth": a.vision_depth, "embed_dim": a.vision_width, "num_heads": a.vision_heads, "mlp_ratio": 4,
            "hidden_size": a.text_width, "patch_size": QWEN2_VL.patch, "spatial_merge_size": MERGE,
            "temporal_patch_size": TEMPORAL, "initializer_range": a.initializer_range,
        },
        text_config={
            "vocab_size": len(tokenizer), "hidden_size": a.text_width, "intermediate_size": a.text_inner,
            "num_hidden_layers": a.text_depth, "num_attention_heads": a.text_heads,
            "num_key_value_heads": a.text_key_heads, "max_position_embeddings": 4096,
            "initializer_range": a.initializer_range,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": a.rope_theta, "mrope_section": list(a.mrope_section),
            },
            "bos_token_id": None, "eos_token_id": end, "pad_token_id": padding,
        },
        image_token_id=ids["<|image_pad|>"], video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"], vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(seed)
    model = Qwen2VLForConditionalGeneration(config)
    _patches_as_cosines(model)
    _tell_places(model, architecture)
    model.generation_config.eos_token_id = end
    model.generation_config.pad_token_id = padding
    return model


def _patches_as_cosines(model: Qwen2VLForConditionalGeneration) -> None:
    """Start the patch embedding as the lowest two-dimensional cosines of a patch.

    Random filters answer to a patch's brightness above all. Amplitudes in pictures fall about with
    frequency, so the gain rises with it: every dimension starts with a like share of what is seen.
    """
    weight = model.model.visual.patch_embed.proj.weight  # (width, channel, time, row, column)
    side = QWEN2_VL.patch
    places = (torch.arange(side) + 0.5) * math.pi / side
    waves = torch.cos(torch.arange(side)[:, None] * places) * math.sqrt(2 / side)
    waves[0] /= math.sqrt(2)
    every = ((i * i + j * j, i, j) for i in range(side) for j in range(side))
    copies = weight.shape[1] * weight.shape[2]
    with torch.no_grad():
        for filters, (square, i, j) in zip(weight, sorted(every), strict=False):
            gain = min(0.35 * math.sqrt(square), 1.6) if square else 0.15
            filters[:] = torch.outer(waves[i], waves[j]) * gain / copies


def _tell_places(model: Qwen2VLForConditionalGeneration, architecture: Architecture) -> None:
    """Let the first layer start with a head for rows and one for columns.

    In Qwen2-VL a place is nowhere but in rotary angles: no value that attention could carry holds it. Here
    biases make a head look a fixed number of positions back along one axis only. From every row (column)
    of the picture it so reads another token of the prompt before it, and what it reads tells the place.
    Without this start, a model this small spends most of its training to find out.
    """
    attention = model.model.language_model.layers[0].self_attn
    size, (_, rows, _) = attention.head_dim, architecture.mrope_section
    first = architecture.mrope_section[0]
    turns = architecture.rope_theta ** (-torch.arange(size // 2) / (size // 2))
    query, key = (p.bias.view(-1, size) for p in (attention.q_proj, attention.k_proj))
    with torch.no_grad():
        for head, start in enumerate((first, first + rows)):
            fastest = slice(start, start + 4)
            angle = architecture.look_back * turns[fastest]
            # The score falls by 1 at one position beside the wanted one.
            strength = (2 * math.sqrt(size) / turns[fastest].square().sum()).sqrt()
            query[head, fastest] = strength
            key[head, fastest] = strength * torch.cos(angle)
            key[head, start + size // 2 : start + size // 2 + 4] = strength * torch.sin(angle)
        attention.v_proj.weight[: 2 * size] *= architecture.voice
        attention.o_proj.weight[:, : 2 * size] *= architecture.voice


def write_processor(folder: Path, tokenizer: Qwen2Tokenizer, *, pixels: int) -> None:
    """Write tokenizer and standard processor files that plain ``AutoProcessor`` loads.

    Args:
        folder: Where the weights are.
        tokenizer: The checkpoint's own.
        pixels: Largest area fed by ``AutoProcessor``; umit sizes frames itself.
    """
    tokenizer.save_pretrained(folder)
    write_processor_files(QWEN2_VL, folder, min_pixels=3136, max_pixels=pixels)

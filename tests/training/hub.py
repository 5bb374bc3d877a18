"""What serves a checkpoint reads it by the names on the hub: vLLM and ms-swift look for these."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from safetensors import safe_open

__all__ = ["check_as_on_hub"]

FILES: Final = (
    "generation_config.json", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
)  # fmt: skip
#: Tensors of Qwen2-VL's files on the hub; transformers' own names since 4.52 are others.
_NAMED: Final = re.compile(
    r"visual\.(patch_embed\.proj|blocks\.\d+\.(norm[12]|attn\.(qkv|proj)|mlp\.fc[12])|merger\.(ln_q|mlp\.[02]))\.(weight|bias)"
    r"|model\.(embed_tokens|norm|layers\.\d+\.(input_layernorm|post_attention_layernorm|mlp\.(gate|up|down)_proj))\.weight"
    r"|model\.layers\.\d+\.self_attn\.([qkv]_proj\.(weight|bias)|o_proj\.weight)"
)


def check_as_on_hub(folder: Path) -> None:
    """Hold the files of whole weights, tied to their head, to those of Qwen2-VL on the hub."""
    assert not [name for name in FILES if not (folder / name).is_file()]
    config = json.loads((folder / "config.json").read_text("utf-8"))
    assert (config["model_type"], config["architectures"]) == ("qwen2_vl", ["Qwen2VLForConditionalGeneration"])
    assert config["tie_word_embeddings"] is True
    processor = json.loads((folder / "preprocessor_config.json").read_text("utf-8"))
    assert processor["image_processor_type"] == "Qwen2VLImageProcessor"
    with safe_open(folder / "model.safetensors", "pt") as file:
        names = list(file.keys())
    assert not [name for name in names if not _NAMED.fullmatch(name)]
    layers, depth = config["text_config"]["num_hidden_layers"], config["vision_config"]["depth"]
    assert len(names) == 2 + 12 * layers + 1 + 12 * depth + 6, "all of them, and no head"

"""Put what ``umit train --plan`` counts for Qwen2-VL's published sizes into the page that shows it.

python docs/_scale.py            # rewrite the page
python docs/_scale.py --check    # exit 1 if the page is not current
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parent / "how-to/train-at-scale.md"
#: A picture of 602,112 pixels with a question and a report: tokens, patches, taught tokens.
TOKENS, PATCHES, TAUGHT = 868, 3072, 40
#: Operations a second of one GPU: half of what a bfloat16 matrix product was measured to reach on an H200.
RATE = 395e12
#: The published configurations' numbers that are not Qwen2VLConfig's own.
SIZES = {
    "Qwen2-VL-2B": dict(
        hidden_size=1536, intermediate_size=8960, num_hidden_layers=28, num_attention_heads=12, num_key_value_heads=2,
        vocab_size=151936,
    ),
    "Qwen2-VL-7B": dict(
        hidden_size=3584, intermediate_size=18944, num_hidden_layers=28, num_attention_heads=28, num_key_value_heads=4,
        vocab_size=152064,
    ),
}  # fmt: skip
#: What trains, whether by LoRA, over how many GPUs, and whether those share the weights.
ROWS = (
    ("align", False, 1, False), ("instruct", False, 1, False), ("instruct", True, 1, False),
    ("align", False, 8, True), ("instruct", False, 8, True),
)  # fmt: skip


def shell(name: str) -> Any:
    """Return a model of the published shapes; it holds no numbers."""
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    words = SIZES[name]
    config = Qwen2VLConfig(
        text_config=words,
        vision_config=dict(depth=32, embed_dim=1280, num_heads=16, mlp_ratio=4, hidden_size=words["hidden_size"]),
        tie_word_embeddings=name.endswith("2B"),
    )
    with torch.device("meta"):
        return Qwen2VLForConditionalGeneration(config)


def table() -> str:
    """Return a row for each way to train each size, with batches of eight samples a GPU."""
    from umit.training import ALIGN, INSTRUCT, Lora
    from umit.training.activations import activations
    from umit.training.adapters import Adapter
    from umit.training.held import held
    from umit.training.plan import operations
    from umit.training.stages import freeze

    lines = [
        "| Model | `--stage` | GPUs | Trained, million | GiB each: weights and optimizer | … and a batch of 8 "
        "| … `--checkpointing` | Hours for 100,000 samples |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in SIZES:
        for stage, low, gpus, shards in ROWS:
            model, what = shell(name), ALIGN if stage == "align" else INSTRUCT
            lora = Lora() if low else None
            if lora is not None:
                Adapter(model, lora, seed=0)
            freeze(model, what)
            sizes = {key: p.numel() for key, p in model.named_parameters()}
            trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
            holds = held(sizes, trained, bf16=True, shards=gpus if shards else 1)
            keeps = [
                activations(
                    model.config,
                    8 * TOKENS,
                    8 * PATCHES,
                    8 * TAUGHT,
                    vision=what.vision,
                    bf16=True,
                    checkpointing=again,
                )
                for again in (False, True)
            ]
            hours = 1e5 * operations(sizes, (what,), TOKENS, PATCHES, lora) / RATE / gpus / 3600
            lines.append(
                f"| {name} | {stage}{', `--lora`' if low else ''} | {gpus}{', `fsdp2`' if shards else ''} "
                f"| {trained / 1e6:,.0f} | {holds / 2**30:.1f} | {(holds + keeps[0]) / 2**30:.1f} "
                f"| {(holds + keeps[1]) / 2**30:.1f} | {hours:.2f} |"
            )
    return "\n".join(lines)


def main() -> int:
    """Rewrite or check."""
    old = PAGE.read_text(encoding="utf-8")
    made = f"<!-- plan -->\n\n{table()}\n\n<!-- /plan -->"
    new = re.sub("<!-- plan -->.*?<!-- /plan -->", lambda _: made, old, flags=re.DOTALL)
    if "--check" in sys.argv:
        return int(new != old)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

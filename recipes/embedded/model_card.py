"""The model card that is written beside the embedded weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from recipes.embedded.stages import STAGES

__all__ = ["model_card"]

_TEXT: Final = """---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
language: [en, zh]
---

# umit-phantom

A small Qwen2-VL ({parameters:,} parameters) trained from scratch on synthetic phantoms.
**Research use only, not a medical device. It knows synthetic phantoms only: its words about real patients mean nothing.**

Made by `python -m recipes.embedded --seed {seed}`, stage by stage, in {minutes} ({processes} processes at most). The first
five stages stand in for Qwen2-VL's weights, from which UMIT began.

| stage | steps | what it teaches |
|---|---|---|
{stages}

- Fed 224 × 224 pixels a film and 32 slices of 56 × 56 a volume. It writes boxes in a frame of 800 × 800, points in
  600 × 800, volumes in 200 × 200 × 32: a hundred numbers a side for each token of boxes.
- Asks and answers in English and Chinese, in the words of `umit.phantom.words`; other words may give anything.
- `build.json` holds seed, steps, versions, hashes of settings and code, and the weights' SHA-256.

## What it reaches on held-out phantoms

Printed by `python benchmarks/quality.py`.

<!-- board -->
<!-- /board -->
"""


def model_card(record: Mapping[str, Any]) -> str:
    """Return the card's text.

    Args:
        record: What ``build.json`` holds.
    """
    minutes = [f"{spent:g} minutes on {device}" for device, spent in record["minutes"].items()]
    steps = record["steps"].values()
    lines = [f"| {stage.name} | {count} | {stage.teaches} |" for stage, count in zip(STAGES, steps, strict=True)]
    return _TEXT.format(**{**record, "minutes": ", ".join(minutes), "stages": "\n".join(lines)})

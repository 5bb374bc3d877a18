"""The model card that is written beside the embedded weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["model_card"]

_TEXT = """---
license: apache-2.0
library_name: transformers
pipeline_tag: image-text-to-text
language: [en, zh]
---

# umit-phantom

A small Qwen2-VL ({parameters:,} parameters) trained from scratch on synthetic phantoms.
**Research use only, not a medical device. It knows synthetic phantoms only: its words about real patients mean nothing.**

- Made by `python -m umit.phantom.build --seed {seed}`, stage by stage: {spent}.
  {look} steps of LOOK (each picture token tells what lies there), {read} of READ (questions about single things), {tell} of
  TELL (reports too), {drill} and {again} of DRILL and AGAIN (the same with more cases a step), in place of Qwen2-VL's
  weights, from which UMIT began; {align} steps of ALIGN (captions and comparisons, everything trains), {instruct} steps of
  INSTRUCT (the five tasks, vision encoder frozen).
- Fed 224 × 224 pixels a film and 32 slices of 56 × 56 a volume. It writes boxes in a frame of 800 × 800, points in
  600 × 800, volumes in 200 × 200 × 32: a hundred numbers a side for each token of boxes.
- Asks and answers in English and Chinese, in the words of `umit.phantom.words`; other words may give anything.
- `build.json` holds seed, steps, versions, hashes of what the weights depend on, and the weights' SHA-256.

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
    spent = [f"{minutes:g} minutes on {device}" for device, minutes in record["minutes"].items()]
    return _TEXT.format(
        parameters=record["parameters"],
        seed=record["seed"],
        spent=f"{', '.join(spent)} ({record['processes']} processes at most)",
        **record["steps"],
    )

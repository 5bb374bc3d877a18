"""The model card of a checkpoint: ``README.md``, with what the hub reads at its head."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from umit.checkpoints import EMBEDDED

if TYPE_CHECKING:
    from umit.training.card import Made

__all__ = ["model_card"]


def model_card(made: Made, record: Mapping[str, Any], *, adapter: bool) -> str:
    """Return the text.

    Args:
        made: How the weights were made.
        record: The same as plain values.
        adapter: Whether an adapter alone is written.
    """
    from umit.display.template import markdown

    asked = made.validation
    shown = [] if asked is None else [f for f in asked.figures if f.step in (None, 0, asked.best)]
    hub = made.base if "/" in made.base else None
    front = {
        "library_name": "peft" if adapter else "transformers",
        "pipeline_tag": "image-text-to-text",
        "language": record["languages"] or ["en"],
        "tags": ["umit", "medical", *record["tasks"]],
        **({"base_model": hub} if hub else {}),
        **({"license": made.licence} if made.licence else {"license": "other", "license_name": "not-told"}),
    }
    head = "\n".join(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in front.items())
    text = markdown(
        "training/model_card.md", name=made.name, base=made.base, version=record["versions"]["umit"],
        data=record["data"], tasks=", ".join(record["tasks"]) or "those of the stream",
        languages=", ".join(record["languages"]) or "those of the stream",
        stages=" then ".join(made.stages), steps=made.settings.steps, batch=made.batch, augment=made.augment,
        lora=made.lora, licence=made.licence, rate=f"{made.settings.learning_rate:g}",
        seed=made.settings.seed, best=record["best_step"],
        figures=shown, part=None if asked is None else asked.part.described.get("part", "its own"),
        beaten=" and ".join(dict.fromkeys(f.who for f in asked.beaten)) if asked else "",
    )  # fmt: skip
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    phantom = "\nThe base knows synthetic phantoms only.\n" if made.base == EMBEDDED else ""
    return f"---\n{head}\n---\n\n{text}```bash\n{made.command}\n```\n\n{versions}. `training.json` holds the rest.\n{phantom}"

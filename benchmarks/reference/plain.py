"""Plain transformers, as a script would ask: ids and patches of each question, ``generate``, one after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from umit.chat import Request
from umit.engine.load import Engine
from umit.engine.pixels import grid, patches

__all__ = ["options", "written", "written_together"]


def _inputs(engine: Engine, requests: Sequence[Request], more: Sequence[Sequence[int]] = ()) -> dict[str, Any]:
    """Return what the model is given, padded on the left; the same ids and patches as umit's."""
    prompts = [[*engine.encoder.prompt(one), *behind] for one, behind in zip(requests, more or [()] * len(requests), strict=True)]  # fmt: skip
    longest = max(map(len, prompts))
    ids = torch.tensor([[engine.encoder.padding] * (longest - len(one)) + one for one in prompts])
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompts])
    given = {"input_ids": ids, "attention_mask": mask}
    frames = [frame for one in requests for frame in one.frames]
    if frames:
        given["pixel_values"] = torch.from_numpy(patches(frames, engine.encoder.family))
        given["image_grid_thw"] = torch.tensor([grid(frame, engine.encoder.family) for frame in frames])
        given["mm_token_type_ids"] = (ids == engine.encoder.image_pad).long()
    return given


def written(engine: Engine, requests: Sequence[Request]) -> list[str]:
    """Return the greedy text of each request, asked by itself."""
    return [text for one in requests for text in written_together(engine, [one])]


def written_together(engine: Engine, requests: Sequence[Request], *, ends: bool = True) -> list[str]:
    """Return the greedy texts of a batch, written to the longest limit and cut at their own; without ends none ends before."""
    given, stops = _inputs(engine, requests), [engine.encoder.end, engine.encoder.padding] if ends else []
    limits = [one.max_new_tokens for one in requests]
    with torch.inference_mode():
        out = engine.model.generate(
            **given, do_sample=False, max_new_tokens=max(limits), eos_token_id=stops or None, pad_token_id=engine.encoder.padding,
        )  # fmt: skip
    texts = []
    for row, limit in zip(out[:, given["input_ids"].shape[1] :].tolist(), limits, strict=True):
        end = next((place for place, token in enumerate(row) if token in stops), len(row))
        texts.append(engine.encoder.text(row[: min(end, limit)]))
    return texts


def options(engine: Engine, requests: Sequence[Request]) -> list[list[float]]:
    """Return the log-probability of each option of each request, a forward an option."""
    found = []
    for one in requests:
        scores = []
        for option in one.options:
            answer = engine.encoder.answer(option)
            with torch.inference_mode():
                logits = engine.model(**_inputs(engine, [one], [answer])).logits[0, -len(answer) - 1 : -1].float()
            scores.append(float(logits.log_softmax(-1)[torch.arange(len(answer)), answer].sum()))
        found.append(scores)
    return found

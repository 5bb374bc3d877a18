"""The GPU benchmark of training runs on a processor too: its arms have equal losses, and its numbers are numbers."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "gpu"))
import two_billion


@pytest.mark.slow  # a dozen steps of five arms
def test_the_smoke_run_compares_and_measures() -> None:
    found = two_billion.measure("cpu", steps=1, rounds=1, batch=2, smoke=True)
    assert found["largest_difference_of_losses"] <= 1e-5 and found["tokens_a_sample"] == 112
    speeds = found["samples_a_second"]
    assert set(speeds) == {"stage_1", "plain_stage_1", "stage_2", "plain_stage_2", "stage_2_kept_features"}
    assert all(speed > 0 and math.isfinite(speed) for speed in speeds.values())
    assert set(found["targets"]) == {*found["mfu"], "times_plain"}


def test_a_sample_takes_what_the_roofline_says() -> None:
    """24.7, 13.7 and 8.2 TFLOP (3 operations a number forward and back), less logits that teach nothing."""
    import torch
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    config = Qwen2VLConfig(
        vision_config=two_billion.VISION, text_config=two_billion.TEXT, image_token_id=two_billion.IMAGE,
        tie_word_embeddings=True,
    )  # fmt: skip
    with torch.device("meta"):
        model = Qwen2VLForConditionalGeneration(config)
    assert round(sum(p.numel() for p in model.parameters()) / 1e9, 2) == 2.21
    labels = torch.full((1, 868), -100)
    labels[:, -40:] = 0
    batch = {"input_ids": labels, "labels": labels, "pixel_values": torch.empty(3072, 1176, device="meta")}
    found = {name: work / 1e12 for name, work in two_billion.operations(model, batch).items()}
    nothing = 6 * 151936 * 1536 * 828 / 1e12
    wanted = {"stage_1": 24.7 - nothing, "stage_2": 13.7 - nothing, "stage_2_kept_features": 8.2 - nothing}
    assert found == pytest.approx(wanted, rel=0.03)

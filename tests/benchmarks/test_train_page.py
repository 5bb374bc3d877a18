"""The page states what the benchmark of training measured, the missed targets too."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_training_beside_trl() -> None:
    record = json.loads((ROOT / "benchmarks/results/train.json").read_text("utf-8"))
    lines = (ROOT / "docs/how-to/train.md").read_text("utf-8").splitlines()
    for name, said in (
        ("slake_like", "20 short questions"),
        ("slake_rows", "SLAKE's own"),
        ("mixed", "one question each"),
    ):
        found, (line,) = record[name], [line for line in lines if line.startswith(f"| {said}")]
        numbers = [cell.strip() for cell in line.split("|")[2:-1]]
        rates = found["samples_a_cpu_second"]
        kept = f"{rates['umit_kept_features']['median']:.1f}" if "umit_kept_features" in rates else ""
        wanted = [f"{rates['umit']['median']:.1f}", kept, f"{rates['trl']['median']:.1f}"]
        assert numbers[:3] == wanted and numbers[3] == f"{found['times_trl']['umit']['median']:.2f}"
        assert numbers[4] == f"{found['target']:.0f}, {'met' if found['met'] else 'missed'}"
        assert found["largest_difference_of_losses"] <= 1e-5 and found["counters"]["umit"]["padded_tokens"] == 0

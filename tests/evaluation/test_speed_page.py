"""The page states what the benchmark measured, the missed targets too."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_asking_beside_other_programs() -> None:
    path = ROOT / "benchmarks" / "results" / "evaluate.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    page = " ".join((ROOT / "docs" / "how-to" / "evaluate.md").read_text(encoding="utf-8").split())
    cheaper = record["times_cheaper"]
    assert f"the loop took {cheaper['transformers_loop']:.1f} times as much" in page
    assert f"`swift infer` {cheaper['swift_infer_batch_1']:.1f} times" in page
    assert f"in batches of 8 {cheaper['swift_infer_batch_8']:.1f} times" in page
    both = cheaper["transformers_loop_against_asking_and_scoring"]
    assert f"with it the loop took {both:.1f} times as much" in page
    assert record["answers_that_differ"] == 0

"""Attention in bfloat16 on a CPU: umit's matrix products beside torch's fused kernel, forward and backward.

    python benchmarks/cpu/attention.py

Equal outputs are checked first; then process CPU time, the smallest of several runs, and its ratio.
Writes ``benchmarks/results/attention.json``.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from umit.engine.attention import attend

RESULTS = Path(__file__).parents[1] / "results" / "attention.json"
SHAPES = {"language model, packed film rows": (16, 4, 320, 48), "vision encoder, films": (16, 4, 256, 32)}
RUNS = 7


def fused(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """The reference arm: torch's own kernel."""
    return functional.scaled_dot_product_attention(query, key, value, mask, scale=scale)


def main() -> int:
    """Measure both arms."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows = []
    for name, (batch, heads, length, width) in SHAPES.items():
        made = [torch.randn(batch, heads, length, width).bfloat16().requires_grad_() for _ in range(3)]
        mask = None
        if name.startswith("language"):
            mask = torch.ones(length, length, dtype=torch.bool).tril().expand(batch, 1, -1, -1)
        inputs = (*made, mask, width**-0.5)
        apart = (attend(*inputs).float() - fused(*inputs).float()).abs().max().item()
        if apart > 0.05:  # bfloat16 keeps 8 bits; outputs are of order 1
            raise SystemExit(f"outputs differ by {apart}")
        ours, theirs = (seconds(arm, inputs) for arm in (attend, fused))
        rows.append(
            {
                "case": name,
                "largest_difference": round(apart, 4),
                "umit_cpu_ms": round(1000 * ours, 1),
                "fused_cpu_ms": round(1000 * theirs, 1),
                "ratio": round(theirs / ours, 2),
            }
        )
        print(rows[-1])
    versions = {"torch": torch.__version__, "python": platform.python_version()}
    RESULTS.write_text(json.dumps({"rows": rows, "versions": versions}, indent=2) + "\n", encoding="utf-8")
    return 0


def seconds(arm: Callable[..., Tensor], inputs: tuple) -> float:
    """Return the smallest process CPU time of one forward and backward pass."""
    found = []
    for _ in range(RUNS):
        before = time.process_time()
        arm(*inputs).sum().backward()
        found.append(time.process_time() - before)
    return min(found)


if __name__ == "__main__":
    sys.exit(main())

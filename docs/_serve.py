"""Put what ``benchmarks/cpu/serve.py`` measured into the page that shows it.

python docs/_serve.py            # rewrite the page
"""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/how-to/serve.md"
RESULT = ROOT / "benchmarks/results/serve.json"


def table() -> str:
    """Return a row for each number of calls at a time, and what was measured on."""
    found = json.loads(RESULT.read_text("utf-8"))
    rows = ["| Calls | Questions a second | Beside one at a time | Same answers as in process |", "|---|---|---|---|"]
    rows += [
        f"| {name} | {arm['questions_per_second']:g} | {arm['times_one_at_a_time']:g} × "
        f"| {arm['answers_as_in_process']} of {found['questions']} |"
        for name, arm in found["arms"].items()
    ]
    machine = found["machine"]
    told = (
        f"The embedded checkpoint on {machine['cores']} cores without a GPU, vLLM {found['server']['vllm']} in float32 beside the client; "
        f"{found['questions']} questions on films, a third each options, boxes and reports; median of {found['rounds']} rounds, with "
        f"other work on the machine (load {machine['load'][0]:g}). `benchmarks/cpu/serve.py` measures it; no GPU was at hand, "
        "so nothing here says what a large checkpoint does on one."
    )
    return "\n".join([*rows, "", told])


def with_result(text: str) -> str:
    """Return the page's text with the table in it."""
    return re.sub(r"(?<=<!-- serve -->\n).*?(?=<!-- /serve -->)", lambda _: f"\n{table()}\n\n", text, flags=re.S)


if __name__ == "__main__":
    PAGE.write_text(with_result(PAGE.read_text("utf-8")), encoding="utf-8")

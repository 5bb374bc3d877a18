"""Put the results of ``recipes/results`` into the page that shows them.

python docs/_recipes.py            # rewrite the page
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/how-to/recipes.md"
RESULTS = ROOT / "recipes/results"
#: The numbers that are shown of each recipe: task, part, metric. The page says what each of them is.
SHOWN: dict[str, tuple[tuple[str, str, str], ...]] = {
    "hc18": (
        ("landmark", "", "MRE"), ("landmark", "", "SDR 2 mm"), ("landmark", "", "SDR 4 mm"),
        ("landmark", "", "head circumference, mean absolute error"),
    ),
    "bccd": tuple(
        ("detect_2d", f"target={cell}", metric)
        for cell in ("WBC", "RBC", "Platelets") for metric in ("mean IoU", "AP@0.5", "count, mean absolute error")
    ),
    "hippocampus": (("detect_3d", "", "mean IoU"), ("detect_3d", "", "Acc@0.5")),
    "hospital": (("classify", "", "accuracy"), ("classify", "", "AUC")),
    "chinese": (("classify", "", "accuracy"), ("classify", "", "AUC")),
    "two_stages": (
        ("answer_closed", "set=vqa-rad", "accuracy"), ("answer_open", "set=vqa-rad", "word F1"),
        ("classify", "set=medmnist-2d.pneumoniamnist", "accuracy"), ("landmark", "", "SDR 2 mm"),
        ("detect_2d", "", "mean IoU"), ("detect_3d", "", "mean IoU"),
    ),
}  # fmt: skip


def _results() -> Iterator[tuple[dict[str, Any], list[tuple[str, str, str]]]]:
    for name, shown in SHOWN.items():
        path = RESULTS / f"{name}.json"
        if path.is_file():
            yield json.loads(path.read_text("utf-8")), list(shown)


def _number(figure: dict[str, Any]) -> str:
    if figure["value"] is None:
        return "—"
    unit = f" {figure['unit']}" if figure["unit"] else ""
    between = "" if figure["low"] is None else f" ({figure['low']:.3g} to {figure['high']:.3g})"
    return f"{figure['value']:.3g}{unit}{between}"


def _runs() -> str:
    lines = [
        "| Recipe | Licence of the data | Taught | Asked | Steps of samples | Minutes of one core |",
        "|---|---|---|---|---|---|",
    ]
    for result, _ in _results():
        data, settings = result["data"], result["settings"]
        counts = [f"{data[part]['samples']:,} of {data[part]['groups']:,}" for part in ("taught", "asked")]
        stages = " + ".join(f"{settings['steps']} {stage}" for stage in result["stages"])
        lines.append(
            f"| `{result['recipe']}` | {data['licence']} | {counts[0]} | {counts[1]} | {stages}, of {result['batch']} | "
            f"{result['cpu_minutes'] or 'went on, not known'} |"
        )
    return "\n".join(lines)


def _figures() -> str:
    lines = ["| Recipe | Number | n | Taught | What costs nothing |", "|---|---|---|---|---|"]
    for result, shown in _results():
        for task, part, metric in shown:
            of = [
                one for one in result["figures"]
                if (one["task"], one["part"], one["metric"]) == (task, part, metric) and one["value"] is not None
            ]  # fmt: skip
            mine = next((one for one in of if one["who"] == "taught"), None)
            if mine is None:
                continue
            free = {one["who"].partition(", ")[0]: _number(one) for one in reversed(of) if one is not mine}
            others = "; ".join(f"{who} {number}" for who, number in free.items() if who != "taught")
            unread = f", {mine['unreadable']} unreadable" if mine["unreadable"] else ""
            about = f"{metric}, {part.partition('=')[2]}" if part else metric
            lines.append(
                f"| `{result['recipe']}` | {about} | {mine['n']}{unread} | {_number(mine)} | {others or '—'} |"
            )
    return "\n".join(lines)


def with_results(text: str) -> str:
    """Return the page with the tables between their marks."""
    for name, made in (("runs", _runs()), ("figures", _figures())):
        between = re.compile(f"<!-- {name} -->.*?<!-- /{name} -->", flags=re.DOTALL)
        text = between.sub(lambda _, put=f"<!-- {name} -->\n{made}\n<!-- /{name} -->": put, text)
    return text


if __name__ == "__main__":
    PAGE.write_text(with_results(PAGE.read_text("utf-8")), "utf-8")

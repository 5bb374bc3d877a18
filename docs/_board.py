"""Put the board that ``benchmarks/quality.py`` measured into the pages that show it.

python docs/_board.py            # rewrite the pages
python docs/_board.py --check    # exit 1 if a page is not current
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
PAGES = ("README.md", "docs/explanation/phantoms.md", "src/umit/phantom/weights/README.md")
RESULTS = ROOT / "benchmarks/results/quality.json"


def with_board(text: str) -> str:
    """Return a page with the measured tables between their marks."""
    from quality import note, table, targets  # benchmarks/quality.py

    record = json.loads(RESULTS.read_text(encoding="utf-8"))
    shown = {"board": f"{table(record)}\n\n{note(record)}", "targets": targets(record)}
    for name, made in shown.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        between = re.compile(f"{begin}.*?{end}", flags=re.DOTALL)
        text = between.sub(lambda _, put=f"{begin}\n{made}\n{end}": put, text)
    return text


def main() -> int:
    """Rewrite or check."""
    stale = 0
    for name in PAGES:
        page = ROOT / name
        old = page.read_text(encoding="utf-8")
        new = with_board(old)
        if new != old and "--check" in sys.argv:
            print(f"{name} does not show {RESULTS.relative_to(ROOT)}; run python docs/_board.py")
            stale = 1
        elif new != old:
            page.write_text(new, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())

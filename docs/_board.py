"""Put the board that ``benchmarks/phantom.py`` measured into the pages that show it.

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
BETWEEN = re.compile(r"<!-- board -->.*?<!-- /board -->", flags=re.DOTALL)


def with_board(text: str) -> str:
    """Return a page with the measured table between its marks."""
    from phantom import table  # benchmarks/phantom.py

    record = json.loads((ROOT / "benchmarks/results/phantom.json").read_text(encoding="utf-8"))
    n = record["tasks"]["answer"]["en"]["n"]
    note = f"{n} held-out phantoms a task and language, controls on fewer and in English; seeds from {record['first_seed']:,}."
    return BETWEEN.sub(f"<!-- board -->\n{table(record)}\n\n{note}\n<!-- /board -->", text)


def main() -> int:
    """Rewrite or check."""
    stale = 0
    for name in PAGES:
        page = ROOT / name
        old = page.read_text(encoding="utf-8")
        new = with_board(old)
        if new != old and "--check" in sys.argv:
            print(
                f"{name} does not show benchmarks/results/phantom.json; run python docs/_board.py"
            )
            stale = 1
        elif new != old:
            page.write_text(new, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())

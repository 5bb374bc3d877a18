"""``umit compare``: what differs between two runs on the same items, and whether it is more than chance."""

from __future__ import annotations

import math
from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from umit.cli.parse import Commands
from umit.cli.score import plain
from umit.cli.table import table
from umit.cli.telling import document, say

if TYPE_CHECKING:
    from umit.evaluation.compare import Difference

__all__ = ["add"]

_WIDTHS: Final = (14, 3, 19, 24, 8, 8, 8, 18, 7, 7, 6)
_HEAD: Final = ("task", "", "protocol", "metric", "A", "B", "B - A", "95 %", "p", "p, Holm", "n")


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("compare", help="compare two runs on the same items")
    parser.add_argument("a", metavar="A", help="the folder of a run, or of its shards")
    parser.add_argument("b", metavar="B", help="another run's")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=_compare)


def _compare(given: Namespace) -> int:
    from umit.evaluation.compare import compare

    found = compare(given.a, given.b)
    if given.json:
        say(document(plain(asdict(found))))
        return 3 if found.gaps else 0
    say(table([_HEAD, *map(_cells, found.rows)], _WIDTHS))
    say(f"{found.items} items in both; left out: {found.only_a} only in A, {found.only_b} only in B")
    for gap in found.gaps:
        say(f"Not whole: {gap}")
    say(
        "95 %: of B - A, bootstrap over pictures or patients. p: McNemar's exact test where answers are right or "
        "wrong,\nthose about one picture swapped together; of one row alone, and corrected by Holm for all that differ. "
        "Research use only, not a medical device."
    )
    return 3 if found.gaps else 0


def _cells(row: Difference) -> tuple[str, ...]:
    unit = f" {row.unit}" if row.unit else ""
    between = "" if math.isnan(row.low) else f"{row.low:+.3f} to {row.high:+.3f}"
    tests = ["" if math.isnan(p) else f"{p:.3f}" if p >= 0.001 else "< 0.001" for p in (row.p, row.p_holm)]
    return (
        row.task, row.language, row.protocol, row.metric + unit, f"{row.a:.3f}", f"{row.b:.3f}",
        f"{row.difference:+.3f}", between, *tests, str(row.n),
    )  # fmt: skip

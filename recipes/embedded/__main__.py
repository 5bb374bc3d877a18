"""``python -m recipes.embedded [--seed N] [--minutes M] [--smoke] [--plain] [--folder F] [--restate WHY]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from recipes import embedded


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser("python -m recipes.embedded", description=embedded.__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, help="stop after this long; run again to go on")
    parser.add_argument("--smoke", action="store_true", help="a tiny model, a minute")
    parser.add_argument("--plain", action="store_true", help="umit's own loop, without TRL; always under torchrun")
    parser.add_argument("--folder", type=Path, default=Path("umit-phantom-build"))
    parser.add_argument("--restate", metavar="WHY", help="only hash the code anew, and say why the weights still stand")
    given = parser.parse_args(arguments)
    if given.restate is not None:
        from recipes.embedded.record import restate

        restate(given.restate)
        return 0
    from recipes.embedded.build import build

    out = build(given.folder, seed=given.seed, minutes=given.minutes, smoke=given.smoke, plain=given.plain)
    if out is None:
        sys.stdout.write("time is up; run the same command to go on\n")
        return 0
    sys.stdout.write(f"wrote {out}\n{(out / 'build.json').read_text(encoding='utf-8')}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m recipes.kermany --root FOLDER --out OUT [--only NAME] [--small]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from recipes import kermany
from umit.errors import UMITError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    parser = argparse.ArgumentParser("python -m recipes.kermany", description=kermany.__doc__)
    parser.add_argument("--root", type=Path, help="folder with NORMAL and PNEUMONIA, or one with them in train")
    parser.add_argument("--out", type=Path, required=True, help="where everything is written; the same command goes on")
    parser.add_argument("--only", help="only this model, such as umit-phantom; what is done is not done again")
    parser.add_argument("--small", action="store_true", help="two steps on drawn films, in seconds")
    given = parser.parse_args(arguments)
    if (given.root is None) != given.small:
        parser.error("expected --root with the data, or --small, which draws its own")
    from recipes.kermany.compare import compare

    try:
        done = compare(given.root, given.out, only=given.only, small=given.small)
    except UMITError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(
        f"{done.read_text('utf-8')}\n" if done is not None else "done; the checkpoint is still to be taught\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())

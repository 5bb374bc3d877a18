"""``umit landmarks``: named points on each film."""

from __future__ import annotations

from argparse import Namespace

from umit.cli.parse import Commands, add_files

__all__ = ["add", "run"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("landmarks", help="locate named points", description=__doc__)
    parser.add_argument("--name", action="append", help="a point; repeat it; default: the 19 of ISBI 2015")
    add_files(parser)
    parser.set_defaults(run=run)


def run(given: Namespace) -> int:
    """Locate, and return the exit code."""
    from umit.cli.ask import ask
    from umit.queries import Locate
    from umit.tasks.landmarks import CEPHALOMETRIC

    names = Locate(given.name or CEPHALOMETRIC, language=given.language).names
    return ask(given, "landmarks", {name: Locate(name, language=given.language) for name in names})

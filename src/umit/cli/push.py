"""``umit push``: a finished checkpoint to the hub, private unless said otherwise."""

from __future__ import annotations

from argparse import Namespace

from umit.cli.parse import Commands
from umit.cli.telling import say, tell

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("push", help="upload a checkpoint that umit train made to the hub")
    parser.add_argument("folder", metavar="DIR", help="of the checkpoint; states and answers in it stay here")
    parser.add_argument("name", metavar="NAME", help="of the repository: me/mine")
    parser.add_argument("--public", action="store_true", help="let everybody see it (default: private)")
    parser.set_defaults(run=_push)


def _push(given: Namespace) -> int:
    from umit.engine.hub import endpoint
    from umit.training.push import push_to_hub

    tell(f"uploading {given.folder} to {endpoint()}")
    say(push_to_hub(given.folder, given.name, private=not given.public))
    return 0

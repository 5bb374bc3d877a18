"""``umit verify``: a checkpoint recorded from its template to its answers, and any engine held to the record."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, cast

from umit.cli.parse import Commands
from umit.cli.telling import document, say, tell
from umit.cli.weights import add_served, check_served, load_model
from umit.cli.writing import add_force, writable
from umit.embedded import EMBEDDED
from umit.errors import InputError

if TYPE_CHECKING:
    from umit.verification import Golden, Verdict

__all__ = ["add"]


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "verify", help="record how a checkpoint is read, or hold an engine to a record",
        description="Record how a checkpoint is read here, or hold weights or a server to a record: prints a "
        "certificate, or the first stage that differs, as JSON; 0 if nothing differs, 1 if something does.",
    )  # fmt: skip
    parser.add_argument("checkpoint", metavar="CHECKPOINT", nargs="?", default=EMBEDDED, help="a name, or a folder")
    parser.add_argument("--card", metavar="NAME", help="card of weights that have none of their own")
    parser.add_argument("--device", default="auto", help="auto (default), cuda, mps or cpu")
    parser.add_argument("--dtype", metavar="NAME", help="of weights in this process (default float32, as recorded)")
    done = parser.add_mutually_exclusive_group(required=True)
    done.add_argument("--out", metavar="FILE", help="record into this file")
    done.add_argument("--against", "--golden", metavar="FILE", dest="against", help="compare with this record")
    add_served(parser)
    add_force(parser)
    parser.set_defaults(run=_verify, free=False)


def _verify(given: Namespace) -> int:
    from umit.verification.golden import read_golden, write_golden
    from umit.verification.record import record

    check_served(given)
    if given.dtype is not None and (given.server is not None or given.out is not None):
        raise InputError(
            "expected no --dtype beside --server, which has its own, or --out, which records float32", code="dtype"
        )
    if given.out is None:
        verdict = _held(given, read_golden(Path(given.against).expanduser()))
        say(document(verdict.to_dict(), indent=1))
        if not verdict.equal:
            tell(f"the {verdict.stage} differs first, at the question {verdict.question or 'of all'}")
        return 0 if verdict.equal else 1
    if given.server is not None:
        raise InputError("expected --out without --server: weights in this process are recorded", code="server")
    reads = [one for one in (given.checkpoint, given.card) if one and one != EMBEDDED]
    place = writable(given.out, reads=reads, force=given.force)
    write_golden(record(given.checkpoint, given.card, device=given.device), place)
    tell(f"record in {place}")
    return 0


def _held(given: Namespace, golden: Golden) -> Verdict:
    from umit.backends.server.backend import ServerBackend
    from umit.verification.record import verify_engine, verify_weights

    if given.server is None:
        return verify_weights(golden, given.checkpoint, given.card, device=given.device, dtype=given.dtype or "float32")
    model = load_model(given)
    backend = cast(ServerBackend, model.backend)
    return verify_engine(golden, backend, model.checkpoint, name=f"server ({backend.kind()})")

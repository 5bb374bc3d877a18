"""``umit info``: what is installed; neither torch nor numpy is loaded."""

from __future__ import annotations

import json
import platform
import re
from argparse import Namespace
from importlib import metadata
from pathlib import Path
from typing import Any, Final

from umit import __version__
from umit.cli.parse import Commands
from umit.cli.telling import document, say
from umit.embedded import EMBEDDED

__all__ = ["add", "facts", "run"]

# umit.checkpoints holds these facts and needs numpy, which this command must not wait for; a test compares.
RELEASED: Final = (
    "dz-osamu/UMIT-B",
    "dz-osamu/Classification",
    "dz-osamu/VQA",
    "dz-osamu/Report_Generation",
    "dz-osamu/Disease_Detection",
    "dz-osamu/Landmark_Detection",
)
_NOTICE: Final = "Research use only, not a medical device."


def add(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("info", help="say what is installed", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.set_defaults(run=run)


def run(given: Namespace) -> int:
    """Print what is installed."""
    found = facts()
    say(document(found, indent=2) if given.json else _text(found))
    return 0


def facts() -> dict[str, Any]:
    """Return versions and checkpoints as plain values."""
    return {
        "umit": __version__,
        "python": platform.python_version(),
        "packages": _packages(),
        "checkpoints": [embedded(), *({"name": name, "where": "hub"} for name in RELEASED)],
        "notice": _NOTICE,
    }


def _packages() -> dict[str, str | None]:
    """Return the version of each runtime dependency; ``None`` where one is missing."""
    try:
        needed = metadata.requires("umit") or []
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return {}
    names = [re.split(r"[^\w.-]", line)[0] for line in needed if "extra ==" not in line]
    found: dict[str, str | None] = {}
    for name in sorted(names):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = None
    return found


def embedded(folder: Path | None = None) -> dict[str, Any]:
    """Return what the files beside the embedded weights say.

    Args:
        folder: Where they are; ``None`` is the package's own.
    """
    place = folder or Path(__file__).parents[1] / "phantom" / "weights"
    known: dict[str, Any] = {"name": EMBEDDED, "where": "package", "present": False}
    if not (place / "config.json").is_file():
        return known
    card, build = _read(place / "umit.json"), _read(place / "build.json")
    about = {name: card.get(name) for name in ("version", "task_names", "languages", "notice")}
    made = ("seed", "steps", "minutes", "parameters", "weights_sha256")
    return {**known, "present": True, **about, "build": {name: build.get(name) for name in made}}


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(found: dict[str, Any]) -> str:
    lines = [f"umit {found['umit']}, Python {found['python']}", "", "packages"]
    lines += [f"  {n:<20}{v or 'missing'}" for n, v in found["packages"].items()] or ["  unknown"]
    own, *hub = found["checkpoints"]
    state = "in the package" if own["present"] else "missing; umit's wheel has them"
    lines += ["", "checkpoints", f"  {own['name']:<30}{state}"]
    if own["present"]:
        build = own["build"]
        lines += [
            f"    tasks      {', '.join(own['task_names'] or ())}",
            f"    languages  {', '.join(own['languages'] or ())}",
            f"    build      seed {build['seed']}, {build['minutes']} minutes, {build['parameters']} parameters",
            f"    sha256     {build['weights_sha256']}",
            f"    {own['notice']}",
        ]
    lines += [f"  {card['name']:<30}on the hub" for card in hub]
    return "\n".join([*lines, "", found["notice"]])

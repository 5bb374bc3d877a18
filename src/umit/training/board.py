"""What a run tells of itself beside its loss: losses by task and language, and figures, kept and passed on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from umit.errors import InputError
from umit.training.figures import Figure
from umit.training.kinds import KindLosses
from umit.whole import write_whole

__all__ = ["BEHIND", "Board", "curves"]

_KEPT: Final = "losses.json"
#: Stands before the names of losses on the validation part.
BEHIND: Final = "validation "


class Board:
    """Losses of each log interval, in a file; and what is new, for ``report_to``.

    All processes make the same calls; the first one writes.

    Args:
        folder: Where the file is kept; read if it is there.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _KEPT
        try:
            kept = json.loads(self.path.read_text("utf-8")) if self.path.is_file() else {}
        except ValueError as error:
            raise InputError(f"expected JSON: {error}", code="run", where=_KEPT) from error
        #: Step to losses by name: ``""`` is that of all that is taught, ``"classify en"`` of a kind; behind ``"validation "``
        #: stand those of the validation part.
        self.losses: dict[int, dict[str, float]] = {int(step): dict(row) for step, row in kept.items()}
        self._new: dict[str, float] = {}
        self.kinds = KindLosses()

    def logged(self, step: int, loss: float) -> None:
        """Keep the mean losses of a log interval, of all and of each kind, by its last step counted over all stages."""
        self.put(step, {"": loss, **self.kinds.take()})

    def put(self, step: int, losses: Mapping[str, float]) -> None:
        """Keep losses of a step, beside those that are there."""
        from umit.training.processes import processes

        self.losses.setdefault(step, {}).update(losses)
        for name, value in losses.items():
            part, kind = ("eval_", name.removeprefix(BEHIND)) if name.startswith(BEHIND) else ("", name)
            if part or kind:  # the trainer tells the loss of all that is taught
                self._new["_".join(filter(None, (f"{part}loss", *kind.split())))] = value
        if processes()[0] == 0:
            write_whole(self.path, json.dumps(self.losses, indent=1))

    def show(self, figures: Iterable[Figure]) -> None:
        """Pass figures on, by the names that transformers' integrations sort by."""
        self._new |= {f"eval_{one.metric.replace(' ', '_')}": one.value for one in figures}

    def fresh(self) -> dict[str, float]:
        """Return what came since the last call."""
        found, self._new = self._new, {}
        return found


def curves(losses: Mapping[int, Mapping[str, float]]) -> dict[str, list[tuple[int, float]]]:
    """Return the points of each curve by its name, in the order of steps."""
    found: dict[str, list[tuple[int, float]]] = {}
    for step, row in sorted(losses.items()):
        for name, value in row.items():
            found.setdefault(name, []).append((step, value))
    return found

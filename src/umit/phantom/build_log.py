"""What a build wrote down of its losses and its time, over all the calls that it took."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

__all__ = ["BuildLog"]


class BuildLog:
    """Writes one line a log step and says when time is up.

    Args:
        path: The file; later calls append to it.
        started: Of this call, on the monotonic clock, in seconds.
        minutes: After which this call is to stop; ``None``: never.
        processes: How many train together.
        device: What trains.
    """

    def __init__(
        self,
        path: Path,
        started: float,
        minutes: float | None,
        *,
        processes: int,
        device: str = "cpu",
    ) -> None:
        self.path, self.started, self.minutes = path, started, minutes
        self.processes, self.device = processes, device
        self.stage, self.late = "", False

    def __call__(self, step: int, loss: float) -> bool:
        """Log a step; returns whether to go on."""
        spent = (time.monotonic() - self.started) / 60
        line = {
            "stage": self.stage,
            "step": step,
            "loss": round(loss, 4),
            "minutes": round(spent, 2),
            "processes": self.processes,
            "device": self.device,
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.late = self.minutes is not None and spent > self.minutes
        return not self.late

    def lines(self) -> list[dict[str, Any]]:
        """Return what all calls logged."""
        return [json.loads(text) for text in self.path.read_text(encoding="utf-8").splitlines()]

    def losses(self) -> dict[str, list[float]]:
        """Return the first and the last logged loss of each stage."""
        found: dict[str, list[float]] = {}
        for line in self.lines():
            found.setdefault(line["stage"], []).append(line["loss"])
        return {stage: [values[0], values[-1]] for stage, values in found.items()}

    def spent(self) -> dict[str, float]:
        """Return the minutes of all calls together on each device; each call's clock begins at 0."""
        found: dict[str, float] = {}
        last = 0.0
        for line in self.lines():
            now, device = float(line["minutes"]), line["device"]
            found[device] = found.get(device, 0.0) + (now - last if now >= last else now)
            last = now
        return {device: round(minutes, 1) for device, minutes in found.items()}

"""What a build writes down of its losses and its time, over all the calls that it takes."""

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

    def __init__(self, path: Path, started: float, minutes: float | None, *, processes: int, device: str) -> None:
        self.path, self.started, self.minutes = path, started, minutes
        self.processes, self.device = processes, device
        self.stage, self.late = "", False

    def __call__(self, step: int, loss: float) -> bool:
        """Log a step; returns whether to go on."""
        spent = (time.monotonic() - self.started) / 60
        line = {
            "stage": self.stage, "step": step, "loss": round(loss, 4), "minutes": round(spent, 2),
            "processes": self.processes, "device": self.device,
        }  # fmt: skip
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.late = self.minutes is not None and spent > self.minutes
        return not self.late

    def summary(self) -> dict[str, Any]:
        """Return minutes by device, the most processes, and the first and last logged loss of each stage."""
        lines = [json.loads(text) for text in self.path.read_text(encoding="utf-8").splitlines()]
        losses: dict[str, list[float]] = {}
        minutes: dict[str, float] = {}
        last = 0.0
        for line in lines:
            losses.setdefault(line["stage"], []).append(line["loss"])
            now, device = float(line["minutes"]), line["device"]
            # The clock of each call begins at 0.
            minutes[device] = minutes.get(device, 0.0) + (now - last if now >= last else now)
            last = now
        return {
            "minutes": {device: round(spent, 1) for device, spent in minutes.items()},
            "processes": max(line["processes"] for line in lines),
            "losses": {stage: [values[0], values[-1]] for stage, values in losses.items()},
        }

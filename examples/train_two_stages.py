"""Both stages of the paper on a tiny model: captions, then detection with the vision encoder frozen.

A few steps of a model of random weights: it learns nothing worth having, but every part is the real one.
Research use only, not a medical device.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import umit
from umit.checkpoints import PHANTOM
from umit.engine.encode import Encoder
from umit.engine.load import load_engine
from umit.imaging.view import render
from umit.phantom import Film, draw_film
from umit.queries import Describe, Find
from umit.results import Detection, Detections, Report
from umit.testing import tiny_checkpoint
from umit.training import ALIGN, INSTRUCT, Hyperparameters, PackedRow, Turn, pack, train_stage, turn


def caption(film: Film, scan: umit.Scan) -> list[Turn]:
    """Stage 1: what the film shows, in words."""
    task = PHANTOM.task("caption")
    kinds = ", ".join(finding.kind for finding in film.findings) or "no finding"
    view = render(scan, task.rendering(volume=False))
    return [turn(task, Describe("caption"), Report(text=f"A chest film with {kinds}."), view)]


def detection(film: Film, scan: umit.Scan) -> list[Turn]:
    """Stage 2: two targets on one film; the film is encoded once for both."""
    task = PHANTOM.task("detect_2d")
    view = render(scan, task.rendering(volume=False))
    turns = []
    for kind in ("nodule", "effusion"):
        boxes = [finding.box for finding in film.findings if finding.kind == kind]
        gold = Detections(items=tuple(Detection(label=kind, box=box) for box in boxes))
        turns.append(turn(task, Find(kind), gold, view))
    return turns


def rows(encoder: Encoder, stage: str, step: int) -> Sequence[PackedRow]:
    """Return the two rows of a step; the same step always gives the same rows."""
    found = []
    for seed in (2 * step, 2 * step + 1):
        film = draw_film(seed)
        scan = umit.load(film.pixels, axes="yx", spacing=film.spacing)
        make = caption if stage == "align" else detection
        found.append(pack(make(film, scan), encoder))
    return found


def main() -> None:
    """Train four steps of each stage and load the result."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = tiny_checkpoint(folder / "start", card=PHANTOM)
        engine = load_engine(start)
        for stage in (ALIGN, INSTRUCT):
            losses = train_stage(
                engine.model,
                partial(rows, engine.encoder, stage.name),
                encoder=engine.encoder,
                stage=stage,
                settings=Hyperparameters(steps=4, learning_rate=3e-3, warmup=1, log_every=1),
                folder=folder / stage.name,
            )
            print(stage.name, "vision encoder trains:", stage.vision)
            print("losses:", ", ".join(f"{loss:.2f}" for loss in losses))


if __name__ == "__main__":
    main()

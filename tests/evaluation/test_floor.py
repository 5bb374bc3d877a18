"""The frame's floor is what the truth itself gets through the same path; runs that keep no card have none."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit.checkpoints import CARD, PHANTOM, RELEASED, Checkpoint, write_card
from umit.cli import main
from umit.datasets.ask import asked
from umit.datasets.dataset import Sample
from umit.evaluation.evaluate import evaluate
from umit.evaluation.journal import LINES
from umit.evaluation.markdown import FLOOR_NOTE, as_markdown
from umit.evaluation.page import write_page
from umit.evaluation.score import FLOOR, Score, score
from umit.geometry import Box2D, Box3D, Point2D, Space
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering
from umit.model import UMIT
from umit.queries import Find, Locate, Query
from umit.results import Detection, Detections, Landmark, Landmarks, Result
from umit.testing import ScriptedBackend

from .runs import MANIFEST, every_task, write

#: Stored with its slices from front to back and upside down: z is the patient's, but not the file's, third axis.
TURNED = ((-2.0, 0.0, 0.0, 0.0), (0.0, 0.0, 3.0, 0.0), (0.0, -2.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))
_COARSE = replace(
    PHANTOM,
    name="coarse",
    dialect=replace(
        PHANTOM.dialect,
        boxes=Rendering(frame=(20, 30), fed=(56, 56)),
        points=Rendering(frame=(20, 30), fed=(56, 56)),
        volume=Rendering(frame=(20, 30), depth=7, fed=(56, 56)),
    ),
)


@dataclass(frozen=True)
class Held:
    """One scan in memory."""

    scan: Scan
    is_volume: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return (str(id(self.scan)),)

    def scans(self) -> tuple[Scan, ...]:
        return (self.scan,)


def _boxes(*boxes: Box2D | Box3D) -> Detections:
    return Detections(items=tuple(Detection(label="nodule", box=box) for box in boxes))


def _samples() -> list[Sample[Any, Any]]:
    rng = np.random.default_rng(5)
    film = Scan(rng.integers(0, 255, (1, 90, 130), np.uint8), spacing=(0.5, 0.4))
    volume = Scan(rng.integers(0, 255, (11, 40, 60), np.uint8), spacing=(2.0, 2.0, 3.0), affine=TURNED)
    space = Space(size=film.size[:2], spacing=(0.5, 0.4))
    point = Landmark(name="Sella", point=Point2D(33.3, 21.7, space=space))
    asks: list[tuple[str, Query, Result, Held]] = [
        ("box", Find("nodule"), _boxes(Box2D(10, 10, 31, 33, space=space)), Held(film)),
        ("boxes", Find("mass"), _boxes(Box2D(2, 2, 9, 9), Box2D(50, 40, 127, 83)), Held(film)),
        ("none", Find("cyst"), Detections(), Held(film)),
        ("point", Locate("Sella"), Landmarks(items=(point,)), Held(film)),
        ("volume", Find("nodule"), _boxes(Box3D(7, 3, 2, 31, 22, 5)), Held(volume, True)),
    ]
    return [Sample(id=name, query=query, gold=gold, source=source, group=name) for name, query, gold, source in asks]


def _evaluated(folder: Path, card: Checkpoint, *, unreadable: str = "") -> Score:
    """Ask a script that knows the truth of all but one sample."""
    samples = _samples()
    kinds = {True: "detect_3d", False: "detect_2d"}
    told = [
        (s.id, text)
        for s in samples
        for _, text in asked(
            s, card.tasks, scored=frozenset(t for n, t in card.presence if n == kinds[s.source.is_volume])
        )
    ]
    said = ["[[?]]" if name == unreadable else text for name, text in told]
    return evaluate(UMIT(ScriptedBackend(said), card), samples, folder)


def _floors(found: Score) -> dict[tuple[Any, str, str, str], float]:
    return {
        (row.task, row.metric.removesuffix(FLOOR), row.unit, row.part): row.value
        for row in found.rows
        if row.metric.endswith(FLOOR)
    }


@pytest.mark.parametrize("card", [_COARSE, PHANTOM], ids=["coarse", "phantom"])
def test_it_is_what_the_truth_gets(tmp_path: Path, card: Checkpoint) -> None:
    found = _evaluated(tmp_path, card)
    floors = _floors(found)
    own = {(row.task, row.metric, row.unit, row.part): row.value for row in found.rows}
    assert floors == {key: pytest.approx(own[key]) for key in floors}
    assert {key[0] for key in floors} == {"detect_2d", "detect_3d", "landmark"}
    assert floors["landmark", "MRE", "mm", ""] > 0 and floors["landmark", "SDR 2 mm", "", ""] == 1
    worst = min(floors[task, "mean IoU", "", ""] for task in ("detect_2d", "detect_3d"))
    assert worst < 0.7 if card is _COARSE else worst > 0.7


def test_what_the_model_says_does_not_move_it(tmp_path: Path) -> None:
    truth = _floors(_evaluated(tmp_path / "truth", _COARSE))
    for name in ("box", "point"):  # their truth says how large the picture is
        assert _floors(_evaluated(tmp_path / name, _COARSE, unreadable=name)) == truth
    silent = _floors(_evaluated(tmp_path / "volume", _COARSE, unreadable="volume"))
    assert silent == {key: value for key, value in truth.items() if key[0] != "detect_3d"}


def test_parts_have_their_own(tmp_path: Path) -> None:
    _evaluated(tmp_path, _COARSE)
    floors = _floors(score(tmp_path, by=["size_px"]))
    by_part = {part: v for (task, name, _, part), v in floors.items() if (task, name) == ("detect_2d", "mean IoU")}  # fmt: skip
    assert by_part.keys() == {"", "size_px=small", "size_px=medium"}
    assert by_part["size_px=small"] < by_part[""] < by_part["size_px=medium"]


def test_it_keeps_to_the_protocols_that_are_wanted(tmp_path: Path) -> None:
    _evaluated(tmp_path, _COARSE)
    assert not _floors(score(tmp_path, protocol=["RSNA Kaggle"]))
    assert _floors(score(tmp_path, protocol=["umit"]))


def test_without_a_frame_there_is_none(tmp_path: Path) -> None:
    named = write(tmp_path / "named", every_task(), {**MANIFEST, "card": "dz-osamu/UMIT-B"})
    assert not _floors(score(named)), "another card may bear the name"
    write_card(RELEASED["dz-osamu/UMIT-B"], named)
    # Volumes of UMIT's own card are cropped; these films' boxes have no size.
    assert {task for task, *_ in _floors(score(named))} == {"landmark"}
    _evaluated(tmp_path / "run", _COARSE)
    (tmp_path / "run" / CARD).unlink()
    assert not _floors(score(tmp_path / "run"))
    assert "detect_3d" not in {task for task, *_ in _floors(_evaluated(tmp_path / "umit", RELEASED["dz-osamu/UMIT-B"]))}


def test_it_stands_beside_its_number_everywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _evaluated(tmp_path, _COARSE)
    names = [row.metric for row in found.rows if row.task == "landmark" and row.unit == "mm"]
    assert names[:2] == ["MRE", f"MRE{FLOOR}"]
    assert all(not row.unreadable and not row.cost for row in found.rows if FLOOR in row.metric)
    assert f"MRE{FLOOR}" in as_markdown(found) and FLOOR_NOTE in as_markdown(found)
    assert main(["score", str(tmp_path), "--by", "size_px"]) == 0
    shown = capsys.readouterr().out
    assert f"MRE{FLOOR}" in shown and FLOOR_NOTE in shown and "size_px=small" in shown
    assert main(["score", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert f"Acc@0.5{FLOOR}" in {row["metric"] for row in rows}
    write_page(tmp_path, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert f"mean IoU{FLOOR}" in page and "平均 IoU（坐标网格极限）" in page and FLOOR_NOTE in page
    assert "frame" not in (tmp_path / LINES).read_text("utf-8"), "the card holds it once"

"""Every verb on real films, DICOM and NIfTI: words mean nothing here, geometry and parsing do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from umit.checkpoints import PHANTOM
from umit.cli import main
from umit.imaging.read import load
from umit.results import Detections, Landmarks, from_dict

FILMS = (
    "images2d/retina.jpg", "images2d/ihc.png", "images2d/ultrasound_femur.png",
    "dicom/CT_small.dcm", "dicom/MR_small.dcm", "dicom/SC_rgb_jpeg_baseline.dcm",
    "dicom/RG3_J2KI.dcm", "dicom/vlut_04.dcm",
)  # fmt: skip
VOLUMES = ("volumes/ct_sm.nii.gz", "volumes/someones_anatomy.nii.gz", "volumes/anatomical.nii")
WORDS = {
    "answer": ["--question", "What is shown?"],
    "report": [],
    "classify": ["--label", "a", "--label", "b"],
    "detect": ["--target", "nodule"],
    "landmarks": ["--name", "Sella"],
}

pytestmark = [pytest.mark.shared, pytest.mark.slow]


def asked(verb: str, path: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    words = [verb, str(path), *WORDS[verb]]
    assert main([*words, "--json", "--out", str(out)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.pop("notice") == PHANTOM.notice and found.pop("file") == str(path)
    del found["task"], found["name"]
    with Image.open(next(out.iterdir())) as drawn:
        assert min(drawn.size) > 22
    assert main(words) == 0
    assert capsys.readouterr().out.endswith(PHANTOM.notice + "\n")
    return from_dict(found)


@pytest.mark.parametrize("verb", WORDS)
@pytest.mark.parametrize("name", FILMS)
def test_films(
    name: str, verb: str, shared: Path, script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shared / "samples" / name
    script()
    result = asked(verb, path, tmp_path, capsys)
    width, height = load(path).size[:2]
    if isinstance(result, Detections):
        whole, part = (item.box.corners for item in result)
        assert whole == pytest.approx((0, 0, width, height))
        assert 0 <= part[0] < part[2] <= width and 0 <= part[1] < part[3] <= height
    elif isinstance(result, Landmarks):
        point = result["Sella"]
        assert point.x in (0, width) and point.y in (0, height)


@pytest.mark.parametrize("verb", ["answer", "report", "classify", "detect"])
@pytest.mark.parametrize("name", VOLUMES)
def test_volumes(
    name: str, verb: str, shared: Path, script: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = shared / "samples" / name
    backend = script()
    result = asked(verb, path, tmp_path, capsys)
    assert len(backend.requests[0].frames) == 32
    if isinstance(result, Detections):
        (item,) = result
        assert item.box.corners == pytest.approx((0, 0, 0, *load(path).size))
        assert item.box.space is not None and item.box.space.affine is not None


def test_what_is_no_film_is_said(shared: Path, script: Any, capsys: pytest.CaptureFixture[str]) -> None:
    script()
    volumes = shared / "samples" / "volumes"
    assert main(["landmarks", str(volumes / "ct_sm.nii.gz")]) == 2
    assert "landmark takes films, got a volume" in capsys.readouterr().err
    assert main(["report", str(volumes / "functional_4d.nii")]) == 2
    assert "frame" in capsys.readouterr().err
    assert main(["report", str(volumes / "SOURCE.md"), str(volumes / "ct_sm.nii.gz")]) == 3

"""Five public data sets as they lie: each loads by its path, and the doctor finds the faults that are known of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from umit.checkpoints import RELEASED
from umit.datasets import load
from umit.datasets.check import check

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")

TASKS = RELEASED["dz-osamu/UMIT-B"].tasks


def _codes(root: Path) -> Counter[str]:
    return Counter(one.code for one in check(root, TASKS))


@pytest.fixture(scope="module")
def real(shared: Path) -> Path:
    return shared / "samples"


@pytest.mark.slow
def test_chest_films_by_class_keep_patients_together(real: Path) -> None:
    root = real / "chest_xray_kermany"
    samples = list(load(root))
    assert Counter(s.gold.label for s in samples) == {"NORMAL": 1341, "PNEUMONIA": 3875}
    assert {s.query.labels for s in samples} == {("NORMAL", "PNEUMONIA")}
    by_patient = defaultdict(set)
    for sample in samples:
        stem = Path(sample.source.names[0]).stem
        known = stem.split("_")[0] if stem.startswith("person") else stem.removeprefix("NORMAL2-")[:7]
        by_patient[known].add(sample.group)
    assert all(len(groups) == 1 for groups in by_patient.values())
    codes = _codes(root)
    assert codes["repeated_file"] == 26 and "shared" not in codes


@pytest.mark.slow
def test_brain_mri_joins_what_is_stored_twice(real: Path) -> None:
    root = real / "brain_mri4"
    samples = list(load(root))
    assert len(samples) == 5708 and len({s.group for s in samples}) < 5708 - 150
    assert {s.query.labels for s in samples} == {("glioma", "meningioma", "notumor", "pituitary")}
    assert _codes(root)["repeated_file"] == 207


def test_blood_cells_have_boxes_of_three_classes_and_what_is_absent(real: Path) -> None:
    root = real / "bccd"
    samples = list(load(root))
    assert len(samples) == 3 * 292
    found: Counter[str] = Counter()
    for sample in samples:
        found[sample.query.target] += len(sample.gold)
    assert found == {"RBC": 3350 - 2, "WBC": 301, "Platelets": 292}
    assert any(not sample.gold for sample in samples)
    assert len(list(load(root, split="train"))) == 3 * 205
    complaints = list(check(root, TASKS))
    assert sum("has no area" in one.message for one in complaints) == 2
    assert not any(one.code == "too_long" for one in complaints), "27 cells fit into an answer"


@pytest.mark.slow
def test_heads_in_ultrasound_have_points_with_millimetres(real: Path) -> None:
    samples = list(load(real / "hc18"))
    assert {s.query.name for s in samples} == {"OFD_left", "OFD_right", "BPD_top", "BPD_bottom"}
    assert len(samples) == 4 * 762 and len({s.group for s in samples}) == 613
    first = samples[0]
    x, _ = first.gold[first.query.name].to_mm()
    assert x == pytest.approx(145.0 * 0.179317)
    assert first.source.scans()[0].spacing == pytest.approx((0.179317, 0.179317))
    assert not _codes(real / "hc18")["outside"]


def test_hippocampi_become_boxes_in_voxels(real: Path) -> None:
    samples = list(islice(load(real / "hippocampus", fields={"1": "anterior", "2": "posterior"}), 8))
    assert [s.query.target for s in samples[:2]] == ["anterior", "posterior"]
    for sample in samples:
        (scan,) = sample.source.scans()
        (item,) = sample.gold
        assert sample.task == "detect_3d"
        assert all(0 <= v <= limit for v, limit in zip(item.box.corners, scan.size * 2, strict=True))
        assert len(item.box.to_mm("RAS+")) == 8, "the file's own affine"


def test_the_command_shows_and_checks_them(real: Path, capsys: Any) -> None:
    from umit.cli import main

    assert main(["data", "show", str(real / "bccd"), "--limit", "1"]) == 0
    assert "detect_2d" in capsys.readouterr().out
    words = ["data", "show", str(real / "hippocampus"), "--fields", "1=anterior,2=posterior", "--limit", "1"]
    assert main(words) == 0 and "anterior" in capsys.readouterr().out
    assert main(["data", "check", str(real / "bccd")]) == 1
    assert "has no area" in capsys.readouterr().out

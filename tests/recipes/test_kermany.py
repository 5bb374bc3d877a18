"""The recipe of real films, on drawn ones: the whole way, in seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recipes.kermany.__main__ import main
from recipes.kermany.baselines import NETS
from recipes.kermany.compare import OURS
from recipes.kermany.parts import SICK, balanced, draw, parts
from umit.evaluation.perturb import CHANGES

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning", "ignore::umit.errors.CheckpointWarning")


def test_no_patient_is_in_both_parts_and_both_classes_come_as_often(tmp_path: Path) -> None:
    draw(tmp_path)
    for path in sorted((tmp_path / "NORMAL").iterdir())[:6]:
        path.unlink()
    taught, asked = parts(tmp_path)
    assert not {one.group for one in taught} & {one.group for one in asked}
    even = balanced(taught)
    labels = [one.gold.label for one in even]
    assert labels.count(SICK) == labels.count("NORMAL") > len(taught) / 2
    assert len({(one.id, one.source.names) for one in even}) == len(even), "what comes again is changed anew"


@pytest.mark.slow
def test_all_are_taught_and_asked_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--small", "--out", str(tmp_path / "out")]) == 0
    result = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    assert [one["who"] for one in result["models"]] == [OURS, *NETS]
    for one in result["models"]:
        asked = {figure["films"] for figure in one["figures"]}
        assert {"as they are", *CHANGES} - asked <= {"flip"} and {f["unreadable"] for f in one["figures"]} == {0}
    assert result["still to come"] == []
    capsys.readouterr()
    assert main(["--small", "--out", str(tmp_path / "out"), "--only", OURS]) == 0
    assert "teaching" not in capsys.readouterr().out, "what is done is not done again"


def test_data_or_small_but_not_both(tmp_path: Path) -> None:
    for words in ([], ["--small", "--root", str(tmp_path)]):
        with pytest.raises(SystemExit):
            main([*words, "--out", str(tmp_path / "out")])


def test_the_page_shows_the_committed_numbers() -> None:
    """The table of docs/how-to/train.md is the result's, to three places."""
    root = Path(__file__).parents[2]
    result = json.loads((root / "recipes/results/kermany.json").read_text("utf-8"))
    shown = {
        OURS: "umit-phantom, taught further", "ResNet-18, 112 px": "ResNet-18 from scratch, 112 × 112",
        "four-layer CNN, 112 px": "four-layer CNN from scratch, 112 × 112",
        "logistic regression (28 × 28)": "logistic regression, 28 × 28",
        "nearest pictures (28 × 28)": "five nearest films, 28 × 28", "step 0": "umit-phantom before",
    }  # fmt: skip
    figures = [(m["who"], f) for m in result["models"] for f in m["figures"] if f["films"] == "as they are"]
    figures += [(f["who"], f) for f in result["beside"]]
    cells = {
        (who, f["metric"]): f"{f['value']:.3f} ({f['low']:.3f} to {f['high']:.3f})"
        for who, f in figures
        if who in shown
    }
    rows = [f"| {name} | {cells[who, 'AUC']} | {cells[who, 'accuracy']} |" for who, name in shown.items()]
    page = (root / "docs/how-to/train.md").read_text("utf-8")
    assert [row for row in rows if row not in page] == []

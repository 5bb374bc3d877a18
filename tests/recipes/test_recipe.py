"""Every recipe goes its whole way on a few drawn pictures; data are divided, joined and hashed as it says."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from recipes.recipe import main, numbered, run, together
from umit.training.parts import Part, divide

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning", "ignore::umit.errors.CheckpointWarning")
#: With what costs nothing on each task: who else must have figures.
RECIPES = {
    "bccd": {"mean shape, detect_2d"},
    "chinese": {"commonest answer, classify", "nearest pictures (28 × 28), classify"},
    "hc18": {"mean shape, landmark"},
    "hippocampus": {"mean shape, detect_3d"},
    "hospital": {"nearest pictures (28 × 28), classify", "logistic regression (28 × 28), classify"},
    "two_stages": {"mean shape, landmark"},
}
NAMES = pytest.mark.parametrize("name", RECIPES)


def _recipe(name: str) -> ModuleType:
    return import_module(f"recipes.{name}")


@pytest.mark.slow
@NAMES
def test_it_teaches_reloads_and_asks_drawn_pictures(name: str, tmp_path: Path) -> None:
    module = _recipe(name)
    module.draw(tmp_path / "drawn")
    result = run(module.RECIPE, tmp_path / "drawn", tmp_path / "out", small=True)
    assert result == json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    who = {one["who"] for one in result["figures"]}
    assert who >= {"taught", *RECIPES[name]}
    headline = next(one for one in result["figures"] if one["who"] == "taught")
    assert headline["n"] > 0 and headline["metric"] in {metric for metric, _ in module.RECIPE.metrics}
    assert result["command"] == f"python -m recipes.{name} --small --out OUT"
    assert (tmp_path / "out" / "taught" / "umit.json").is_file(), "a checkpoint that loads"


@NAMES
def test_drawn_pictures_are_divided_by_group_and_joined_by_picture(name: str, tmp_path: Path) -> None:
    module = _recipe(name)
    module.draw(tmp_path)
    part = module.read(tmp_path)
    taught, asked = divide(part, 0.2)
    assert taught and asked and not {s.group for s in taught} & {s.group for s in asked}
    joined = together(part)
    assert sum(len(getattr(s.gold, "items", ())) for s in joined) == sum(
        len(getattr(s.gold, "items", ())) for s in part
    )
    if name in ("hc18", "bccd", "hippocampus"):
        assert len(joined) == len({s.source.names for s in part}) < len(part)


def test_a_recipe_wants_its_data_or_draws_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = _recipe("hc18").RECIPE
    with pytest.raises(SystemExit):
        main(recipe, None, ["--out", str(tmp_path)])
    with pytest.raises(SystemExit):
        main(recipe, None, ["--root", str(tmp_path), "--small", "--out", str(tmp_path / "out")])
    assert main(recipe, None, ["--root", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "landmarks.json" in capsys.readouterr().err


def test_a_number_of_its_own_has_an_interval_over_groups() -> None:
    found = numbered("error", "mm", [1.0, 3.0, 2.0], ["a", "a", "b"], task="landmark")
    assert found["value"] == 2.0 and (found["low"], found["high"]) == (2.0, 2.0) and found["groups"] == 2
    assert numbered("error", "mm", [], [], task="landmark")["value"] is None


@pytest.mark.parametrize(
    ("name", "folder", "samples", "groups"),
    [
        ("hc18", "hc18", 4 * 762, 613),
        ("bccd", "bccd", 3 * 292, 292),
        ("hippocampus", "hippocampus", 2 * 194, 194),
        ("hospital", "chest_xray_kermany/train", 1794, 949),
        ("chinese", "brain_mri4/Training", 1427, 1410),
    ],
)
def test_the_real_data_are_read(name: str, folder: str, samples: int, groups: int, shared: Path) -> None:
    part: Part = _recipe(name).read(shared / "samples" / folder)
    assert (len(part), len({one.group for one in part})) == (samples, groups)

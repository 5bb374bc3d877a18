"""The page of a run: curves beside what costs nothing, samples through the steps, and no folder of this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tests.training.films import write_films

from umit.checkpoints import PHANTOM
from umit.datasets import load
from umit.testing import tiny_checkpoint
from umit.training import Hyperparameters, train
from umit.training.page import PAGE

pytestmark = pytest.mark.filterwarnings("ignore::umit.errors.DatasetWarning")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    place = tmp_path_factory.mktemp("place")
    words: dict[str, Any] = {
        "model": tiny_checkpoint(place / "tiny", card=PHANTOM), "out": place / "mine", "batch": 2, "plain": True,
        "settings": Hyperparameters(steps=4, learning_rate=3e-3, warmup=1, log_every=1),
        "command": "umit train films --out mine",
    }  # fmt: skip
    write_films(place / "films", patients=4)
    train(load(place / "films"), val=0.25, every=2, **words)
    return place, words


def test_it_shows_what_was_measured(made: tuple[Path, dict[str, Any]]) -> None:
    text = (made[0] / "mine" / PAGE).read_text("utf-8")
    assert "Research use only, not a medical device. 仅供研究使用" in text
    for words in ("logistic regression (28 × 28)逻辑回归（28 × 28） 1.000", "准确率", "They do not beat"):
        assert words in re.sub(r"</?span[^>]*>", "", text)
    assert text.count('<dt><span class="own" lang="en">step ') == 4 * 3, "four samples, asked three times"
    assert text.count("<img") >= 8 and "<script src" not in text and "http" not in re.sub(r"http-equiv", "", text)
    drawn = re.findall(r'<polyline class="hue\d" points="([^"]*)"', text.partition(">Loss<")[2])
    assert [len(points.split()) for points in drawn] == [4, 3, 4, 3], (
        "each interval and each validation, of all and of the kind"
    )
    assert "loss: classification, English" in text


def test_it_names_no_folder(made: tuple[Path, dict[str, Any]]) -> None:
    place, _ = made
    text = (place / "mine" / PAGE).read_text("utf-8")
    assert str(place) not in text and "umit train films --out mine" in text


def test_nothing_validated_is_said(made: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    place, words = made
    train(load(place / "films"), **(words | {"out": tmp_path / "mine"}))
    text = (tmp_path / "mine" / PAGE).read_text("utf-8")
    assert "Not measured: nothing was validated" in text and "<article" not in text

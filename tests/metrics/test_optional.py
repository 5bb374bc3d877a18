"""Optional scores say what to install; METEOR alone can be run here, in ``golden/test_meteor.py``."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from umit.errors import InputError, MissingExtraError
from umit.metrics.optional import OPTIONAL, optional_metric
from umit.tasks.table import TASKS

PACKAGES = {
    "METEOR": "pycocoevalcap.meteor",
    "BERTScore": "bert_score",
    "RadGraph F1": "radgraph",
    "CheXbert": "f1chexbert",
    "RaTEScore": "RaTEScore",
}


@pytest.mark.parametrize("name", OPTIONAL)
def test_an_absent_package_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)
    monkeypatch.setitem(sys.modules, PACKAGES[name].partition(".")[0], None)
    if name == "METEOR":
        monkeypatch.setattr("umit.metrics.meteor.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=rf"umit\[{OPTIONAL[name].extra}\]"):
        OPTIONAL[name].score(["clear lungs"], ["clear lungs"])


def test_a_blank_text_costs_bertscore_nothing_but_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is there, and would fail on them with transformers 5: it must not be asked."""
    monkeypatch.setitem(sys.modules, "bert_score", ModuleType("bert_score"))
    assert OPTIONAL["BERTScore"].score(["", "left", " \n"], ["left", "", "left"]) == [0, 0, 0]


def test_chexbert_compares_the_five_main_labels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's weights cannot be had; its class is stood in for where they would be loaded."""

    class Labeler:
        target_names_5_index = (1, 2)

        def __init__(self) -> None:
            words = {"clear": 7, "lungs": 8}
            self.tokenizer = SimpleNamespace(
                cls_token_id=1, sep_token_id=2, convert_tokens_to_ids=lambda said: [words[w] for w in said]
            )  # fmt: skip

        def get_label(self, text: str) -> list[int]:
            ids = self.tokenizer.encode_plus(["clear", "lungs"])["input_ids"]
            assert ids == [1, 7, 8, 2], "as transformers 4 gave them"
            return [len(text), int("fluid" in text), int("nodule" in text)]

    package = ModuleType("f1chexbert")
    monkeypatch.setattr(package, "F1CheXbert", Labeler, raising=False)
    monkeypatch.setitem(sys.modules, "f1chexbert", package)
    found = ["fluid seen", "fluid", " nodule \n"]
    assert OPTIONAL["CheXbert"].score(found, ["fluid", "nodule", "nodule"]) == [1, 0, 1]


def test_each_extra_exists() -> None:
    project = Path(__file__).parents[2] / "pyproject.toml"
    extras = tomllib.loads(project.read_text("utf-8"))["project"]["optional-dependencies"]
    assert {scorer.extra for scorer in OPTIONAL.values()} <= set(extras)


def test_they_are_off_by_default() -> None:
    names = {metric.name for spec in TASKS.values() for metric in spec.metrics}
    assert not names & set(OPTIONAL)


def test_an_unknown_score_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="RaTEScore"):
        optional_metric("BLEURT")

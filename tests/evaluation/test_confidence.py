"""Temperatures and bounds, fitted on answers whose sureness is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import umit
from umit.chat import Completion, Request
from umit.checkpoints import PHANTOM, read_card, write_card
from umit.datasets.dataset import Sample
from umit.errors import InputError
from umit.evaluation.confidence import fit_confidence, temperature_of
from umit.evaluation.record import record_of
from umit.model import UMIT
from umit.queries import Ask
from umit.results import Answer
from umit.testing import ScriptedBackend

FILM = umit.load(np.zeros((40, 40), np.uint8), axes="yx")


class Shown:
    names = ("a",)
    is_volume = False

    def scans(self) -> tuple[umit.Scan, ...]:
        return (FILM,)


def samples(count: int) -> Iterator[Sample[Any, Any]]:
    """Closed questions whose first option is right in 7 of 10."""
    right = np.random.default_rng(0).random(count) < 0.7
    for number, first in enumerate(right):
        options = ("yes", "no")
        gold = Answer(text=options[0 if first else 1], option=0 if first else 1)
        yield Sample(id=str(number), query=Ask(f"Q{number}?", options), gold=gold, source=Shown(), group=f"g{number}")


def oversure(request: Request) -> Completion:
    scores = (math.log(0.99), math.log(0.01))
    return Completion(text="1:yes", logprob=scores[0], option_logprobs=scores, tokens=2)


def test_an_oversure_model_is_cooled(tmp_path: Any) -> None:
    model = UMIT(ScriptedBackend(oversure), PHANTOM)
    found = fit_confidence(model, samples(400), data="a test")
    (figure,) = found.figures
    assert figure.task == "answer_closed" and figure.scored == 400
    share = sum(sample.gold.option == 0 for sample in samples(400)) / 400
    assert figure.before == pytest.approx(0.99 - share, abs=1e-6)
    assert figure.after is not None and figure.after < 0.15 < figure.before
    again = read_card(write_card(found.card, tmp_path / "umit.json"))
    assert again == found.card
    fitted = UMIT(ScriptedBackend(oversure), again).answer(FILM, "Q?", options=["yes", "no"])
    assert fitted.calibrated and fitted.probabilities is not None
    assert fitted.probabilities[0] == pytest.approx(share, abs=0.01)
    assert figure.bound == pytest.approx(math.log(0.99) / 2, abs=2e-4) and figure.bound <= math.log(0.99) / 2
    assert not any(note.startswith("uncertain") for note in fitted.warnings)


def test_what_its_card_says_already_is_left_aside() -> None:
    model = UMIT(ScriptedBackend(oversure), PHANTOM)
    once = fit_confidence(model, samples(400), data="a test")
    twice = fit_confidence(UMIT(ScriptedBackend(oversure), once.card), samples(400), data="a test")
    assert once == twice


def test_too_few_answers_say_nothing() -> None:
    with pytest.raises(InputError, match="right answers"):
        fit_confidence(UMIT(ScriptedBackend(oversure), PHANTOM), samples(20), data="a test")


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_is_found_again(temperature: float) -> None:
    rng = np.random.default_rng(1)
    choices = []
    for _ in range(4000):
        logs = rng.normal(0, 2, 3)
        chances = np.exp(logs) / np.exp(logs).sum()
        choices.append((logs * temperature, int(rng.choice(3, p=chances))))
    assert temperature_of(choices) == pytest.approx(temperature, rel=0.08)


@pytest.mark.parametrize(
    ("group", "kept"), [("/data/anna/1.png", False), ("C:\\anna\\1.png", False), ("patient-1", True)]
)
def test_a_journal_holds_no_place_of_a_picture(group: str, kept: bool) -> None:
    sample = Sample(id="1", query=Ask("Q?"), gold=Answer(text="a"), source=Shown(), group=group)
    held = record_of(sample, Answer(text="a"))["group"]
    assert (held == group) if kept else ("anna" not in held and len(held) == 16)

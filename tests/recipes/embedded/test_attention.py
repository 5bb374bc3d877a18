"""Attention supervision: rows say what each answer is about, and the loss pulls answers to the tokens of that."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from recipes.embedded.attention import _per_channel, attention_loss, supervised_loss
from recipes.embedded.batches import Draws, StageBatches, _sentences
from recipes.embedded.coordinates import OBJECTS, TokenHeads, coordinate_loss
from recipes.embedded.model import SMOKE, new_model
from recipes.embedded.questions import single_things, with_classes, with_reports
from recipes.embedded.stages import STAGES
from umit.engine.encode import Encoder
from umit.phantom import cases, words
from umit.phantom.film import Film
from umit.results import Classification, Detections, Report
from umit.training.loss import answer_loss

pytestmark = pytest.mark.slow  # draws whole cases


@pytest.fixture(scope="module")
def encoder(tokenizer: Any) -> Encoder:
    return Encoder(tokenizer)


STAGE = {stage.name: stage for stage in STAGES}


def _step(encoder: Encoder, kind: str, stage: str = "attention") -> dict[str, torch.Tensor]:
    draws = Draws(STAGE[stage], smoke=True)
    step = next(n for n in range(200) if draws.cases(n)[0] == kind)
    return StageBatches(draws, encoder).supervised(step)


@pytest.mark.parametrize("kind", list(OBJECTS))
def test_every_question_names_its_thing(kind: str, encoder: Encoder) -> None:
    batch = _step(encoder, kind)
    asked, taught = batch["asked"], batch["labels"] != -100
    assert asked.shape == batch["input_ids"].shape
    assert (asked[batch["mm_token_type_ids"].bool()] == -1).all(), "pictures are not asked about"
    assert (asked[taught] >= 0).all(), "every answer is about one thing"
    assert int(asked.max()) < len(OBJECTS[kind].names)
    assert batch["presence"].shape[1] == len(OBJECTS[kind].names)


@pytest.mark.parametrize("seed", range(8))
def test_as_much_is_there_as_is_not(seed: int) -> None:
    case = cases.film_case(seed)
    items = single_things(case, np.random.default_rng(seed))
    golds = [item.gold for item in items if isinstance(item.gold, Detections)]
    findings = [i for i in items if isinstance(i.gold, Detections) and i.about in OBJECTS["film"].names[:5]]
    there = sum(bool(item.gold) for item in findings)
    assert len(findings) - there == min(max(1, there), 5 - there) and len(golds) > there
    assert all(item.about for item in items)


@pytest.mark.parametrize("kind", ["film", "single", "cephalogram", "volume"])
def test_large_batches_ask_the_same_and_sometimes_the_class(kind: cases.Kind) -> None:
    classes = 0
    for seed in range(12):
        case = cases.draw(kind, seed)
        told = with_reports(case, np.random.default_rng(seed))
        drilled = with_classes(case, np.random.default_rng(seed))
        assert drilled[: len(told)] == told
        for item in drilled[len(told) :]:
            assert isinstance(item.gold, Classification)
            normal = isinstance(case.truth, Film) and not case.truth.findings
            assert bool(item.about) is not normal, "a normal film's class is about nothing"
            classes += 1
    assert (classes > 0) is (kind != "cephalogram")


@pytest.mark.parametrize(
    ("tokens", "sentences", "why"),
    [
        (["There is", " a", ".", " It", "."], [0, 0, 0, 1, 1], "an end is of its sentence"),
        (["心影", "大", "。", "右", "肺", "。"], [0, 0, 0, 1, 1, 1], "a full stop of Chinese"),
        (["肺", "。右", "肺", "。"], [0, 1, 1, 1], "a token over two sentences"),
        (["no", ". ", "yes"], [0, 0, 1], "a blank after an end"),
        (["none"], [0], "no end at all"),
    ],
)
def test_sentences_of_tokens(tokens: list[str], sentences: list[int], why: str) -> None:
    assert _sentences(tokens).tolist() == sentences, why


@pytest.mark.parametrize("kind", ["film", "crowded", "volume", "crowded volume"])
@pytest.mark.parametrize("seed", range(4))
def test_a_report_names_a_thing_for_each_sentence(kind: cases.Kind, seed: int, encoder: Encoder) -> None:
    case = cases.draw(kind, seed)
    for number in range(8):  # a film's report is asked for more often than not
        for item in with_reports(case, np.random.default_rng(number)):
            if not isinstance(item.gold, Report):
                assert item.about and not item.sentences
                continue
            ends = item.gold.text.count(".") + item.gold.text.count("。")
            assert not item.about and 0 <= ends - len(item.sentences) <= 1
            sentences = item.gold.text.replace("。", ". ").split(". ")
            for sentence, name in zip(sentences, item.sentences, strict=False):  # a normal one has none
                known = {"lesion": ("lesion", "病灶"), "heart": ("heart", "心")}
                spoken = known.get(name) or (name, words.NAMES[name])
                assert any(word in sentence for word in spoken), (sentence, name)


def test_reports_are_led_sentence_by_sentence(encoder: Encoder) -> None:
    batch = _step(encoder, "crowded volume", "attention-reports")
    asked, labels = batch["asked"], batch["labels"]
    led = asked[:, :-1][labels[:, 1:] != -100]
    assert (led >= 0).any() and int(asked.max()) < len(OBJECTS["volume"].names)
    assert (asked[batch["mm_token_type_ids"].bool()] == -1).all()


@pytest.mark.parametrize(("kind", "taught"), [("film", False), ("volume", True)])
def test_units_of_a_films_coordinates_are_not_taught(kind: str, taught: bool, encoder: Encoder) -> None:
    batch = _step(encoder, kind, "attention-reports")
    digits = [encoder.tokenizer.convert_tokens_to_ids(d) for d in "0123456789"]
    one = torch.isin(batch["input_ids"], torch.tensor(digits))
    third = one[:, 2:] & one[:, 1:-1] & one[:, :-2]
    second = one[:, 1:-1] & one[:, :-2]
    assert third.any()
    assert bool((batch["labels"][:, 2:][third] != -100).any()) is taught
    assert (batch["labels"][:, 1:-1][second] != -100).any()


def test_the_loss_is_that_of_tokens_answers_and_attention(encoder: Encoder) -> None:
    model = new_model(SMOKE, encoder.tokenizer, 0)
    heads = TokenHeads(SMOKE.text_width)
    batch = _step(encoder, "film")
    loss = supervised_loss(model, heads, batch)
    twice = supervised_loss(model, heads, batch, answer_weight=2.0)
    answers, _ = answer_loss(model, batch)
    assert float((twice - loss).detach()) == pytest.approx(float(answers.detach()), abs=1e-4)
    loss.backward()  # type: ignore[no-untyped-call]
    half = model.model.language_model.layers[1].self_attn
    assert half.q_proj.weight.grad.abs().sum() > 0
    assert heads.digits[0].weight.grad.abs().sum() > 0
    assert not half._forward_pre_hooks, "nothing stays behind in the model"
    # The tokens' own loss is the same beside questions as alone: they come after the picture and are not seen by it.
    alone = coordinate_loss(model, heads, batch)
    assert float(loss.detach()) > float(alone.detach())


def test_attention_is_right_where_all_attention_lies_on_the_thing(encoder: Encoder) -> None:
    """A head that adds a large score on the asked tokens alone has no loss; one that looks elsewhere has."""

    class Fixed(torch.nn.Module):
        """Attention whose keys are the presence of one column, and whose queries ask for it."""

        head_dim, scaling = 4, 1.0

        def __init__(self, sign: float) -> None:
            super().__init__()
            self.sign = sign

        def q_proj(self, hidden: torch.Tensor) -> torch.Tensor:
            return torch.full((*hidden.shape[:2], 8), 5.0)

        def k_proj(self, hidden: torch.Tensor) -> torch.Tensor:
            return self.sign * 5.0 * hidden[..., :1].expand(*hidden.shape[:2], 8)

    batch = _step(encoder, "film")
    column = int(batch["asked"].max())
    batch["asked"] = torch.where(batch["asked"] >= 0, column, -1)
    here = batch["mm_token_type_ids"].bool()
    hidden = torch.zeros((*here.shape, 8))
    hidden[here] = batch["presence"][:, column, None].expand(-1, 8)
    still = torch.ones((*here.shape, 4)), torch.zeros((*here.shape, 4))
    assert batch["presence"][:, column].any()
    assert float(attention_loss(Fixed(1.0), hidden, still, batch)) < 1e-3
    assert float(attention_loss(Fixed(-1.0), hidden, still, batch)) > 5


def test_angles_by_axis_are_those_by_channel() -> None:
    """transformers 5.16 keeps time, rows and columns apart until attention, later ones choose before it."""
    by_axis = torch.arange(3.0).view(3, 1, 1, 1).expand(3, 2, 5, 8)
    config = SimpleNamespace(rope_parameters={"mrope_section": [1, 1, 2]})
    chosen = _per_channel(by_axis, SimpleNamespace(config=config))
    assert chosen.shape == (2, 5, 8)
    assert chosen[1, 4].tolist() == [0, 1, 2, 2, 0, 1, 2, 2]
    assert _per_channel(chosen, None) is chosen


@pytest.mark.parametrize("stage", ["coordinates", "attention"])
def test_processes_share_the_rows_of_a_step(stage: str, encoder: Encoder) -> None:
    def presence(*share: int) -> np.ndarray:
        draws = Draws(STAGE[stage], smoke=True, share=share)
        return StageBatches(draws, encoder).supervised(3)["presence"].numpy()

    together = np.concatenate([presence(0, 2), presence(1, 2)])
    assert np.array_equal(together, presence(0, 1))

"""One contract over every engine: the weights say the same, in the same order, whoever runs them.

``nox -s vllm`` runs it over vLLM and ``transformers serve`` as well; here it is local weights and the stand-in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.backends.engines import ENGINES, Engine, seeds
from umit import UMIT, Ask, Choose, Describe, load
from umit.chat import BOX_END, BOX_START, DEFAULT_SYSTEM, Completion, Request
from umit.errors import ServerError, UMITError
from umit.imaging.view import render
from umit.phantom import draw_film
from umit.phantom.samples import Drawn, Phantoms
from umit.queries import Find, Query

pytestmark = pytest.mark.slow
Item = tuple[Any, Query]
_MARKS = {
    "local": (),
    "stand-in": (),
    "transformers serve": (pytest.mark.tool("vllm"),),  # whose environment has what it needs, and a whole torchvision
    "vllm serve": (pytest.mark.tool("vllm"),),
    "from_vllm": (pytest.mark.tool("vllm"),),
}


@pytest.fixture(scope="module", params=[pytest.param(name, marks=_MARKS[name]) for name in ENGINES])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder: Path = tmp_path_factory.mktemp("engine")
    with ENGINES[request.param](folder) as found:
        yield found


@pytest.fixture(scope="module")
def local() -> UMIT:
    return UMIT.from_pretrained()


@pytest.fixture(scope="module")
def questions(engine: Engine) -> list[Item]:
    """200 questions on held-out phantoms, every verb in both languages; a fifth of them where nothing new can be seen."""
    found = two_hundred()
    return found[::5] if engine.name in ("local", "stand-in") else found


@lru_cache
def two_hundred() -> list[Item]:
    drawn: list[Item] = [(one.source, one.query) for one in Phantoms(count=3)]
    for seed in seeds(3):
        film, volume = Drawn("film", seed), Drawn("volume", seed)
        drawn += [(film, Choose(("nodule", "effusion"), several=True)), (film, Ask("Is there nodule in this image?"))]
        drawn += [
            (film, Choose(("结节", "积液"), several=True, language="zh")),
            (film, Ask("图像中有结节吗？", language="zh")),
        ]
        drawn += [(volume, Describe()), (volume, Describe(language="zh"))]
    kinds = (
        Find("nodule"),
        Ask("Is there cavity in this image?", ("yes", "no")),
        Choose(("normal", "nodule", "effusion")),
    )
    more = seeds(200)[3 : 3 + 200 - len(drawn)]
    return [*drawn, *((Drawn("film", seed), kinds[seed % 3]) for seed in more)]


class Written:
    """The local weights as a server has them that neither scores options nor keeps to patterns."""

    def __init__(self, local: UMIT) -> None:
        self._backend = local.backend

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion | UMITError]:
        yield from self._backend.generate(replace(one, options=(), pattern=None, corners=None) for one in requests)


@pytest.fixture(scope="module")
def said_here(engine: Engine, local: UMIT, questions: list[Item]) -> list[Any]:
    assert len(two_hundred()) == 200
    here = local if engine.scores else UMIT(Written(local), local.checkpoint)
    return list(here.predict(questions, progress=False))


@pytest.fixture(scope="module")
def said_there(engine: Engine, questions: list[Item]) -> list[Any]:
    return list(engine.model.predict(questions, progress=False))


def requests(local: UMIT) -> list[Request]:
    """Return one question of each form: words, an option, boxes."""
    film = (load(draw_film(7, lateral=True).pixels, axes="yx"),)  # there is a nodule
    found = []
    for query in (Describe(), Ask("Is there nodule in this image?", ("yes", "no")), Find("nodule")):
        task = local.checkpoint.task({Describe: "report_film", Ask: "answer_closed", Find: "detect_2d"}[type(query)])
        found.append(task.request(query, render(film, task.rendering(volume=False))))
    return found


def completed(model: UMIT, asked: list[Request]) -> list[Completion]:
    found = list(model.backend.generate(asked))
    assert not [one for one in found if isinstance(one, UMITError)]
    return found  # type: ignore[return-value]


def raw(found: Any) -> str:
    return f"{type(found).__name__}: {found}" if isinstance(found, UMITError) else found.raw


def test_the_same_answers_as_here(
    engine: Engine, said_here: list[Any], said_there: list[Any], record_property: Any
) -> None:
    pairs = [(raw(a), raw(b)) for a, b in zip(said_here, said_there, strict=True)]
    same = sum(a == b for a, b in pairs)
    record_property("said", f"{engine.name}: {same} of {len(pairs)} answers are those of local weights")
    different = [(a, b) for a, b in pairs if a != b]
    assert different == []


def test_probabilities_are_those_here(
    engine: Engine, said_here: list[Any], said_there: list[Any], record_property: Any
) -> None:
    if not engine.scores:
        assert all(getattr(one, "probabilities", None) is None for one in said_there)
        return
    pairs = [
        pair for a, b in zip(said_here, said_there, strict=True) for pair in zip(chances(a), chances(b), strict=True)
    ]
    assert len(pairs) >= 20
    worst = max(abs(a - b) for a, b in pairs)
    record_property("said", f"{engine.name}: {len(pairs)} probabilities, the furthest {worst:.1e} from local ones")
    assert worst < 1e-3


def chances(found: Any) -> list[float]:
    own = getattr(found, "probabilities", None) or ()
    there = [chance for _, chance in getattr(found, "presence", None) or ()]
    several = [one.probability for one in found.items if getattr(one, "probability", None) is not None] if hasattr(found, "items") else []  # fmt: skip
    return [*own, *there, *several]


def test_order_is_kept_and_greedy_twice_gives_the_same(
    engine: Engine, questions: list[Item], said_there: list[Any]
) -> None:
    some = slice(0, None, 9)
    again = list(engine.model.predict(questions[some], progress=False))
    assert [raw(one) for one in again] == [raw(one) for one in said_there[some]]
    alone = [next(engine.model.predict([item], progress=False)) for item in questions[::20]]
    assert [raw(one) for one in alone] == [raw(one) for one in said_there[::20]]


def test_length_reaches_the_caller(engine: Engine, local: UMIT) -> None:
    report = replace(requests(local)[0], max_new_tokens=3)
    here, there = (completed(model, [report])[0] for model in (local, engine.model))
    assert (there.finish_reason, there.text) == ("length", here.text)
    whole = completed(engine.model, [replace(report, max_new_tokens=200)])[0]
    assert whole.finish_reason == "stop" and len(whole.text) > len(there.text)


def test_control_tokens_stay_in_answers(engine: Engine, local: UMIT) -> None:
    boxes = requests(local)[2]
    here, there = (completed(model, [boxes])[0].text for model in (local, engine.model))
    assert here.startswith(BOX_START.text) and here.endswith(BOX_END.text)
    assert there == here


@pytest.mark.parametrize("system", [DEFAULT_SYSTEM, "Answer in one word.", ""])
def test_the_system_line_is_the_one_sent(engine: Engine, local: UMIT, system: str) -> None:
    asked = [replace(one, system=system) for one in requests(local)[:2]]
    if engine.name == "transformers serve" and not system:
        pytest.skip("the folder's own template adds a line where none is sent, and nothing in its answer shows it")
    here, there = completed(local, asked), completed(engine.model, asked)
    assert there[0].text == here[0].text
    if engine.scores:
        assert there[1].option_logprobs == pytest.approx(here[1].option_logprobs, abs=1e-3)


def test_pictures_are_not_resized_again(engine: Engine, local: UMIT) -> None:
    closed = requests(local)[1]
    noise = np.random.default_rng(5)
    sizes = [(56, 56), (224, 224), (56, 140), (168, 84), (28, 224)]
    asked = [replace(closed, frames=(noise.integers(0, 256, (h, w, 3), np.uint8),)) for h, w in sizes]
    asked.append(replace(closed, frames=tuple(one.frames[0] for one in asked)))  # in their order
    if not engine.scores:
        asked = [replace(one, options=(), pattern=None) for one in asked]
    here, there = completed(local, asked), completed(engine.model, asked)
    assert [one.text for one in there] == [one.text for one in here]
    if engine.scores:
        for a, b in zip(here, there, strict=True):
            assert b.option_logprobs == pytest.approx(a.option_logprobs, abs=1e-3)


def test_a_server_that_shows_its_template_may_not_change_ours(engine: Engine) -> None:
    """Words that spell control tokens are refused by engines of flat text, and are plain words to the others."""
    asked = Request(words=("Is <|im_end|> here?",))
    (found,) = engine.model.backend.generate([asked])
    if engine.name in ("local", "from_vllm"):
        assert isinstance(found, Completion)
    else:
        assert isinstance(found, UMITError) and not isinstance(found, ServerError)

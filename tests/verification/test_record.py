"""Eight differences are planted, one at a time: each is named, in this process and over a server as far as it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.backends.stand_in import StandIn
from umit import UMIT, chat
from umit.backends.backend import Shown
from umit.backends.local.backend import LocalBackend
from umit.backends.server.backend import ServerBackend
from umit.chat import Completion, Request
from umit.checkpoints import PHANTOM, Checkpoint
from umit.embedded import embedded
from umit.engine.load import Engine, load_engine
from umit.errors import InputError, ServerError, UMITError
from umit.verification import Golden
from umit.verification.questions import asked
from umit.verification.record import record, verify_engine, verify_loaded, verify_weights

pytestmark = pytest.mark.slow
Questions = dict[str, Request]


@pytest.fixture(scope="module")
def golden() -> Golden:
    return record("umit-phantom")


@pytest.fixture
def engine() -> Engine:
    return load_engine(embedded(), device="cpu", dtype="float32")


@pytest.fixture
def questions() -> Questions:
    return asked(PHANTOM)


@dataclass(frozen=True)
class Plant:
    """One difference.

    Args:
        stage: What it is called.
        request: What it makes of a request.
        engine: What it does to the weights, or the tokenizer or pixels before them.
        dtype: In which they are loaded.
        retold: What a server makes of its answers.
        plain: What a server that tells of tokens only their number shows of it; ``None`` for nothing.
    """

    stage: str
    request: Callable[[Request], Request] = lambda request: request
    engine: Callable[[Engine], None] = lambda engine: None
    dtype: str = "float32"
    retold: Callable[[dict[str, Any]], None] = lambda told: None
    plain: str | None = None


def half(request: Request) -> Request:
    return replace(request, frames=tuple(frame[::2, ::2] for frame in request.frames))


def reversed_pictures(request: Request) -> Request:
    return replace(request, frames=request.frames[::-1])


def other_levels(engine: Engine) -> None:
    engine.encoder.family = replace(engine.encoder.family, mean=(0.5,) * 3, std=(0.5,) * 3)


def other_token(engine: Engine) -> None:
    """Take ``<|object_ref_start|>`` for the other one: a tokenizer whose added tokens are in another order."""
    control = engine.encoder._control
    control[chat.OBJECT_START.text] = control[chat.OBJECT_END.text]


def other_turn(told: dict[str, Any]) -> None:
    told["prompt_text"] = told["prompt_text"].replace(
        "<|im_end|>\n<|im_start|>assistant", "<|im_end|><|im_start|>assistant"
    )
    told["usage"]["prompt_tokens"] -= 1


def without_control_tokens(told: dict[str, Any]) -> None:
    message = told["choices"][0]["message"]
    message["content"] = message["content"].replace(chat.BOX_END.text, "")


PLANTS = {
    "template": Plant("template", retold=other_turn, plain="template"),
    "system line": Plant("system line", lambda r: replace(r, system="You are a doctor."), plain="template"),
    "picture order": Plant("picture order", reversed_pictures),
    "resize": Plant("resize", half, plain="resize"),
    "normalisation": Plant("normalisation", engine=other_levels, plain="answers"),
    "special tokens": Plant("special tokens", engine=other_token),
    "dtype": Plant("dtype", dtype="bfloat16", plain="answers"),
    "answers": Plant("answers", retold=without_control_tokens, plain="answers"),
}


def planted(plant: Plant) -> Engine:
    engine = load_engine(embedded(), device="cpu", dtype=plant.dtype)
    plant.engine(engine)
    return engine


def test_nothing_differs_from_itself(golden: Golden) -> None:
    verdict = verify_weights(golden, "umit-phantom")
    assert verdict.equal and verdict.furthest == 0.0
    told = verdict.to_dict()
    assert told["type"] == "certificate" and told["questions"] == 9
    assert {how for stage, how in told["stages"].items() if stage != "weights"} == {"itself"}


@pytest.mark.parametrize("name", [name for name in PLANTS if name not in ("template", "answers")])
def test_a_planted_difference_is_named_here(name: str, golden: Golden, questions: Questions) -> None:
    plant = PLANTS[name]
    asked_for = {key: plant.request(one) for key, one in questions.items()}
    verdict = verify_loaded(golden, planted(plant), asked_for)
    assert verdict.stage == plant.stage
    assert verdict.to_dict()["type"] == "difference" and verdict.expected != verdict.got


def test_another_template_is_named_here(golden: Golden, engine: Engine, questions: Questions, monkeypatch: Any) -> None:
    form = chat.around("You are a helpful assistant.")
    other = replace(form, tail=(chat.END, chat.START, "assistant\n"))
    monkeypatch.setattr(chat, "around", lambda system: other)
    assert verify_loaded(golden, engine, questions).stage == "template"


def test_other_answers_are_named_here(golden: Golden, engine: Engine, questions: Questions, monkeypatch: Any) -> None:
    whole = LocalBackend.generate

    def cut(self: LocalBackend, requests: Any) -> Iterator[Completion]:
        for one in whole(self, requests):
            yield replace(one, text=one.text.replace(chat.BOX_END.text, ""))  # type: ignore[arg-type, type-var]

    monkeypatch.setattr(LocalBackend, "generate", cut)
    verdict = verify_loaded(golden, engine, questions)
    assert verdict.stage == "answers" and verdict.question == "two-pictures"


def over_a_server(plant: Plant, golden: Golden, owner: str) -> Any:
    engine = planted(plant)
    server = StandIn(
        LocalBackend(engine), owner=owner, engine=engine, tamper=plant.request, retell=plant.retold
    )  # fmt: skip
    with server:
        backend = ServerBackend(server.url, "umit-phantom", concurrency=1)
        return verify_engine(golden, backend, PHANTOM, name="server")


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_difference_is_named_over_a_server(name: str, golden: Golden) -> None:
    assert over_a_server(PLANTS[name], golden, "vllm").stage == PLANTS[name].stage


@pytest.mark.parametrize("name", [name for name, plant in PLANTS.items() if plant.plain is not None])
def test_a_server_that_tells_little_shows_what_it_can(name: str, golden: Golden) -> None:
    plant = PLANTS[name]
    verdict = over_a_server(
        replace(plant, retold=lambda told: (plant.retold(told), told.pop("prompt_text"), None)[-1]), golden, "somebody"
    )
    assert verdict.stage == plant.plain
    assert verdict.shown["normalisation"] == "not shown" and verdict.shown["resize"] == "by number of tokens"


def test_a_server_like_these_weights_gets_a_certificate(golden: Golden) -> None:
    verdict = over_a_server(Plant(""), golden, "vllm")
    assert verdict.equal, verdict.to_dict()
    assert verdict.shown["template"] == "itself" and verdict.shown["normalisation"] == "by log-probabilities"
    assert verdict.furthest is not None and verdict.furthest < 1e-4


def test_other_weights_are_no_rounding(golden: Golden, engine: Engine, questions: Questions) -> None:
    with __import__("torch").no_grad():
        engine.model.get_input_embeddings().weight.mul_(1.2)
    assert verify_loaded(golden, engine, questions).stage == "weights"


def test_a_server_that_fails_is_an_error_not_a_verdict(golden: Golden) -> None:
    class Broken:
        def shown(self, request: Request) -> Shown:
            return Shown()

        def generate(self, requests: Any) -> Iterator[Completion | UMITError]:
            yield ServerError("gone")

    with pytest.raises(ServerError, match="gone"):
        verify_engine(golden, Broken(), PHANTOM, name="broken")


def test_a_record_of_other_questions_is_refused(golden: Golden) -> None:
    other = Checkpoint(name="other", task_names=("classify",))
    with pytest.raises(InputError, match="expected a record of the questions"):
        verify_weights(golden, "umit-phantom", other)


def test_a_card_without_films_is_refused() -> None:
    with pytest.raises(InputError, match="knows none"):
        record("umit-phantom", Checkpoint(name="other", task_names=("detect_3d",)))


def test_the_verbs_see_what_the_questions_ask(questions: Questions) -> None:
    names = {"no-picture", "open", "options-en", "options-zh", "two-pictures", "classes", "boxes", "points", "report"}
    assert questions.keys() == names
    assert not questions["no-picture"].frames and len(questions["two-pictures"].frames) == 2
    assert replace(UMIT.from_pretrained().checkpoint, confidence=None) == PHANTOM

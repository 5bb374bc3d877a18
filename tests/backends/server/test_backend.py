"""The client against the stand-in: in order, lazily, several at a time, and the same answers as the weights."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.backends.stand_in import StandIn
from umit import UMIT, Ask, Find, load
from umit.backends.server.backend import ServerBackend
from umit.chat import BOX_END, BOX_START, Completion, Request
from umit.errors import CheckpointError, InputError, ServerError, UMITError
from umit.phantom import draw_film
from umit.results import Answer
from umit.testing import ScriptedBackend, tiny_checkpoint

FRAME = np.zeros((28, 56, 3), np.uint8)


def asked(number: int) -> Request:
    return Request(words=(f"Question {number}",), frames=(FRAME,))


def echo(request: Request) -> str:
    return str(request.words[0]).removeprefix("Question ")


def texts(found: Iterator[Completion | UMITError]) -> list[str]:
    return [one.text if isinstance(one, Completion) else str(one) for one in found]


def test_answers_come_in_order_and_at_once() -> None:
    def slow(request: Request) -> str:
        time.sleep(0.02 if int(echo(request)) % 3 else 0.1)
        return echo(request)

    with StandIn(ScriptedBackend(slow)) as server:
        found = texts(ServerBackend(server.url, "umit-phantom", concurrency=4).generate(map(asked, range(20))))
    assert found == [str(k) for k in range(20)]
    assert server.most_at_once == 4


def test_requests_are_pulled_a_bounded_number_ahead() -> None:
    pulled = 0

    def requests() -> Iterator[Request]:
        nonlocal pulled
        for number in range(1000):
            pulled += 1
            yield asked(number)

    with StandIn(ScriptedBackend(echo)) as server:
        answers = ServerBackend(server.url, "umit-phantom", concurrency=3).generate(requests())
        assert pulled == 0
        for done in range(1, 5):
            next(answers)
            assert pulled <= 6 + done
        answers.close()
        waiting = threading.active_count()
    assert waiting < 30


def test_a_question_that_fails_leaves_the_others() -> None:
    with StandIn(ScriptedBackend(echo)) as server:
        found = texts(
            ServerBackend(server.url, "umit-phantom").generate(
                [asked(0), Request(words=("Is <|im_end|> here?",)), asked(2)]
            )
        )
    assert found[0] == "0" and found[2] == "2"
    assert "got '<|im_end|>', which a server takes for a control token" in found[1]


def test_our_own_failure_in_the_requests_is_raised() -> None:
    def requests() -> Iterator[Request]:
        yield asked(0)
        raise RuntimeError("ours")

    with StandIn(ScriptedBackend(echo)) as server, pytest.raises(RuntimeError, match="ours"):
        list(ServerBackend(server.url, "umit-phantom").generate(requests()))


@pytest.mark.parametrize("wrong", [0, -1])
def test_a_concurrency_is_one_or_more(wrong: int) -> None:
    with pytest.raises(InputError, match="concurrency of 1 or more"):
        ServerBackend("http://localhost", "a", concurrency=wrong)


def test_a_template_that_adds_a_system_line_is_refused() -> None:
    """As Qwen2-VL's own does, and the card says that there is none."""
    with StandIn(ScriptedBackend(echo), system="You are a helpful assistant.") as server:
        (found,) = ServerBackend(server.url, "umit-phantom").generate([Request(words=("Question 1",), system="")])
    assert isinstance(found, ServerError)
    assert "got 'system" in str(found) and "start it by what umit serve prints" in str(found)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "weights")


@pytest.mark.parametrize("owner", ["vllm", "sglang", "somebody"])
def test_what_weights_say_is_what_is_got(tiny: Path, owner: str) -> None:
    local = UMIT.from_pretrained(tiny, constrained=False)  # the stand-in guides nothing
    film = load(draw_film(3).pixels, axes="yx")
    items = [
        (film, Ask("Which organ?")),
        (film, Ask("Which organ?", ("lung", "heart", "heart and lung"))),
        (film, Ask("哪个器官？", ("肺", "心脏"), language="zh")),
        (film, Find("nodule")),
    ]
    with StandIn(local.backend, owner=owner) as server:
        remote = UMIT.from_server(server.url, tiny, api_key="k")
        remote.constrained = False
        ours, theirs = (list(model.predict(items, progress=False)) for model in (local, remote))
    for one, other in ((theirs[0], ours[0]), (theirs[3], ours[3])):
        assert getattr(one, "raw", str(one)) == getattr(other, "raw", str(other))
        if owner == "vllm":
            assert getattr(one, "mean_logprob", 0) == pytest.approx(getattr(other, "mean_logprob", 0), abs=1e-5)
    for one, other in zip(theirs[1:3], ours[1:3], strict=True):
        assert isinstance(other, Answer) and other.probabilities
        if owner == "vllm":
            assert isinstance(one, Answer) and one.raw == other.raw
            assert one.probabilities == pytest.approx(other.probabilities, abs=1e-6)
    assert set(server.keys) == {"Bearer k"}


def test_what_goes_out_is_the_picture_to_the_pixel_and_the_words() -> None:
    heard: list[Request] = []

    def hear(request: Request) -> Completion:
        heard.append(request)
        return Completion(text="a", finish_reason="length")

    noise = np.random.default_rng(1).integers(0, 256, (56, 28, 3), np.uint8)
    sent = Request(
        words=("Find ", BOX_START, "x", BOX_END), frames=(noise, FRAME), max_new_tokens=7, system="Be short."
    )
    with StandIn(ScriptedBackend(hear)) as server:
        (found,) = ServerBackend(server.url, "umit-phantom").generate([sent])
    (came,) = heard
    assert isinstance(found, Completion) and found.finish_reason == "length"
    assert came.words == sent.words and came.system == sent.system and came.max_new_tokens == 7
    assert all((one == other).all() for one, other in zip(came.frames, sent.frames, strict=True))
    assert server.bodies[0]["skip_special_tokens"] is False
    assert server.bodies[0]["spaces_between_special_tokens"] is False


def test_patterns_guide_where_the_server_can() -> None:
    request = Request(words=("Where?",), pattern=r"\[\d{1,4},\d{1,4}\]")
    sent = {}
    for owner in ("vllm", "sglang", "somebody"):
        for guided in (True, False):
            with StandIn(ScriptedBackend(lambda r: "a"), owner=owner) as server:
                list(ServerBackend(server.url, "umit-phantom", guided=guided).generate([request]))
            sent[owner, guided] = server.bodies[0]
    assert sent["vllm", True]["structured_outputs"] == {"regex": request.pattern}
    assert sent["sglang", True]["regex"] == request.pattern
    for key in (("vllm", False), ("sglang", False), ("somebody", True), ("somebody", False)):
        assert not {"structured_outputs", "regex"} & sent[key].keys()
    assert sent["somebody", True].keys() == {
        "model", "messages", "max_tokens", "temperature", "top_p", "frequency_penalty"
    }, "what transformers serve takes, and no more"  # fmt: skip


def test_a_card_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckpointError, match="pass card="):
        UMIT.from_server("http://localhost:1", "somebody/else")
    assert (
        UMIT.from_server("http://localhost:1", "somebody/else", card="dz-osamu/VQA").checkpoint.name == "dz-osamu/VQA"
    )


def test_the_key_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMIT_SERVER_KEY", "from-the-shell")
    with StandIn(ScriptedBackend(lambda r: "a"), key="from-the-shell") as server:
        model = UMIT.from_server(server.url)
        assert model.answer(load(np.zeros((64, 64), np.uint8), axes="yx"), "Which organ?").text == "a"
    assert "from-the-shell" not in repr(model) + repr(vars(model))


def test_words_before_the_pictures_stay_there() -> None:
    heard = ScriptedBackend(lambda request: "a")
    with StandIn(heard) as server:
        sent = Request(lead=("Look: ",), words=("which plane?",), frames=(FRAME,))
        assert texts(ServerBackend(server.url, "umit-phantom").generate([sent])) == ["a"]
    assert heard.requests[0].lead == ("Look: ",) and heard.requests[0].words == ("which plane?",)


def test_what_the_template_writes_is_asked_once_where_the_card_leaves_it_to_it() -> None:
    request = Request(words=("Which plane?",), frames=(FRAME,), system=None)
    scored = replace(request, options=(("axial",), ("coronal",)))

    def reply(asked: Request) -> Completion:
        return Completion(text="a", option_logprobs=(-1.0,) if asked.options else None)

    with StandIn(ScriptedBackend(reply), system="Be kind.") as server:
        found = list(ServerBackend(server.url, "umit-phantom", concurrency=1).generate([request, scored, request]))
    assert [one for one in found if isinstance(one, UMITError)] == []
    assert len(server.bodies) == 1 + 1 + 2 + 1
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "Which plane is this?"}]

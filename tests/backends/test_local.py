"""The local backend against transformers itself: same tokens, same probabilities, one by one or together."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from umit import UMIT, chat
from umit.backends.local import backend as backend_module
from umit.backends.local import options, prefix
from umit.backends.local.backend import LocalBackend
from umit.backends.local.generate import Row, Slots
from umit.chat import BOX_START, Completion, Request
from umit.checkpoints import PHANTOM
from umit.engine.families import FAMILIES
from umit.engine.load import Engine, load_engine
from umit.engine.pixels import grid, patches
from umit.errors import BackendError, InputError
from umit.testing import tiny_checkpoint

LENGTH = 12


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return load_engine(tiny_checkpoint(tmp_path_factory.mktemp("tiny")), device="cpu")


@pytest.fixture(scope="module", params=[*FAMILIES])
def each(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """One engine of each family."""
    return load_engine(tiny_checkpoint(tmp_path_factory.mktemp("tiny"), family=request.param), device="cpu")


def picture(seed: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


A, B, C = picture(0, 56, 84), picture(1, 28, 28), picture(2, 84, 56)
YES_NO = (("1:yes",), ("2:no",))
LABELS = tuple((f"{i}:{word}",) for i, word in enumerate(("liver", "spleen", "left kidney")))


def asked(text: str, *frames: NDArray[np.uint8], **settings: object) -> Request:
    request = Request(words=(text,), frames=frames, max_new_tokens=LENGTH)
    return replace(request, **settings)  # type: ignore[arg-type]


#: Mixed lengths, pictures, system lines and options; the first three share their pictures.
MIXED = [
    asked("Is there a nodule in this image?", A),
    asked("Q", A, options=YES_NO),
    asked("Which organ is shown, please?", A.copy(), options=LABELS),
    asked("Compare these two images.", A, B),
    asked("No picture at all."),
    asked("No picture, and options", options=YES_NO),
    asked("Short", C, system=""),
    asked("图像中有结节吗？", B, options=(("1：是",), ("2：否",))),
    asked("Find it.", B, words=("Find ", BOX_START, "x<|im_end|>"), max_new_tokens=3),
    asked("Boxes", A, options=((BOX_START, "(1,2)"), ("none",))),
]


def cut(engine: Engine, request: Request) -> Request:
    """Return a request whose pictures have as many tokens of this family as they have of Qwen2-VL."""
    side = engine.encoder.family.factor

    def larger(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
        more = [(0, n // 28 * side - n) for n in frame.shape[:2]]
        return np.pad(frame, (*more, (0, 0)), mode="wrap")

    return replace(request, frames=tuple(map(larger, request.frames)))


def inputs(engine: Engine, request: Request) -> dict[str, torch.Tensor]:
    ids = torch.tensor([engine.encoder.prompt(request)])
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if request.frames:
        given["pixel_values"] = torch.from_numpy(patches(request.frames, engine.encoder.family))
        given["image_grid_thw"] = torch.tensor([grid(f, engine.encoder.family) for f in request.frames])
        given["mm_token_type_ids"] = (ids == engine.encoder.image_pad).long()
    return given


def same(one: Completion, other: Completion) -> None:
    assert (one.text, one.finish_reason) == (other.text, other.finish_reason)
    assert one.logprob == pytest.approx(other.logprob, abs=1e-4)
    assert (one.option_logprobs is None) == (other.option_logprobs is None)
    if one.option_logprobs:
        assert one.option_logprobs == pytest.approx(other.option_logprobs, abs=1e-4)


@pytest.mark.parametrize("batch", [3, 10])
def test_together_as_one_by_one(each: Engine, batch: int) -> None:
    mixed = [cut(each, request) for request in MIXED]
    single = [c for r in mixed for c in LocalBackend(each, batch=1).generate([r])]
    for one, other in zip(single, LocalBackend(each, batch=batch).generate(mixed), strict=True):
        same(one, other)


@pytest.mark.parametrize("request_", [r for r in MIXED if not r.options])
def test_free_text_as_transformers_writes_it(each: Engine, request_: Request) -> None:
    engine, request_ = each, cut(each, request_)
    (found,) = LocalBackend(engine).generate([request_])
    given = inputs(engine, request_)
    out = engine.model.generate(
        **given,
        do_sample=False,
        max_new_tokens=request_.max_new_tokens,
        return_dict_in_generate=True,
        output_logits=True,
    )
    ids = out.sequences[0, given["input_ids"].shape[1] :].tolist()
    assert found.text == engine.encoder.text(ids)
    ended = ids[-1] == engine.encoder.end
    assert found.finish_reason == ("stop" if ended else "length")
    scores = torch.stack(out.logits)[:, 0].log_softmax(-1)
    wanted = scores[torch.arange(len(ids)), ids].sum().item()
    assert found.logprob == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("request_", [r for r in MIXED if r.options])
def test_options_as_whole_answers_score(each: Engine, request_: Request) -> None:
    engine, request_ = each, cut(each, request_)
    (found,) = LocalBackend(engine).generate([request_])
    wanted = []
    for option in request_.options:
        answer = engine.encoder.answer(option)
        assert answer[-1] == engine.encoder.end
        given = inputs(engine, request_)
        ids = torch.cat([given["input_ids"], torch.tensor([answer])], dim=1)
        kinds = (ids == engine.encoder.image_pad).long()
        given |= {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        given |= {"mm_token_type_ids": kinds} if request_.frames else {}
        with torch.inference_mode():
            scores = engine.model(**given).logits[0].log_softmax(-1)[-len(answer) - 1 : -1]
        wanted.append(scores[torch.arange(len(answer)), answer].sum().item())
    assert found.option_logprobs == pytest.approx(wanted, abs=1e-4)
    best = int(np.argmax(wanted))
    assert found.text == chat.spell(request_.options[best])
    assert found.logprob == pytest.approx(wanted[best], abs=1e-4)
    assert found.finish_reason == "stop"


ORGANS = tuple((f"{i}:organ {i}",) for i in range(40))


def test_long_lists_of_options_score_as_in_one_row(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = [asked("Q", A, options=ORGANS), asked("Which?", options=LABELS)]
    together = list(LocalBackend(engine).generate(questions))
    for longest in (1, 60):  # one option a row; several, the last row of another length
        monkeypatch.setattr(options, "_LONGEST", longest)
        for one, other in zip(together, LocalBackend(engine).generate(questions), strict=True):
            assert one.text == other.text
            assert one.option_logprobs == pytest.approx(other.option_logprobs, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("piece", [1, 7])
def test_long_words_are_read_in_pieces(engine: Engine, monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    whole = list(LocalBackend(engine).generate(MIXED))
    monkeypatch.setattr(prefix, "_PIECE", piece)
    for one, other in zip(whole, LocalBackend(engine).generate(MIXED), strict=True):
        same(one, other)


def test_work_grows_as_the_number_of_options(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the pairs of tokens that are compared."""
    pairs, real = [0], options.read

    def counted(engine: Engine, context: Any, embedded: torch.Tensor, *rest: Any) -> object:
        rows, length, _ = embedded.shape
        pairs[0] += rows * length * (context.real.shape[1] + length)
        return real(engine, context, embedded, *rest)

    monkeypatch.setattr(options, "read", counted)
    monkeypatch.setattr(options, "_LONGEST", 64)
    for count in (10, 40):
        several = tuple((f"{i}:organ {i}",) for i in range(10, 10 + count))
        list(LocalBackend(engine).generate([asked("Q", options=several)]))
        pairs.append(pairs[0])
    _, few, all_ = pairs
    assert 3.5 < (all_ - few) / few < 4.5


def test_greedy_twice_gives_the_same(engine: Engine) -> None:
    backend = LocalBackend(engine, batch=4)
    for one, other in zip(backend.generate(MIXED), [*backend.generate(MIXED)], strict=True):
        same(one, other)


def test_lazy_and_at_most_a_batch_ahead(engine: Engine) -> None:
    pulled = 0

    def endless() -> Iterator[Request]:
        nonlocal pulled
        while True:
            pulled += 1
            yield asked("Q", B, max_new_tokens=1)

    answers = LocalBackend(engine, batch=2).generate(endless())
    assert pulled == 0
    for _ in range(20):
        next(answers)
    assert pulled <= 20 + 8


@pytest.mark.parametrize(
    ("shown", "most", "taken"),
    [  # pictures of a question, the most questions, how many go together
        (A, 32, 8),  # large pictures: few
        (C, 5, 5),  # never more than asked
        (B, 32, 12),  # until they are enough
        (None, 32, 32),  # words alone: all
    ],
)
def test_fewer_together_of_large_pictures(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, shown: NDArray[np.uint8] | None, most: int, taken: int
) -> None:
    monkeypatch.setattr(backend_module, "_TOKENS", 12)  # A and C have six tokens, B one
    apart = [() if shown is None else (shown.copy(),) for _ in range(100)]
    assert groups(engine, monkeypatch, [asked("Q", *one, max_new_tokens=1) for one in apart], most)[0] == taken


@pytest.mark.parametrize(
    ("kept", "most", "taken"),
    [
        (1000, 5, 10),  # on the same picture twice as many
        (30, 32, 8),  # but few where all together would hold too much
        (60, 32, 10),
    ],
)
def test_questions_on_one_picture_go_together(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, kept: int, most: int, taken: int
) -> None:
    monkeypatch.setattr(backend_module, "_KEPT", kept)  # a question holds six
    assert groups(engine, monkeypatch, [asked("Q", A, max_new_tokens=1)] * 100, most)[0] == taken


def groups(engine: Engine, monkeypatch: pytest.MonkeyPatch, questions: list[Request], batch: int) -> list[int]:
    """Return how many questions are read together, each time."""
    sizes: list[int] = []
    real = backend_module.read_prefixes

    def counted(engine: Engine, requests: list[Request], known: prefix.Pictures) -> object:
        sizes.append(len(requests))
        return real(engine, requests, known)

    monkeypatch.setattr(backend_module, "read_prefixes", counted)
    assert len(list(LocalBackend(engine, batch=batch).generate(questions))) == len(questions) == sum(sizes)
    return sizes


def test_places_that_come_free_are_taken(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are as wide as there are questions, whatever their lengths; each gets what it gets alone."""
    lengths = [1, 40, 2, 3, 1, 30, 2, 1, 25, 2, 1, 3, 20, 1, 2, 1]
    shown = [picture(k, 28, 28 * (1 + k % 3)) for k in range(len(lengths))]
    questions = [
        asked(f"Question {k}", p, max_new_tokens=n) for k, (n, p) in enumerate(zip(lengths, shown, strict=True))
    ]
    alone = [next(LocalBackend(engine).generate([one])) for one in questions]
    widths: list[int] = []
    real = Slots.step

    def counted(slots: Slots) -> list[Row]:
        widths.append(len(slots))
        return real(slots)

    monkeypatch.setattr(Slots, "step", counted)
    together = list(LocalBackend(engine, batch=4).generate(questions))
    for one, other in zip(alone, together, strict=True):
        same(one, other)
    useful = sum(one.tokens or 0 for one in together)
    assert sum(widths) == useful  # nothing is computed for answers that have ended
    assert len(widths) < 0.7 * sum(max(c.tokens or 0 for c in together[k : k + 4]) for k in range(0, len(together), 4))


def test_a_step_that_does_not_fit_begins_again_in_halves(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    real, widths = Slots.step, []

    def small_memory(slots: Slots) -> list[Row]:
        widths.append(len(slots))
        if len(slots) > 2:
            raise torch.OutOfMemoryError
        return real(slots)

    monkeypatch.setattr(Slots, "step", small_memory)
    questions = [asked(f"Question {k}", A, max_new_tokens=3) for k in range(5)]
    found = list(LocalBackend(engine, batch=5).generate(questions))
    assert widths[:2] == [5, 2] and max(widths[1:]) == 2
    monkeypatch.undo()
    for one, other in zip(found, LocalBackend(engine).generate(questions), strict=True):
        same(one, other)


def test_each_picture_is_encoded_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []
    encode = prefix.encode_pictures

    def counted(tower: object, values: torch.Tensor, grids: list[tuple[int, int, int]]) -> object:
        shown.append(len(grids))
        return encode(tower, values, grids)  # type: ignore[arg-type]

    monkeypatch.setattr(prefix, "encode_pictures", counted)
    backend = LocalBackend(engine, batch=2)
    questions = [asked(f"Question {i}", A.copy(), max_new_tokens=1) for i in range(5)]
    list(backend.generate(questions))
    assert sum(shown) == 1
    list(backend.generate([asked("Q", A, B, max_new_tokens=1)]))
    assert sum(shown) == 2  # A is still there from the batch before


BEGINNINGS = [  # rows of a prefix, ids asked, how many of each are read with the prefix
    ([0, 0], ["abcdefgh", "abcdefxy"], [6, 6]),  # what both begin with
    ([0, 1], ["abcdefgh", "abcdefxy"], [0, 0]),  # other pictures
    ([0, 0], ["abcxyz", "abcuvw"], [0, 0]),  # too little
    ([0, 0], ["abcdef", "abcdef"], [5, 5]),  # never everything
    ([0, 0], ["abcdef", "abcdefgh"], [5, 5]),  # nor all of one
    ([0, 0, 0], ["abcdefgh", "abcdefxy", "abcdzzzz"], [4, 4, 4]),  # 3 x 4 saves more than 2 x 6
    ([0, 0, 0], ["abcdefghijk", "abcdzz", "abcdefghijx"], [10, 5, 10]),  # it does not
    ([0, 0, 0], ["abcdefgh", "xyzxyz", "abcdefkl"], [6, 4, 6]),  # an odd one, without padding
    ([0, 1, 0], ["abcdefgh", "x", "abcdefkl"], [6, 0, 6]),  # a short one
    ([0], [""], [0]),
]


@pytest.mark.parametrize(("rows", "texts", "counts"), BEGINNINGS)
def test_beginnings(rows: list[int], texts: list[str], counts: list[int]) -> None:
    assert prefix._beginnings(rows, [[ord(c) for c in text] for text in texts]) == counts


def test_words_that_questions_begin_with_are_read_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions of two pictures in one batch: fewer tokens, and what each gets alone."""
    kinds = ("nodule", "cavity", "effusion", "enlarged heart, please")
    questions = [
        asked(f"Given this image, please answer the question: is there {kind} in this image?", shown)
        for shown in (A, B)
        for kind in kinds
    ]
    questions += [asked("Odd one", A), replace(questions[0], options=YES_NO)]
    tokens: list[int] = []
    real = prefix.read

    def counted(engine: Engine, context: object, embedded: torch.Tensor, *rest: object, **more: object) -> object:
        tokens.append(embedded.shape[0] * embedded.shape[1])
        return real(engine, context, embedded, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(prefix, "read", counted)
    once = [replace(question, max_new_tokens=1) for question in questions]
    list(LocalBackend(engine, batch=10).generate(once))
    shared = sum(tokens[:2])
    monkeypatch.setattr(prefix, "_beginnings", lambda rows, asked: [0] * len(asked))
    tokens.clear()
    list(LocalBackend(engine, batch=10).generate(once))
    assert shared < 0.8 * sum(tokens[:2])
    monkeypatch.undo()
    alone = [c for q in questions for c in LocalBackend(engine).generate([q])]
    for one, other in zip(alone, LocalBackend(engine, batch=10).generate(questions), strict=True):
        same(one, other)


def test_pictures_of_equal_bytes_and_other_shape_are_apart(engine: Engine) -> None:
    wide = np.zeros((28, 84, 3), np.uint8)
    wide[:14] = 255
    tall = wide.reshape(84, 28, 3)
    requests = [asked("Q", wide), asked("Q", tall)]
    together = list(LocalBackend(engine).generate(requests))
    for request, found in zip(requests, together, strict=True):
        same(found, next(LocalBackend(engine).generate([request])))


def test_batch_that_does_not_fit_is_halved(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    real, sizes = backend_module.read_prefixes, []

    def small_memory(engine: Engine, requests: list[Request], known: prefix.Pictures) -> object:
        sizes.append(len(requests))
        if len(requests) > 2:
            raise torch.OutOfMemoryError
        return real(engine, requests, known)

    monkeypatch.setattr(backend_module, "read_prefixes", small_memory)
    found = list(LocalBackend(engine, batch=5).generate(MIXED[:5]))
    assert sizes == [5, 2, 3, 1, 2]
    monkeypatch.undo()
    for one, other in zip(found, LocalBackend(engine).generate(MIXED[:5]), strict=True):
        same(one, other)


def test_one_request_that_does_not_fit_says_what_to_do(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*given: object) -> object:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(backend_module, "read_prefixes", no_memory)
    found = list(LocalBackend(engine, batch=4).generate(MIXED))
    assert len(found) == len(MIXED)
    assert all(isinstance(one, BackendError) and "device='cpu'" in str(one) for one in found)


@pytest.mark.parametrize("fault", [IndexError("index out of range in self"), RuntimeError("shape"), KeyError("a")])
def test_one_question_never_ends_a_batch(engine: Engine, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    real = backend_module.read_prefixes

    def failing(engine: Engine, requests: list[Request], known: prefix.Pictures) -> object:
        if any(request.words == MIXED[2].words for request in requests):
            raise fault
        return real(engine, requests, known)

    monkeypatch.setattr(backend_module, "read_prefixes", failing)
    told = list(LocalBackend(engine).generate(MIXED[:5]))
    assert [isinstance(one, BackendError) for one in told] == [False, False, True, False, False]
    assert "the weights failed" in str(told[2]) and told[2].__cause__ is fault  # type: ignore[union-attr]


def test_weights_that_give_no_numbers(engine: Engine) -> None:
    """One such answer is an error, and leaves the other."""
    context, left, _ = prefix.read_prefixes(engine, [MIXED[0], MIXED[3]], {})
    assert left == [engine.encoder.split(one)[1] for one in (MIXED[0], MIXED[3])]
    context, logits = prefix.read_words(engine, context, left)
    logits[0] = torch.nan
    slots = Slots(engine, 2, 2)
    slots.join([Row(0, MIXED[0], None), Row(1, MIXED[3], None)], context, logits)
    done = [row for _ in range(LENGTH) for row in slots.step()]
    broken, whole = (row.completion(engine) for row in done)
    assert isinstance(broken, BackendError) and "NaN" in str(broken) and not slots
    (alone,) = LocalBackend(engine).generate([MIXED[3]])
    same(whole, alone)


def test_options_that_give_no_numbers(engine: Engine) -> None:
    context, _, _ = prefix.read_prefixes(engine, MIXED[:1], {})
    with pytest.raises(BackendError, match="NaN"):
        options.choose(engine, context, torch.full((1, 300), torch.nan), [YES_NO])


def test_batch_below_one(engine: Engine) -> None:
    with pytest.raises(InputError, match="batch of 1"):
        LocalBackend(engine, batch=0)


def test_a_model_crosses_process_borders(engine: Engine) -> None:
    model = UMIT(LocalBackend(engine), PHANTOM, fingerprint=engine.fingerprint)
    again = pickle.loads(pickle.dumps(model))
    assert (again.checkpoint, again.fingerprint) == (model.checkpoint, model.fingerprint)
    for one, other in zip(model.backend.generate(MIXED), again.backend.generate(MIXED), strict=True):
        same(one, other)

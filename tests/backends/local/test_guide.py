"""Written answers under a pattern: every one can be read, whatever the weights are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np
import pytest

import umit
from umit.backends.local import generate, guide
from umit.backends.local.automaton import NOTHING, Node
from umit.backends.local.backend import LocalBackend
from umit.backends.local.guide import Guide, Guides, Vocabulary
from umit.chat import BOX_END, BOX_START, Completion, Request
from umit.checkpoints import PHANTOM
from umit.embedded import embedded
from umit.engine.load import Engine, load_engine
from umit.errors import InputError, OutputError, UMITError
from umit.imaging.view import render
from umit.model import UMIT
from umit.patterns import Corners, one_of, until
from umit.phantom import draw_film
from umit.queries import Ask, Choose, Find, Language, Locate, Query
from umit.results import Detections
from umit.testing import tiny_checkpoint

BOX = Corners((f"{BOX_START.text}(", ",", "),(", ",", f"){BOX_END.text}"), (800, 800))


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return load_engine(tiny_checkpoint(tmp_path_factory.mktemp("tiny")), device="cpu")


class Counted:
    """A backend that writes only, and counts what it wrote."""

    def __init__(self, backend: LocalBackend) -> None:
        self._backend = backend
        self.ends: Counter[str] = Counter()
        self.forced = 0

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for found in self._backend.generate(replace(r, options=(), max_new_tokens=2048) for r in requests):
            self.ends[found.finish_reason] += 1
            self.forced += found.forced
            yield found


def questions(language: Language) -> list[Query]:
    nodule = "nodule" if language == "en" else "结节"
    options = ("yes", "no", "(a) [b]?") if language == "en" else ("是", "否", "不确定。")
    return [
        Find(nodule, language=language),
        Locate("Sella", language=language),
        Ask("Which?", options, language=language),
        Choose(tuple(f"organ {k}" for k in range(12)), language=language),
        Choose((nodule,), several=True, language=language),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("depth", [1, 6], ids=["film", "volume"])
def test_an_untrained_model_at_temperature_2_is_always_readable(engine: Engine, depth: int) -> None:
    counted = Counted(LocalBackend(engine, temperature=2.0, seed=depth))
    model = UMIT(counted, PHANTOM)
    scan = umit.Scan(np.random.default_rng(0).integers(0, 255, (depth, 40, 50), np.uint8))
    asked = [q for q in (*questions("en"), *questions("zh")) if depth == 1 or not isinstance(q, Locate)]
    items = [(scan, query) for query in asked for _ in range(12)]
    found = list(model.predict(items, progress=False))
    assert [one for one in found if isinstance(one, UMITError)] == []
    assert counted.ends.keys() == {"stop"}
    assert counted.forced > 100  # or else nothing was tried
    boxes = [one for one in found if isinstance(one, Detections)]
    assert any(boxes)
    assert not any("sorted" in note or "clipped" in note for one in found for note in one.warnings)  # type: ignore[union-attr]
    assert any(note.startswith("constrained: ") for one in found for note in one.warnings)  # type: ignore[union-attr]


def test_free_the_same_model_is_not(engine: Engine) -> None:
    model = UMIT(LocalBackend(engine, temperature=2.0), PHANTOM, constrained=False)
    film = umit.Scan(np.zeros((1, 40, 50), np.uint8))
    found = list(model.predict([(film, Locate("Sella")) for _ in range(8)], progress=False))
    assert all(isinstance(one, OutputError) for one in found)


def test_the_likeliest_token_that_may_come(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    request = Request(words=("Where?",), pattern=f"({BOX.pattern}){{1,3}}|none", corners=BOX, max_new_tokens=90)
    (free,) = LocalBackend(engine).generate([replace(request, pattern=None)])
    (found,) = LocalBackend(engine).generate([request])
    assert found.forced > 0 and free.forced == 0
    assert found.tokens is not None and found.tokens > 1
    monkeypatch.setattr(guide, "_LIKELY", 1)  # all that may come are looked for
    (same,) = LocalBackend(engine).generate([request])
    assert same == found
    monkeypatch.setattr(guide, "_STEPS", 1)  # what is known is forgotten at every step
    (same,) = LocalBackend(engine).generate([request])
    assert same == found


def test_what_fits_is_written_as_without_a_pattern() -> None:
    film, asked = draw_film(10_000_001), Find("heart")
    model = UMIT(LocalBackend(load_engine(embedded(), device="cpu")), PHANTOM)
    task = PHANTOM.task("detect_2d")
    view = render(umit.load(film.pixels, axes="yx"), task.rendering(volume=False))
    request = task.request(asked, view)
    (free,) = model.backend.generate([replace(request, pattern=None, corners=None)])
    (found,) = model.backend.generate([request])
    assert free.text.startswith(BOX_START.text)
    assert found == free


@pytest.fixture(scope="module")
def made(engine: Engine) -> Callable[[str], tuple[guide.Guide, Callable[[str], Node | None]]]:
    guides = Guides(engine.encoder)

    def make(pattern: str) -> tuple[guide.Guide, Callable[[str], Node | None]]:
        (one,) = guides.of([(pattern, BOX)])
        assert one is not None

        def walk(text: str) -> Node | None:
            state: Node | None = one.start
            for token in engine.encoder.tokenizer.encode(text, add_special_tokens=False):
                state = None if state is None else one.after(state, token)
            return state

        return one, walk

    return make


def test_control_tokens_come_by_their_ids(engine: Engine, made: Callable[..., object]) -> None:
    one, walk = made(f"{BOX.pattern}")  # type: ignore[misc]
    spelled = engine.encoder.tokenizer.encode(BOX_START.text, add_special_tokens=False, split_special_tokens=True)
    assert len(spelled) > 1
    assert one.after(one.start, spelled[0]) is None, "the characters of a control token"
    end = walk(f"{BOX_START.text}(1,2),(30,40){BOX_END.text}")
    assert end is not None and end.nullable and not end.first


def test_no_words_hold_a_control_token_or_half_a_character(engine: Engine, made: Callable[..., object]) -> None:
    vocabulary = Vocabulary(engine.encoder)
    one, walk = made(r"[\s\S]*\S[\s\S]*")  # type: ignore[misc]
    assert one.after(one.start, engine.encoder.image_pad) is None
    assert vocabulary.symbols(engine.encoder.image_pad) == (256 + 4,)
    half = next(token for token in range(400) if vocabulary.symbols(token) == ("肺".encode()[0],))
    state = one.after(one.start, half)
    assert state is not None and not state.nullable
    assert all(vocabulary.symbols(token)[0] & 0xC0 == 0x80 for token in vocabulary.allowed(state))
    assert walk(" \n").nullable is False and walk(" a").nullable is True


def test_reasoning_is_free_before_the_answer(made: Callable[..., object]) -> None:
    _, walk = made(until("</think>") + r"\s*(" + one_of("1:yes", "2:no") + ")")  # type: ignore[misc]
    assert walk("I see <b> nothing </think>\n2:no").nullable
    assert walk("</think>2:no</think>2:no") is None
    assert walk("2:no") is not None and not walk("2:no").nullable


def test_a_pattern_that_is_none_is_told(engine: Engine) -> None:
    fine = Request(words=("Q",), max_new_tokens=3)
    told = list(LocalBackend(engine).generate([fine, replace(fine, pattern="(?=a)"), fine]))
    assert isinstance(told[1], InputError) and "plain regular expression" in str(told[1])
    assert isinstance(told[0], Completion) and isinstance(told[2], Completion)
    assert told[0].text == told[2].text, "the other questions of its batch are answered"


@pytest.mark.parametrize("temperature", [-1.0, float("nan"), float("inf")])
def test_temperatures(engine: Engine, temperature: float) -> None:
    with pytest.raises(InputError, match="temperature"):
        LocalBackend(engine, temperature=temperature)


def test_draws_follow_the_probabilities() -> None:
    import torch

    chances = torch.tensor([0.7, 0.2, 0.1])
    draw = generate.Draw(0.5, torch.Generator().manual_seed(0))
    taken = Counter(int(draw.shifted(chances.log()[None]).argmax()) for _ in range(2000))
    sharper = chances**2 / (chances**2).sum()  # at half the temperature
    for k, wanted in enumerate(sharper.tolist()):
        assert taken[k] / 2000 == pytest.approx(wanted, abs=0.03)


def test_patterns_of_a_volume_and_a_film_are_their_frames() -> None:
    film = umit.Scan(np.zeros((1, 40, 50), np.uint8))
    task = PHANTOM.task("detect_2d")
    request = task.request(Find("nodule"), render(film, task.rendering(volume=False)))
    assert request.corners is not None and request.corners.size == (800, 800)
    assert request.pattern is not None and request.corners.pattern in request.pattern


def test_tokenizers_do_not_share_what_their_tokens_spell(engine: Engine) -> None:
    """Guides of one pattern meet in the same states; a token of the one is no token of the other."""
    other = load_engine(embedded(), device="cpu").encoder
    pattern = f"({BOX.pattern}){{1,3}}|none of these"
    first, second = (Guides(encoder).of([(pattern, BOX)])[0] for encoder in (engine.encoder, other))
    alone = Guide(Vocabulary(other), pattern, BOX)
    assert first is not None and second is not None
    numbers = range(len(other.tokenizer.get_vocab()))  # type: ignore[attr-defined]
    states = [[guide.start] for guide in (first, second, alone)]
    for byte in b"none of":
        for path in states:
            path.append(path[-1].after(byte))
    for mine, theirs, own in zip(*states, strict=True):
        for number in numbers:
            first.after(mine, number)
        assert [second.after(theirs, n) is None for n in numbers] == [
            not _spells(alone, own, alone._vocabulary.symbols(n)) for n in numbers
        ]


def _spells(guide: Guide, state: Node, symbols: tuple[int, ...]) -> bool:
    for symbol in symbols:
        state = state.after(symbol)
    return bool(symbols) and state is not NOTHING

"""Scripted models that write in every known frame are recovered; noise, refusals and doubts write no card."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from umit import UMIT
from umit.calibration import Frame, measure_frame, shapes
from umit.calibration.drawn import SIZES
from umit.calibration.measure import Measurement
from umit.chat import Request
from umit.checkpoints import KNOWN, PHANTOM, read_card, write_card
from umit.errors import BackendError
from umit.imaging.view import Rendering
from umit.testing import ScriptedBackend

GENERIC = KNOWN["generic:qwen2_5_vl"]
Write = Callable[[list[float]], str]
Sides = Callable[[tuple[int, int], tuple[int, int]], tuple[float, float]]


def seen(request: Request) -> tuple[list[float], tuple[int, int], tuple[int, int]]:
    """What a model that sees would know: the rectangle as shares, the fed size and the picture's own."""
    frame = request.frames[0]
    bright = frame[..., 0] > 140
    rows, columns = np.flatnonzero(bright.any(1)), np.flatnonzero(bright.any(0))
    height, width = frame.shape[:2]
    box = [columns[0] / width, rows[0] / height, (columns[-1] + 1) / width, (rows[-1] + 1) / height]
    original = min(SIZES, key=lambda size: abs(math.log(size[0] / size[1] * height / width)))
    return [float(v) for v in box], (width, height), original


def whole(numbers: list[float]) -> str:
    x1, y1, x2, y2 = map(round, numbers)
    return f'```json\n[\n\t{{"bbox_2d": [{x1}, {y1}, {x2}, {y2}], "label": "white rectangle"}}\n]\n```'


def tokens(numbers: list[float]) -> str:
    return "<|box_start|>({},{}),({},{})<|box_end|>".format(*map(round, numbers))


def bare(numbers: list[float]) -> str:
    return ", ".join(f"{v:.3f}" for v in numbers)


def ref(numbers: list[float]) -> str:
    return "<|ref|>white rectangle<|/ref|><|box|>({},{}),({},{})<|/box|>".format(*map(round, numbers))


def lists(numbers: list[float]) -> str:
    return "White rectangle <box>[[{}, {}, {}, {}]]</box>".format(*map(round, numbers))


def floats(numbers: list[float]) -> str:
    return json.dumps([{"bbox_2d": [v + 0.0277777 for v in numbers], "label": "white rectangle"}])


def single_quotes(numbers: list[float]) -> str:
    x1, y1, x2, y2 = map(round, numbers)
    return f"<think>There.</think><answer>{{'bbox': [{x1}, {y1}, {x2}, {y2}], 'points_1': [1, 2]}}</answer>"


def canvas(width: int, height: int) -> Sides:
    return lambda fed, original: (width, height)


def scripted(sides: Sides, write: Write, *, lower: bool = False, noise: float = 0.0, seed: int = 0) -> ScriptedBackend:
    dice = np.random.default_rng(seed)

    def reply(request: Request) -> str:
        (x1, y1, x2, y2), fed, original = seen(request)
        y1, y2 = (1 - y2, 1 - y1) if lower else (y1, y2)
        x1, y1, x2, y2 = np.array([x1, y1, x2, y2]) + dice.normal(0, noise, 4) if noise else (x1, y1, x2, y2)
        width, height = sides(fed, original)
        return write([x1 * width, y1 * height, x2 * width, y2 * height])

    return ScriptedBackend(reply)


#: The zoo of frames that fine-tunes of Qwen-VL write in, each in its own spelling.
ZOO: dict[str, tuple[ScriptedBackend, Frame, str]] = {
    "Qwen2-VL": (scripted(canvas(1000, 1000), tokens), Frame("canvas", (1000, 1000)), "qwen"),
    "Qwen2.5-VL": (scripted(lambda fed, original: fed, whole), Frame("pixels_fed"), "json"),
    "Qwen3-VL": (scripted(canvas(1000, 1000), whole), Frame("canvas", (1000, 1000)), "json"),
    "UMIT, boxes": (scripted(canvas(1024, 1024), tokens), Frame("canvas", (1024, 1024)), "qwen"),
    "UMIT, points": (scripted(canvas(600, 800), tokens), Frame("canvas", (600, 800)), "qwen"),
    "CheXOne": (scripted(canvas(100, 100), ref), Frame("canvas", (100, 100)), "ref"),
    "MedMO, thousandths": (scripted(canvas(1000, 1000), lists), Frame("canvas", (1000, 1000)), "lists"),
    "MedMO, pixels": (scripted(canvas(1280, 1280), lists), Frame("canvas", (1280, 1280)), "lists"),
    "MedVision": (scripted(canvas(1, 1), bare, lower=True), Frame("canvas", (1, 1), "lower-left"), "bare"),
    "PointDetectCount": (scripted(lambda fed, original: original, floats), Frame("pixels_original"), "json"),
    "MedReasoner": (scripted(canvas(840, 840), single_quotes), Frame("canvas", (840, 840)), "json"),
    "Citrus-V": (scripted(lambda fed, original: fed, tokens), Frame("pixels_fed"), "qwen"),
    "VLM-R1": (scripted(lambda fed, original: original, whole), Frame("pixels_original"), "json"),
    "RadVLM": (scripted(canvas(1, 1), lambda n: f"[{n[0]:.2f}, {n[1]:.2f}, {n[2]:.2f}, {n[3]:.2f}]"),
               Frame("canvas", (1, 1)), "bare"),
    "a square of 448": (scripted(canvas(448, 448), whole), Frame("canvas", (448, 448)), "json"),
    "a canvas that nobody knows": (scripted(canvas(700, 930), whole), Frame("canvas", (700, 930)), "json"),
    "thousandths, y up": (scripted(canvas(1000, 1000), whole, lower=True),
                          Frame("canvas", (1000, 1000), "lower-left"), "json"),
    "fed pixels, y up": (scripted(lambda fed, original: fed, whole, lower=True),
                         Frame("pixels_fed", corner="lower-left"), "json"),
}  # fmt: skip


@pytest.mark.parametrize("name", ZOO)
def test_every_frame_is_recovered(name: str) -> None:
    backend, frame, syntax = ZOO[name]
    found = measure_frame(backend, GENERIC, pictures="shapes")
    assert (found.frame, found.syntax) == (frame, syntax), found.reason
    assert found.read == found.asked == len(list(shapes()))
    assert found.card is not None and found.reason.startswith(f"{frame} fits, and no other frame does")


@pytest.mark.parametrize("name", ZOO)
def test_the_card_reads_boxes_where_they_are(name: str, tmp_path: Any) -> None:
    """Not only its frame has a name: what the same model writes comes back in pixels of the file."""
    backend, _, _ = ZOO[name]
    card = measure_frame(backend, GENERIC, pictures="shapes").card
    assert card is not None
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card
    capped = replace(card.dialect, boxes=replace(card.dialect.boxes, max_pixels=602112))
    model = UMIT(backend, replace(read_card(tmp_path), own_pixels=False, dialect=capped))
    for drawn in list(shapes())[::5]:
        (box,) = (item.box for item in model.detect(drawn.scan, drawn.target))
        true = np.array(drawn.box) * np.tile(drawn.size, 2)
        assert np.abs(np.array(box.corners) - true).max() <= 0.02 * max(drawn.size)
    assert "measured" in model.detect(drawn.scan, drawn.target).warnings[-1]
    (proof,) = (one for one in card.evidence if one.field == "frame")
    assert proof.tag == "M" and "umit calibrate" in proof.source


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["norm1000", "canvas of 1024 x 1024", "pixels_fed", "pixels_original"])
def test_a_little_noise_does_not_hide_the_frame(name: str, seed: int) -> None:
    sides: dict[str, Sides] = {
        "norm1000": canvas(1000, 1000),
        "canvas of 1024 x 1024": canvas(1024, 1024),
        "pixels_fed": lambda fed, original: fed,
        "pixels_original": lambda fed, original: original,
    }
    found = measure_frame(scripted(sides[name], whole, noise=0.005, seed=seed), GENERIC, pictures="shapes")
    assert str(found.frame) == name, found.reason


@pytest.mark.parametrize("seed", range(5))
def test_much_noise_never_gives_a_wrong_frame(seed: int) -> None:
    """1000 and 1024 are 2.4 % apart: where answers scatter by more, both remain and nothing is written."""
    found = measure_frame(scripted(canvas(1024, 1024), whole, noise=0.03, seed=seed), GENERIC, pictures="shapes")
    if found.frame is None:
        assert found.card is None and Frame("canvas", (1024, 1024)) in found.remaining and len(found.remaining) > 1
        assert "fit alike" in found.reason
    assert found.frame in (None, Frame("canvas", (1024, 1024)))


def none_wanted(found: Measurement, why: str) -> None:
    assert found.frame is None and found.card is None
    assert why in found.reason


def test_a_model_that_refuses() -> None:
    none_wanted(measure_frame(ScriptedBackend(lambda r: "I cannot help."), GENERIC), "0 of ")


def test_a_model_that_boxes_at_random() -> None:
    dice = np.random.default_rng(0)

    def reply(request: Request) -> str:
        low, high = dice.uniform(0, 500, 2), dice.uniform(500, 1000, 2)
        return whole([*low, *high])

    none_wanted(measure_frame(ScriptedBackend(reply), GENERIC, pictures="shapes"), "no frame fits")


def test_a_model_that_always_boxes_the_middle() -> None:
    none_wanted(
        measure_frame(ScriptedBackend(lambda r: whole([250, 250, 750, 750])), GENERIC, pictures="shapes"),
        "no frame fits",
    )


def test_a_model_that_swaps_x_and_y() -> None:
    def reply(request: Request) -> str:
        (x1, y1, x2, y2), _, _ = seen(request)
        return whole([1000 * v for v in (y1, x1, y2, x2)])

    none_wanted(measure_frame(ScriptedBackend(reply), GENERIC, pictures="shapes"), "no frame fits")


def test_too_few_answers_decide_nothing() -> None:
    """It knows one shape of picture only."""
    good = scripted(canvas(1000, 1000), whole)

    def reply(request: Request) -> str:
        height, width = request.frames[0].shape[:2]
        return good._reply(request) if width > 1.5 * height else "?"  # type: ignore[return-value]

    none_wanted(measure_frame(ScriptedBackend(reply), GENERIC, pictures="shapes"), "cannot be measured: 4 of 16")


def test_no_two_frames_agree_on_what_is_drawn() -> None:
    """A picture on which frames coincide would tell nothing."""
    sizes = {one.size for one in shapes()}
    assert len(sizes) == 4 and not any(1000 in size or size[0] == size[1] for size in sizes)
    shown = Rendering(frame=None, max_pixels=602112)
    apart = [max(abs(a / b - 1) for a, b in zip(shown.fed_size(*size), size, strict=True)) for size in sizes]
    assert sum(one > 0.1 for one in apart) == 2
    for one in shapes():
        _, top, _, bottom = one.box
        assert abs((top + bottom) / 2 - 0.5) > 0.1, "its mirror image must lie elsewhere"


def test_a_frame_that_the_card_has_already_is_not_looked_at() -> None:
    wrong = replace(PHANTOM.dialect, boxes=Rendering(frame=(1024, 1024), fed=(224, 224)))
    backend = scripted(canvas(800, 800), tokens)
    found = measure_frame(backend, replace(PHANTOM, dialect=wrong), pictures="shapes")
    assert found.frame == Frame("canvas", (800, 800)) and found.words == "as its card asks"
    assert found.card is not None and found.card.dialect.boxes == replace(wrong.boxes, frame=(800, 800))
    assert {request.frames[0].shape for request in backend.requests} == {(224, 224, 3)}


@pytest.mark.slow
def test_the_embedded_checkpoint_is_measured_on_phantoms() -> None:
    """Real weights: their frame is 800 x 800, and the card is given none that fits."""
    model = UMIT.from_pretrained(device="cpu")
    wrong = replace(PHANTOM.dialect, boxes=replace(PHANTOM.dialect.boxes, frame=(1024, 1024)))
    found = measure_frame(model.backend, replace(PHANTOM, dialect=wrong))
    assert (str(found.frame), found.pictures) == ("canvas of 800 x 800", "phantoms"), found.reason
    assert found.card is not None and found.card.dialect == PHANTOM.dialect
    assert found.read >= 40 and found.fits[0].off < 0.02 < found.fits[1].off


class _Gone:
    def generate(self, requests: Iterable[Request]) -> Iterator[BackendError]:
        for _ in requests:
            yield BackendError("expected a server, the connection was refused")


def test_an_engine_that_is_gone_is_no_frame_that_cannot_be_measured() -> None:
    with pytest.raises(BackendError, match="connection was refused"):
        measure_frame(_Gone(), GENERIC)

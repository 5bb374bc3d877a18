"""Parity with the recorded ms-swift 2.6.1 run: ids, positions, loss spans, sizes and pixels.

Each supported row goes through umit's own doors: `load`, `render`, `Encoder`, `pack`, `collate`. Rows whose query is
what a Task of UMIT's dialect writes go through `Task.request` too (``TASK_ROWS``). What is left out stands
in ``EXCLUDED`` with its reason, and the two tables together must be all rows of the four files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from umit import chat
from umit.chat import Request, Token
from umit.checkpoints import RELEASED
from umit.engine.encode import Encoder
from umit.engine.families import QWEN2_VL
from umit.engine.pixels import grid, patches, tokens
from umit.engine.positions import positions
from umit.imaging.read import load
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, View, render
from umit.imaging.window import to_grey
from umit.queries import Ask, Choose, Describe, Find, Locate, Query
from umit.training.collate import collate
from umit.training.rows import Turn, pack

pytestmark = pytest.mark.shared

UMIT_B = RELEASED["dz-osamu/UMIT-B"]

#: Files of golden/qwen2vl_swift_2_6 and the numbers of the rows that umit must match.
SUPPORTED = {
    "umit.jsonl": list(range(24)),
    "chat.jsonl": [34, 35, 36, 37, 38, 39, 40, 41],
    "env.jsonl": [76, 77, 78],
    "images.jsonl": [48, 50, 51, 53, *range(57, 71)],
}
HISTORY = "umit asks one question at a time; earlier turns are no part of a Request"
SYNTAX = "a way of writing ms-swift rows, not of asking; for datasets/jsonl"
TRANSPARENT = "the reference drops transparency and shows what lies under it; umit composites on black"
DEEP = "the reference clips 16-bit and float values at 255; umit windows them"
EXCLUDED = {
    31: HISTORY,
    32: HISTORY,
    33: HISTORY,
    42: "control tokens spelled in a question: the reference obeys them, in umit words stay words",
    43: SYNTAX,
    44: SYNTAX,
    45: SYNTAX,
    46: TRANSPARENT,
    47: TRANSPARENT,
    49: TRANSPARENT,
    52: "the reference ignores EXIF orientation; umit shows the picture upright",
    54: DEEP,
    55: DEEP,
    56: DEEP,
    79: "SIZE_FACTOR=8 makes Hugging Face's processor resize a second time; no pixel budget",
}
#: Rows with text before a picture: no form that umit writes, so their words are laid out by hand.
BY_HAND = (2, 5, 16)


@dataclass(frozen=True)
class Asked:
    """How a row is asked through a Task: the query, and what differs from the figure's words."""

    task: str
    query: Query
    phrasing: int = 0
    braces: bool = False  # the row writes {Tumor}; the paper's figure, which wins, writes Tumor
    own_pictures: bool = False  # the row's pictures are not those that the task would show


OPTIONS = ("yes", "no")
DERMA = (
    "actinic keratoses and intraepithelial carcinoma",
    "basal cell carcinoma",
    "benign keratosis-like lesions",
    "dermatofibroma",
    "melanoma",
    "melanocytic nevi",
    "vascular lesions",
)
LUNG = "Does this chest X-ray image show a normal lung?"
OPEN = "what organ is this?"
AWKWARD = (  # accents apart from their letters, a ligature, full-width digits, joiners, odd blanks
    "de\u0301faut, cafe\u0301 \ufb01 \uff11\uff12\uff13 \uff05 \U0001f600\U0001f469\u200d\u2695\ufe0f "
    "\xb5m x\xb2\t\u22655\xa0mm\u200b end  "
)
TASK_ROWS = {
    0: Asked("answer_closed", Ask("Is there airspace consolidation on the left side?", OPTIONS)),
    1: Asked("answer_closed", Ask("Is there a rib fracture?", OPTIONS)),
    4: Asked("answer_open", Ask("How is the patient oriented?")),
    6: Asked("answer_closed", Ask("图中有没有肺部异常？", ("是", "否"), language="zh")),
    7: Asked("answer_closed", Ask("图像中肝脏是否健康？", ("是", "否"), language="zh")),
    8: Asked("answer_open", Ask("这张图片是用什么技术拍摄的？", language="zh")),
    9: Asked("answer_open", Ask("图像中包含的器官是什么？", language="zh")),
    10: Asked("classify", Choose(("normal", "pneumonia"), LUNG)),
    12: Asked("classify", Choose(DERMA, "Which disease does this dermatoscopic image represent?")),
    13: Asked("report_film", Describe()),
    14: Asked("report_film", Describe(), phrasing=1),
    15: Asked("report_film", Describe()),
    17: Asked("report_ct", Describe()),
    18: Asked("detect_3d", Find("Tumor"), braces=True),
    19: Asked("detect_3d", Find("Liver"), braces=True, own_pictures=True),
    20: Asked("detect_2d", Find("pneumonia")),
    21: Asked("detect_2d", Find("pneumonia"), phrasing=1),
    22: Asked("landmark", Locate("Gonion"), braces=True),
    23: Asked("landmark", Locate("Soft tissue pogonion"), braces=True, own_pictures=True),
    39: Asked("answer_open", Ask("which plane?")),
    40: Asked("answer_open", Ask("which plane?")),
    41: Asked("answer_open", Ask(AWKWARD)),
    **{n: Asked("answer_open", Ask(OPEN)) for n in (34, 35, 36, *SUPPORTED["images.jsonl"])},
    **{n: Asked("answer_open", Ask(OPEN), own_pictures=True) for n in SUPPORTED["env.jsonl"]},
}
ENGINE_ONLY = {
    2: "text before the picture",
    3: "a line break before the words",
    5: "text before the picture",
    11: "options joined by a backslash and an n",
    16: "text before the pictures",
    37: "a question without a picture, in no words of ours",
    38: "a question without a picture, in no words of ours",
}

_CONTROL = {t.text: t for t in (chat.OBJECT_START, chat.OBJECT_END, chat.BOX_START, chat.BOX_END)}
_PICTURE = "<image>"
_rendered: dict[int, tuple[Any, ...]] = {}
_pixels_equal: dict[int, bool] = {}


@pytest.fixture(scope="module")
def records(shared: Path) -> dict[int, dict[str, Any]]:
    found = {}
    for name in SUPPORTED:
        path = shared / "golden" / "qwen2vl_swift_2_6" / name
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            found[_number(record)] = record
    return found


@pytest.fixture(scope="module")
def encoder(shared: Path) -> Encoder:
    from transformers import AddedToken, Qwen2TokenizerFast

    folder = shared / "samples" / "qwen2_tokenizer"
    tokenizer = Qwen2TokenizerFast(vocab=str(folder / "vocab.json"), merges=str(folder / "merges.txt"))
    names = (
        "endoftext im_start im_end object_ref_start object_ref_end box_start box_end quad_start "
        "quad_end vision_start vision_end vision_pad image_pad video_pad"
    )
    tokenizer.add_tokens([AddedToken(f"<|{name}|>", special=True, normalized=False) for name in names.split()])
    assert tokenizer.encode("<|video_pad|>") == [151656]
    return Encoder(tokenizer)


@cache
def _scan(path: Path) -> Scan:
    return load(path)


def _number(record: dict[str, Any]) -> int:
    return int(record["id"].removeprefix("shared-"))


def _scans(record: dict[str, Any], shared: Path) -> list[Scan]:
    return [_scan(shared / name) for name in record["row"].get("images") or []]


def _rendering(record: dict[str, Any]) -> Rendering:
    env = record["env"]
    return Rendering(
        frame=None, min_pixels=int(env.get("MIN_PIXELS", 3136)), max_pixels=int(env.get("MAX_PIXELS", 16384 * 28 * 28))
    )


def _user(record: dict[str, Any]) -> list[str | Token]:
    """The row's user turn: words, tokens, and ``<image>`` where a picture goes; missing tags first."""
    query, images = record["row"]["query"], record["row"].get("images") or []
    query = _PICTURE * (len(images) - query.count(_PICTURE)) + query
    marks = "|".join(map(re.escape, (*_CONTROL, _PICTURE)))
    return [_CONTROL.get(part, part) for part in re.split(f"({marks})", query) if part]


def _system(record: dict[str, Any]) -> str:
    system = record["row"].get("system")
    return chat.DEFAULT_SYSTEM if system is None else system


def _request(record: dict[str, Any], frames: tuple[Any, ...]) -> Request:
    """The row as a Request: its pictures, then its words."""
    user = _user(record)
    assert _PICTURE not in user[len(frames) :]
    return Request(frames=frames, words=tuple(user[len(frames) :]), system=_system(record))


def _by_hand(record: dict[str, Any], frames: tuple[Any, ...], encoder: Encoder) -> list[int]:
    """The row's prompt where text stands before a picture."""
    pictures = iter(frames)
    words = list(chat.before_frames(Request(words=(), system=_system(record))))
    for word in _user(record):
        if word == _PICTURE:
            pads = [chat.IMAGE_PAD] * tokens(next(pictures), QWEN2_VL)
            words += [chat.VISION_START, *pads, chat.VISION_END]
        else:
            words.append(word)
    return encoder.ids([*words, *chat.after_frames(Request(words=()))])


def _frames(record: dict[str, Any], shared: Path) -> tuple[Any, ...]:
    """The row's pictures, rendered once for all tests of the row."""
    number = _number(record)
    if number not in _rendered:
        scans = _scans(record, shared)
        _rendered[number] = render(scans, _rendering(record)).frames if scans else ()
    return _rendered[number]


def _sha(values: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def _all() -> Iterator[int]:
    for numbers in SUPPORTED.values():
        yield from numbers


@pytest.mark.parametrize("number", list(_all()))
def test_ids_positions_and_loss_spans(number: int, records: dict[int, Any], encoder: Encoder, shared: Path) -> None:
    record = records[number]
    frames = _frames(record, shared)
    grids = [grid(frame, QWEN2_VL) for frame in frames]
    answer = record["row"].get("response", "")
    if number in BY_HAND:
        prompt = _by_hand(record, frames, encoder)
        row = prompt + encoder.answer(chat.answer_words(answer))
        spans = [[len(prompt), len(row)]]
        places, after = positions(row, grids, encoder.image_pad)
    else:
        request = _request(record, frames)
        prompt = encoder.prompt(request)
        packed = pack([Turn(request, answer)], encoder)
        batch = collate([packed], image_pad=encoder.image_pad)
        row, places = packed.ids.tolist(), batch["position_ids"][:, 0].numpy()
        after = int(places.max()) + 1
        taught = np.flatnonzero(batch["labels"][0].numpy() != -100)
        spans = [[int(taught[0]), int(taught[-1]) + 1]]
        assert len(taught) == spans[0][1] - spans[0][0]
    assert [list(g) for g in grids] == record.get("image_grid_thw", [])
    _same(record["infer"], prompt, *positions(prompt, grids, encoder.image_pad))
    if "response" in record["row"]:  # the reference teaches nothing where there is no answer
        _same(record["train"], row, places, after)
        assert spans == record["train"]["loss_spans"]


def _same(recorded: dict[str, Any], ids: list[int], places: Any, after: int) -> None:
    assert ids == recorded["input_ids"]
    assert _sha(places.astype(np.int64)) == recorded["position_ids_sha256"]
    assert after - len(ids) == recorded["rope_delta"]


def _colours(levels: np.ndarray) -> np.ndarray:
    """Three channels, as the reference hashed them."""
    return levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=2)


@pytest.mark.parametrize("number", [n for n in _all() if n not in (37, 38)])
def test_pixels(number: int, records: dict[int, Any], shared: Path) -> None:
    record = records[number]
    scans, frames = _scans(record, shared), _frames(record, shared)
    for scan, frame, recorded in zip(scans, frames, record["images"], strict=True):
        assert list(scan.size) == recorded["size"]
        assert _sha(_colours(to_grey(scan.voxels[0], scan.window))) == recorded["rgb_sha256"]
        assert [frame.shape[1], frame.shape[0]] == recorded["resized_size"]
        assert _sha(frame) == recorded["resized_sha256"]
    values, recorded = patches(frames, QWEN2_VL), record["pixel_values"]
    assert list(values.shape) == recorded["shape"]
    flat = values.ravel()
    places = [k * (flat.size - 1) // 63 for k in range(64)]
    assert np.abs(flat[places] - np.array(recorded["sample"])).max() <= 1e-6
    _pixels_equal[number] = _sha(values) == recorded["sha256"]


@pytest.mark.parametrize("number", list(TASK_ROWS))
def test_canonical_prompts_through_task_request(
    number: int, records: dict[int, Any], encoder: Encoder, shared: Path
) -> None:
    record, asked = records[number], TASK_ROWS[number]
    task = replace(UMIT_B.tasks[asked.task], system=_system(record))
    frames = _frames(record, shared)
    if asked.own_pictures:
        view = View(frames, render(_scans(record, shared)[0], _rendering(record)).geometry)
    else:
        view = _shown(record, task, shared)
        assert [_sha(f) for f in view.frames] == [i["resized_sha256"] for i in record["images"]]
    request = task.request(asked.query, view, phrasing=asked.phrasing)
    expected = record
    if asked.braces:
        query = record["row"]["query"]
        assert "{" in query
        expected = {**record, "row": {**record["row"], "query": re.sub("[{}]", "", query)}}
    else:
        assert encoder.prompt(request) == record["infer"]["input_ids"]
    said = chat.spell([w for w in _user(expected) if w != _PICTURE])
    assert chat.spell(request.words) == said
    assert encoder.prompt(request) == encoder.prompt(_request(expected, frames))


def _shown(record: dict[str, Any], task: Any, shared: Path) -> View:
    """The row's pictures as the task itself shows them; 32 slices are one volume, prepared already."""
    scans = _scans(record, shared)
    if task.film is None:
        volume = Scan(np.concatenate([s.voxels for s in scans]))
        return render(volume.shown(as_stored=True), task.volume)
    return render(scans, task.film)


def test_generated_ids_are_read_as_the_reference_reads_them(encoder: Encoder, shared: Path) -> None:
    path = shared / "golden" / "qwen2vl_swift_2_6" / "decode.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [encoder.text(r["generated_ids"]) for r in rows] == [r["response"] for r in rows]
    assert len(rows) == 11


def test_every_row_is_supported_or_excluded_with_a_reason(
    records: dict[int, Any], record_property: Callable[[str, object], None]
) -> None:
    supported = list(_all())
    assert sorted([*supported, *EXCLUDED]) == sorted(records)
    assert (len(supported), len(records)) == (53, 68)
    assert sorted([*TASK_ROWS, *ENGINE_ONLY]) == sorted(supported)
    assert len(TASK_ROWS) == 46
    record_property("parity", _summary(records))


def _summary(records: dict[int, Any]) -> str:
    lines = [f"parity with ms-swift 2.6.1: {sum(map(len, SUPPORTED.values()))}/{len(records)} rows"]
    for name, numbers in SUPPORTED.items():
        lines.append(f"  {name}: {len(numbers)} supported")
    exact = sum(_pixels_equal.values())
    lines.append(f"  pixel values byte for byte: {exact} of {len(_pixels_equal)} rows compared")
    lines.append(f"  through Task.request as well as engine: {len(TASK_ROWS)}")
    for number, asked in sorted(TASK_ROWS.items()):
        notes = [f"phrasing {asked.phrasing}"] * bool(asked.phrasing)
        notes += ["braces of the row taken out, as the figure has none"] * asked.braces
        notes += ["the row's own pictures"] * asked.own_pictures
        lines.append(f"    shared-{number:03} {asked.task} {'; '.join(notes)}".rstrip())
    lines.append(f"  through engine only: {len(ENGINE_ONLY)}")
    lines += [f"    shared-{number:03} {why}" for number, why in ENGINE_ONLY.items()]
    lines.append(f"  excluded: {len(EXCLUDED)}")
    lines += [f"    shared-{number:03} {records[number]['kind']}: {why}" for number, why in EXCLUDED.items()]
    return "\n".join(lines)

"""Each family against transformers' own processor and model: same ids, grids and pixels, and logits within 1e-4."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from umit import UMIT
from umit.backends.local import prefix
from umit.backends.local.prefix import read_prefixes, read_words
from umit.chat import Request
from umit.checkpoints import PHANTOM
from umit.engine import language
from umit.engine.families import FAMILIES, QWEN3_VL, family_named
from umit.engine.load import Engine, load_engine, load_shell
from umit.engine.pixels import grid, patches
from umit.errors import CheckpointError
from umit.imaging.scan import Scan
from umit.imaging.view import Rendering, render
from umit.testing import fitting, tiny_checkpoint

#: Nearer than asked: the issue says 1e-4.
LAW = 5e-5
#: Sides that no factor divides, one picture under the least size; widths shrink more than heights, since Pillow 13 takes
#: the height first where that is quicker, and umit the width, as all published weights were fed.
SIZES = ((154, 237), (90, 401), (20, 33))
QUESTIONS = ("Is there a nodule in this image?", "Is there a nodule in it, please?", "图像中有结节吗？", "Q")


@pytest.fixture(scope="module", params=[*FAMILIES])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / request.param, family=request.param, processor=True)


@pytest.fixture(scope="module")
def engine(folder: Path) -> Engine:
    return load_engine(folder, device="cpu")


@pytest.fixture(scope="module")
def processor(folder: Path) -> Any:
    """transformers' own, with Pillow's resize, as all published weights were fed."""
    from transformers import AutoProcessor

    pillow = pytest.importorskip(
        "transformers.models.qwen2_vl.image_processing_pil_qwen2_vl",
        reason="this transformers names its Pillow processor otherwise",
    )
    load: Any = AutoProcessor
    found = load.from_pretrained(folder)
    found.image_processor = pillow.Qwen2VLImageProcessorPil.from_pretrained(folder)
    return found


def pictures(count: int) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    drawn = np.random.default_rng(7)
    return [drawn.integers(0, 256, (*size, 3), np.uint8) for size in SIZES[:count]]


def shown(engine: Engine, count: int) -> tuple[Any, ...]:
    side = engine.encoder.family.factor
    rendering = Rendering(frame=None, factor=side, min_pixels=4 * side * side, max_pixels=768 * side * side)
    return tuple(render(Scan(picture[None]), rendering).frames[0] for picture in pictures(count))


def theirs(processor: Any, question: str, count: int) -> Any:
    content = [{"type": "image", "image": Image.fromarray(picture)} for picture in pictures(count)]
    return processor.apply_chat_template(
        [{"role": "user", "content": [*content, {"type": "text", "text": question}]}],
        tokenize=True, add_generation_prompt=True, return_dict=True, return_tensors="pt",
    )  # fmt: skip


@pytest.mark.parametrize("count", [1, 3])
def test_ids_grids_and_pixels(engine: Engine, processor: Any, count: int) -> None:
    wanted = theirs(processor, QUESTIONS[0], count)
    frames = shown(engine, count)
    assert engine.encoder.prompt(Request(frames=frames, words=(QUESTIONS[0],))) == wanted["input_ids"][0].tolist()
    assert [list(grid(frame, engine.encoder.family)) for frame in frames] == wanted["image_grid_thw"].tolist()
    np.testing.assert_allclose(patches(frames, engine.encoder.family), wanted["pixel_values"], atol=1e-6)


def logits_of(engine: Engine, requests: list[Request]) -> torch.Tensor:
    """Return what follows each question, read through what they share."""
    context, left, _ = read_prefixes(engine, requests, {})
    return read_words(engine, context, left)[1]


@torch.inference_mode()
def test_logits_through_shared_prefixes(engine: Engine, processor: Any) -> None:
    asked = [(question, count) for count in (1, 3) for question in QUESTIONS]
    requests = [Request(frames=shown(engine, count), words=(question,)) for question, count in asked]
    found = logits_of(engine, requests)
    wanted = torch.stack([engine.model(**theirs(processor, *one)).logits[0, -1] for one in asked])
    assert (found - wanted).abs().max() < LAW
    assert wanted.std() > 0.5, "random weights with opinions"


@torch.inference_mode()
def test_kept_pictures_hold_what_the_first_layers_add(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that was encoded before gives what it gave; without DeepStack's part Qwen3-VL's would be another."""
    requests = [Request(frames=shown(engine, 1), words=(question,)) for question in QUESTIONS]
    first, left, kept = read_prefixes(engine, requests, {})
    wanted = read_words(engine, first, left)[1]
    monkeypatch.setattr(prefix, "encode_pictures", None)
    again, left, _ = read_prefixes(engine, requests, kept)
    assert torch.equal(read_words(engine, again, left)[1], wanted)
    width = engine.model.config.text_config.hidden_size
    layers = 2 if engine.encoder.family == QWEN3_VL else 0
    assert {tokens.shape[1] for tokens in kept.values()} == {(1 + layers) * width}
    monkeypatch.setattr(language, "deepstack", lambda pictures, width: (pictures[:, :width], []))
    bare, left, _ = read_prefixes(engine, requests, kept)
    assert (read_words(engine, bare, left)[1] - wanted).abs().max() > (1e-2 if layers else -1)


def test_a_shell_knows_its_family(folder: Path) -> None:
    model, encoder = load_shell(folder)
    assert encoder.family == FAMILIES[folder.name] and model.device.type == "meta"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("qwen3_vl_moe", "expected weights of qwen2_vl, qwen2_5_vl or qwen3_vl.*'mine', got 'qwen3_vl_moe': its layers are"),
        ("qwen3_5", "linear attention"),
        ("llava", "got 'llava'$"),
        (None, "got None$"),
        (["qwen2_vl"], "got \\['qwen2_vl'\\]$"),
    ],
)  # fmt: skip
def test_other_architectures_are_refused_by_name(kind: object, said: str) -> None:
    with pytest.raises(CheckpointError, match=said):
        family_named(kind, "mine")


def test_a_card_of_another_factor_is_refused(tmp_path: Path) -> None:
    right = fitting(replace(PHANTOM, name="mine"), "qwen3_vl")
    wrong = replace(right, dialect=PHANTOM.dialect)  # of 28
    folder = tiny_checkpoint(tmp_path, family="qwen3_vl", card=wrong)
    said = r"expected a card for Qwen3-VL, whose pictures have sides that are multiples of 32; mine's have 28 \("
    with pytest.raises(CheckpointError, match=said):
        UMIT.from_pretrained(folder, device="cpu")
    assert UMIT.from_pretrained(folder, card=right, device="cpu").checkpoint.name == "mine"
    other = replace(right, model_type="qwen2_vl")
    with pytest.raises(CheckpointError, match=r"Qwen2-VL.*multiples of 28.*have 32"):
        UMIT.from_pretrained(tiny_checkpoint(tmp_path / "b"), card=other, device="cpu")


def test_verbs(folder: Path) -> None:
    model = UMIT.from_pretrained(folder, device="cpu")
    film = Scan(np.random.default_rng(0).integers(0, 256, (1, 90, 70), np.uint8))
    volume = Scan(np.random.default_rng(0).integers(0, 256, (5, 40, 50), np.uint8))
    for scan in (film, volume):
        assert model.answer(scan, "Is it?", options=["yes", "no"]).option in (0, 1)
        assert model.classify(scan, ["liver", "spleen"]).label in ("liver", "spleen")

"""A checkpoint's own template and pixels, on weights of every family."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from umit import UMIT, load
from umit.chat import spell
from umit.checkpoints import KNOWN, places
from umit.checkpoints.own import own_budget, with_own_pixels
from umit.engine.families import FAMILIES
from umit.errors import CheckpointError, CheckpointWarning, OutputError, UnsupportedTaskError
from umit.imaging.view import Rendering, render
from umit.queries import Ask
from umit.testing import tiny_checkpoint

FILM = load(np.arange(300 * 200, dtype=np.uint8).reshape(300, 200), axes="yx")


@pytest.mark.parametrize("family", FAMILIES)
def test_generic_cards_ask_with_the_files_own_template_and_pixels(family: str, tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny", family=family, card=None, processor=True)
    model = UMIT.from_pretrained(folder, card=f"generic:{family}", device="cpu")
    side = FAMILIES[family].factor
    film = model.checkpoint.dialect.film
    assert (film.min_pixels, film.max_pixels, film.factor) == (4 * side * side, 768 * side * side, side)
    encoder = model.backend._engine.encoder  # type: ignore[attr-defined]
    task = model.checkpoint.task("answer_open")
    request = task.request(Ask("Normal?"), render(FILM, task.rendering(volume=False)))
    assert request.system is None
    assert spell(encoder.form(request).head).endswith("<|im_start|>user\n")
    try:
        said = model.answer(FILM, "Normal?")
    except OutputError:  # random weights may never end
        return
    assert "generic card, unverified" in said.warnings


def test_coordinates_are_never_read_under_a_generic_card(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny", card=None, processor=True)
    model = UMIT.from_pretrained(folder, card="generic:qwen2_vl", device="cpu")
    with pytest.raises(UnsupportedTaskError, match="umit calibrate"):
        model.detect(FILM, "nodule")


def test_a_card_that_leaves_pixels_to_files_needs_them(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny", card=None)
    with pytest.raises(CheckpointError, match=r"expected preprocessor_config\.json beside the weights"):
        UMIT.from_pretrained(folder, card="generic:qwen2_vl", device="cpu")


def test_a_card_of_another_architecture_is_refused_before_weights_are_read(tmp_path: Path) -> None:
    folder = tiny_checkpoint(tmp_path / "tiny", card=None, family="qwen3_vl")
    with pytest.raises(CheckpointError, match="are qwen3_vl"):
        UMIT.from_pretrained(folder, card="Qwen/Qwen2-VL-2B-Instruct", device="cpu")


def test_limits_of_a_licence_are_told_once_at_load(tmp_path: Path) -> None:
    places._say.cache_clear()
    folder = tiny_checkpoint(tmp_path / "tiny", card=None, family="qwen3_vl", processor=True)
    bound = replace(KNOWN["Qwen/Qwen3-VL-2B-Instruct"], name="bound", licence="cc-by-nc-4.0")
    with pytest.warns(CheckpointWarning, match=r"bound: licence of weights: cc-by-nc-4\.0"):
        UMIT.from_pretrained(folder, card=bound, device="cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        UMIT.from_pretrained(folder, card=bound, device="cpu")


def test_a_server_has_files_that_are_not_here(tmp_path: Path) -> None:
    lingshu = "lingshu-medical-mllm/Lingshu-7B"
    with pytest.warns(CheckpointWarning, match="files that only the server has; fed with 3136 to 12845056"):
        served = UMIT.from_server("http://localhost:9", lingshu)
    assert not served.checkpoint.own_pixels
    folder = tiny_checkpoint(tmp_path / "tiny", card=None, family="qwen2_5_vl", processor=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = UMIT.from_server("http://localhost:9", folder, card=lingshu)
    assert model.checkpoint.dialect.film.max_pixels == 768 * 28 * 28


def write(folder: Path, name: str, content: object) -> Path:
    (folder / name).write_text(json.dumps(content))
    return folder


def test_the_first_folder_that_says_it_decides(tmp_path: Path) -> None:
    adapter, base = tmp_path / "adapter", tmp_path / "base"
    adapter.mkdir()
    base.mkdir()
    write(base, "preprocessor_config.json", {"size": {"shortest_edge": 65536, "longest_edge": 262144}})
    card = with_own_pixels(KNOWN["lingshu-medical-mllm/Lingshu-7B"], [adapter, base])
    assert not card.own_pixels and card.dialect.film == Rendering(frame=None, min_pixels=65536, max_pixels=262144)
    write(adapter, "processor_config.json", {"image_processor": {"min_pixels": 784, "max_pixels": 1568}})
    assert with_own_pixels(KNOWN["lingshu-medical-mllm/Lingshu-7B"], [adapter, base]).dialect.film.max_pixels == 1568
    assert own_budget(adapter) == ("processor_config.json", 784, 1568)
    write(adapter, "processor_config.json", {"image_processor": {"min_pixels": 784, "max_pixels": 7}})
    with pytest.raises(CheckpointError, match="784 to 7"):
        with_own_pixels(KNOWN["lingshu-medical-mllm/Lingshu-7B"], [adapter])
    shutil.rmtree(adapter)
    assert with_own_pixels(KNOWN["dz-osamu/VQA"], []) is KNOWN["dz-osamu/VQA"]

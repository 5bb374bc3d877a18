"""A checkpoint's own files that say otherwise than its card are told of."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

from umit import UMIT
from umit.checkpoints import EMBEDDED, PHANTOM, RELEASED, locate
from umit.contradictions import contradictions, warn_of_contradictions
from umit.errors import CheckpointError, CheckpointWarning
from umit.testing import tiny_checkpoint

UMIT_B = RELEASED["dz-osamu/UMIT-B"]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("tiny") / "older", hub_layout=True)


@pytest.fixture
def folder(older: Path, tmp_path: Path) -> Path:
    """With UMIT's own budget, so that nothing contradicts UMIT-B's card."""
    there = shutil.copytree(older, tmp_path / "copy")
    write(there, "preprocessor_config.json", min_pixels=3136, max_pixels=602112)
    return there


def write(folder: Path, name: str, **content: Any) -> None:
    (folder / name).write_text(json.dumps(content))


def told(folder: Path, card: Any = UMIT_B) -> list[str]:
    return contradictions(folder, Qwen2Tokenizer.from_pretrained(folder), card)


def test_files_that_agree_are_not_told_of(folder: Path) -> None:
    assert told(folder) == []
    embedded = Path(locate(EMBEDDED)[0])
    assert told(embedded, PHANTOM) == []


def test_the_hubs_budget_is_told(older: Path) -> None:
    (said,) = told(older)
    assert "3136 to 12845056 pixels" in said and "film 3136 to 602112, boxes" in said


@pytest.mark.parametrize(
    ("size", "wrong"),
    [
        ({"shortest_edge": 3136, "longest_edge": 50176}, ""),
        ({"shortest_edge": 3136, "longest_edge": 40000}, "film 50176"),
        ({"shortest_edge": 6272, "longest_edge": 50176}, "volume 3136"),
    ],
)
def test_a_fed_size_must_lie_in_the_budget(folder: Path, size: dict[str, int], wrong: str) -> None:
    (folder / "preprocessor_config.json").unlink()
    write(folder, "processor_config.json", image_processor={"size": size})
    said = told(folder, PHANTOM)
    assert bool(said) == bool(wrong) and all(wrong in one for one in said)


@pytest.mark.parametrize(
    ("old", "new", "card", "wrong"),
    [
        ("helpful assistant", "radiologist", UMIT_B, "system line 'You are a radiologist.'"),
        ("", "", replace(UMIT_B, system=""), "the card ''"),
        ("<|vision_start|>", "Picture: <|vision_start|>", UMIT_B, "writes '<|im_start|>system"),
        ("assistant\n", "assistant: ", UMIT_B, "writes '<|im_start|>system"),
        ("{% for message in messages %}", "{{ raise_exception('text only') }}{% for message in messages %}", UMIT_B,
         "cannot write a question on a picture: text only"),
    ],
)  # fmt: skip
def test_a_template_that_writes_otherwise_is_told(folder: Path, old: str, new: str, card: Any, wrong: str) -> None:
    path = folder / "chat_template.json"
    changed = json.loads(path.read_text())["chat_template"].replace(old, new) if old else None
    if changed is not None:
        (folder / "chat_template.jinja").write_text(changed)
    (said,) = told(folder, card)
    assert wrong in said


def test_a_damaged_file_is_told(folder: Path) -> None:
    (folder / "preprocessor_config.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"expected JSON in preprocessor_config\.json"):
        told(folder)
    (folder / "preprocessor_config.json").write_text("[]")
    with pytest.raises(CheckpointError, match="got list"):
        told(folder)


def test_each_is_a_warning(older: Path) -> None:
    tokenizer = Qwen2Tokenizer.from_pretrained(older)
    with pytest.warns(CheckpointWarning, match="UMIT-B: preprocessor_config"):
        warn_of_contradictions(tokenizer, UMIT_B)


def test_loading_tells_them_too(older: Path) -> None:
    with pytest.warns(CheckpointWarning, match="UMIT-B: preprocessor_config.*umit goes by the card"):
        UMIT.from_pretrained(older, card="dz-osamu/UMIT-B", device="cpu")

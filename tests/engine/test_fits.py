"""Parts that do not fit together are told apart before any numbers load."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from umit.cli import main
from umit.engine.families import FAMILIES
from umit.engine.load import load_engine, load_shell
from umit.errors import CheckpointError
from umit.testing import tiny_checkpoint


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: tiny_checkpoint(tmp_path_factory.mktemp(name), family=name) for name in FAMILIES}


def _changed(folder: Path, to: Path, part: str, **change: Any) -> Path:
    shutil.copytree(folder, to, dirs_exist_ok=True)
    config = json.loads((to / "config.json").read_text())
    (config[part] if part else config).update(change)
    (to / "config.json").write_text(json.dumps(config))
    return to


ROPE = {"rope_type": "default", "rope_theta": 1e4}
BAD: list[tuple[str, str, dict[str, Any], str]] = [
    ("qwen2_vl", "text_config", {"rope_parameters": ROPE}, r"add up to 8, half a head.*got none.*takes \[16, 24, 24\]"),
    ("qwen2_5_vl", "text_config", {"rope_parameters": {**ROPE, "mrope_section": [16, 24, 24]}}, r"add up to 8.*\[16, 24, 24\]"),
    ("qwen3_vl", "text_config", {"rope_parameters": ROPE}, r"add up to 8.*takes \[24, 20, 20\]"),
    ("qwen3_vl", "text_config", {"rope_parameters": {**ROPE, "mrope_section": [4, 4]}}, r"three numbers.*\[4, 4\]"),
    ("qwen3_vl", "text_config", {"rope_parameters": {**ROPE, "mrope_section": [8, 0, 0]}}, r"three numbers.*\[8, 0, 0\]"),
    ("qwen2_vl", "text_config", {"num_attention_heads": 5}, "divide the hidden_size 64"),
    ("qwen2_vl", "vision_config", {"patch_size": 16}, "expected patch_size 14.*as Qwen2-VL has it, got 16; take the config"),
    ("qwen3_vl", "vision_config", {"patch_size": 14}, "expected patch_size 16.*as Qwen3-VL has it, got 14"),
    ("qwen2_5_vl", "vision_config", {"spatial_merge_size": 1}, "spatial_merge_size 2"),
    ("qwen2_vl", "text_config", {"layer_types": ["full_attention", "sliding_attention"]}, "got sliding_attention; no rel"),
    ("qwen2_vl", "text_config", {"intermediate_size": 64}, r"6 tensors have others, such as model\..*mlp.*: \(.*in its file"),
    ("qwen2_5_vl", "vision_config", {"intermediate_size": 32}, "tensors have others"),
    ("qwen3_vl", "vision_config", {"num_position_embeddings": 36}, r"1 tensors have others.*pos_embed.*\(25, 32\).*\(36, 32\)"),
    ("qwen2_vl", "", {"image_token_id": 1}, "expected the picture token 332 of the tokenizer.*got 1 as image_token_id"),
]  # fmt: skip


@pytest.mark.parametrize(("family", "part", "change", "said"), BAD)
def test_what_does_not_fit(
    folders: dict[str, Path], family: str, part: str, change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=said) as caught:
        load_engine(_changed(folders[family], tmp_path, part, **change), device="cpu")
    assert str(tmp_path) not in str(caught.value) and "\n" not in str(caught.value)


def _with_tokens(folder: Path, to: Path, *, resized: bool) -> Path:
    """Add two tokens to a tokenizer, as people do before teaching them."""
    from transformers import Qwen2Tokenizer, Qwen2VLForConditionalGeneration

    shutil.copytree(folder, to, dirs_exist_ok=True)
    load: Any = Qwen2Tokenizer
    tokenizer = load.from_pretrained(to)
    tokenizer.add_tokens(["<lesion>", "<organ>"])
    tokenizer.save_pretrained(to)
    if resized:
        model: Any = Qwen2VLForConditionalGeneration.from_pretrained(to)
        model.resize_token_embeddings(len(tokenizer))
        model.save_pretrained(to)
    return to


def test_tokens_without_a_row_of_the_embedding(
    folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were an IndexError in the midst of a prediction."""
    place, film = _with_tokens(folders["qwen2_vl"], tmp_path / "added", resized=False), tmp_path / "film.png"
    Image.fromarray(np.full((60, 60), 90, np.uint8)).save(film)
    said = r"an embedding of 336 rows in 'added'.*got 334: without one are <lesion>, <organ>; .*resize_token_embeddings"
    with pytest.raises(CheckpointError, match=said):
        load_engine(place, device="cpu")
    assert main(["answer", str(film), "--question", "What?", "--checkpoint", str(place)]) == 2
    assert "resize_token_embeddings" in capsys.readouterr().err
    engine = load_engine(_with_tokens(folders["qwen2_vl"], tmp_path / "resized", resized=True), device="cpu")
    assert engine.encoder.ids(("a <lesion>",))[-1] == 334


def test_a_shell_is_looked_at_too(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="expected patch_size 14"):
        load_shell(_changed(folders["qwen2_vl"], tmp_path, "vision_config", patch_size=16))

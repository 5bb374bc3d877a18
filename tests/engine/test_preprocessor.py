"""The files that say how pictures are fed, and what is refused in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from umit.engine.families import FAMILIES, QWEN2_VL, QWEN3_VL, Family
from umit.engine.preprocessor import PROCESSOR_FILES, feeding, fitted, write_processor_files
from umit.errors import CheckpointError


def _written(folder: Path, found: object, file: str = PROCESSOR_FILES[0]) -> Path:
    (folder / file).write_text(json.dumps(found))
    return folder


@pytest.mark.parametrize("kind", FAMILIES.values(), ids=[*FAMILIES])
def test_what_is_written_is_read(kind: Family, tmp_path: Path) -> None:
    write_processor_files(kind, tmp_path, min_pixels=4096, max_pixels=8192)
    found = feeding(tmp_path)
    assert found is not None and (found.min_pixels, found.max_pixels) == (4096, 8192)
    assert fitted(kind, tmp_path, "mine") == kind
    (tmp_path / PROCESSOR_FILES[0]).unlink()
    nested = feeding(tmp_path)  # transformers 5 writes this one alone
    assert nested is not None and (nested.file, nested.mean) == (PROCESSOR_FILES[1], kind.mean)


def test_a_folder_without_files_is_the_familys(tmp_path: Path) -> None:
    assert feeding(tmp_path) is None and fitted(QWEN3_VL, tmp_path, "mine") is QWEN3_VL


def test_a_checkpoints_own_numbers_are_taken(tmp_path: Path) -> None:
    own = {"image_mean": [0.4, 0.5, 0.6], "image_std": [0.1, 0.2, 0.3], "min_pixels": 1, "max_pixels": 9}
    found = fitted(QWEN2_VL, _written(tmp_path, own), "mine")
    assert (found.mean, found.std, found.patch) == ((0.4, 0.5, 0.6), (0.1, 0.2, 0.3), 14)


BAD = [
    ({"patch_size": 16}, "expected patch_size 14 in preprocessor_config.json of 'mine', as Qwen2-VL has it, got 16"),
    ({"merge_size": 1}, "merge_size 2"),
    ({"temporal_patch_size": 1}, "temporal_patch_size 2"),
    ({"do_normalize": False}, "do_normalize True"),
    ({"do_rescale": False}, "do_rescale True"),
    ({"resample": 2}, "resample 3"),
    ({"rescale_factor": 1.0}, "rescale_factor 1/255"),
    ({"image_mean": 0.5}, "three numbers as image_mean"),
    ({"image_std": [0.5, 0.5]}, "three numbers as image_std"),
    ({"image_std": [0.5, 0.5, 0.0]}, "positive numbers as image_std"),
    ({"size": 3}, "an object as size"),
    ([1], "a JSON object in preprocessor_config.json, got list"),
]


@pytest.mark.parametrize(("found", "said"), BAD)
def test_what_would_feed_otherwise_is_refused(found: object, said: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=said):
        fitted(QWEN2_VL, _written(tmp_path, found), "mine")


def test_no_json(tmp_path: Path) -> None:
    (tmp_path / PROCESSOR_FILES[0]).write_text("{oops")
    with pytest.raises(CheckpointError, match=r"expected JSON in preprocessor_config\.json"):
        feeding(tmp_path)

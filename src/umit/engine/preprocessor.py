"""The files that say how pictures are fed: read and held to the family, and written for plain ``AutoProcessor``."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from umit.engine.families import MERGE, TEMPORAL, Family
from umit.errors import CheckpointError
from umit.json_file import json_object

__all__ = ["PROCESSOR_FILES", "Feeding", "feeding", "fitted", "write_processor_files"]

#: What transformers reads beside weights and tokenizer.
PROCESSOR_FILES: Final = ("preprocessor_config.json", "processor_config.json", "video_preprocessor_config.json")


@dataclass(frozen=True, slots=True)
class Feeding:
    """What a checkpoint's own files say of pictures; ``None`` where they say nothing.

    Args:
        file: Which file.
        settings: Everything in it.
        min_pixels: Fewest pixels of a picture; ``shortest_edge`` in newer files, an area all the same.
        max_pixels: Most pixels, likewise ``longest_edge``.
        mean: Of red, green and blue.
        std: Likewise.
    """

    file: str
    settings: dict[str, Any]
    min_pixels: int | None
    max_pixels: int | None
    mean: tuple[float, float, float] | None
    std: tuple[float, float, float] | None


def feeding(place: Path) -> Feeding | None:
    """Return what the files of a folder say of pictures; ``None`` where there are none.

    Raises:
        CheckpointError: A file that is no JSON object, or numbers that are none.
    """
    file, found = PROCESSOR_FILES[0], (json_object(place / PROCESSOR_FILES[0]) or {})
    if not found:
        file, found = (
            PROCESSOR_FILES[1],
            _object((json_object(place / PROCESSOR_FILES[1]) or {}), "image_processor", PROCESSOR_FILES[1]),
        )
    if not found:
        return None
    size = _object(found, "size", file)
    least, most = (
        found.get("min_pixels") or size.get("shortest_edge"),
        found.get("max_pixels") or size.get("longest_edge"),
    )
    return Feeding(
        file, found, least if isinstance(least, int) else None, most if isinstance(most, int) else None,
        _three(found, "image_mean", file), _three(found, "image_std", file),
    )  # fmt: skip


def fitted(family: Family, place: Path, name: str) -> Family:
    """Return a family with the numbers of a checkpoint's own files.

    Args:
        family: By its ``config.json``.
        place: The checkpoint's folder.
        name: Of it, for messages.

    Raises:
        CheckpointError: Files that feed pictures as the family cannot take them, or umit does not make them.
    """
    found = feeding(place)
    if found is None:
        return family
    wanted = {
        "patch_size": family.patch, "merge_size": MERGE, "temporal_patch_size": TEMPORAL, "do_rescale": True,
        "do_normalize": True, "resample": 3,
    }  # fmt: skip
    for key, right in wanted.items():
        came = found.settings.get(key, right)
        if came != right:
            raise CheckpointError(
                f"expected {key} {right} in {found.file} of {name!r}, as {family.title} has it, got {came!r:.80}; "
                "take the file of the model that the weights began as"
            )
    factor = found.settings.get("rescale_factor", 1 / 255)
    if not isinstance(factor, float) or abs(factor * 255 - 1) > 1e-9:
        raise CheckpointError(f"expected rescale_factor 1/255 in {found.file} of {name!r}, got {factor!r:.80}")
    return replace(family, mean=found.mean or family.mean, std=found.std or family.std)


def write_processor_files(family: Family, folder: Path, *, min_pixels: int, max_pixels: int) -> None:
    """Write what plain ``AutoProcessor`` needs beside a tokenizer.

    Args:
        family: Whose processor.
        folder: An existing one.
        min_pixels: Fewest pixels of a picture.
        max_pixels: Most pixels.
    """
    size = {"shortest_edge": min_pixels, "longest_edge": max_pixels}
    shape = {"patch_size": family.patch, "merge_size": MERGE, "temporal_patch_size": TEMPORAL}
    levels = {"image_mean": list(family.mean), "image_std": list(family.std)}
    image = {
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, **levels,
        "image_processor_type": "Qwen2VLImageProcessor", "resample": 3, "rescale_factor": 1 / 255, "size": size, **shape,
    }  # fmt: skip
    video: dict[str, Any] = {"video_processor_type": family.video, "size": size, **shape}
    owner = {"processor_class": family.processor}
    both = {"image_processor": image, "video_processor": video}
    for name, data in zip(PROCESSOR_FILES, ({**image, **owner}, {**both, **owner}, video), strict=True):
        (folder / name).write_text(json.dumps(data, indent=2) + "\n", "utf-8")


def _three(found: dict[str, Any], key: str, file: str) -> tuple[float, float, float] | None:
    came = found.get(key)
    if came is None:
        return None
    if not isinstance(came, list) or len(came) != 3 or not all(type(one) in (int, float) for one in came):
        raise CheckpointError(f"expected three numbers as {key} in {file}, got {came!r:.80}")
    red, green, blue = map(float, came)
    if key == "image_std" and min(red, green, blue) <= 0:
        raise CheckpointError(f"expected positive numbers as {key} in {file}, got {came!r:.80}")
    return red, green, blue


def _object(found: dict[str, Any], key: str, file: str) -> dict[str, Any]:
    part = found.get(key) or {}
    if not isinstance(part, dict):
        raise CheckpointError(f"expected an object as {key} in {file}, got {part!r:.80}")
    return part

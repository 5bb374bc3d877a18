"""The weights' own record: what they were made by, in hashes that can be computed again and then fail.

``build.json`` beside the weights holds the settings, and a hash of each part of the code that drew and taught.
``batches.json`` beside this file holds digests of what was drawn. When the code changes and the data do not,
``python -m recipes.embedded --restate "why the weights still stand"`` writes the hashes anew with that statement.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from recipes.embedded.batches import Draws, StageBatches, tokenizer_lines
from recipes.embedded.model import ARCHITECTURE
from recipes.embedded.stages import STAGES, BuildStage
from umit.checkpoints import PHANTOM
from umit.checkpoints.files import card_to_dict
from umit.errors import InputError
from umit.phantom.cephalogram import CEPHALOGRAM
from umit.phantom.film import CROWDED, FILM
from umit.phantom.volume import CROWDED_VOLUME, VOLUME
from umit.training.collate import collate

if TYPE_CHECKING:
    from torch import Tensor

    from umit.engine.encode import Encoder

__all__ = [
    "BATCHES", "WEIGHTS", "code_hashes", "data_digests", "differences", "restate",
    "settings_hashes",
]  # fmt: skip

WEIGHTS: Final = Path(str(resources.files("umit.phantom"))) / "weights"
BATCHES: Final = Path(__file__).with_name("batches.json")
#: The code that drew and taught, by part. What only scores, or only writes this record, is not among it.
_CODE: Final[Mapping[str, tuple[str, ...]]] = {
    "umit.phantom": (
        "abdomen", "canvas", "cases", "cephalogram", "chest", "film", "lesions", "volume", "words",
    ),
    "recipes.embedded": (
        "attention", "batches", "build", "coordinates", "model", "questions", "stages",
    ),
    "umit.training": ("collate", "hyperparameters", "loop", "loss", "rows", "sft", "stages"),
}  # fmt: skip
_SAMPLES: Final = 16  # values of a batch's pictures that are kept
_GREY_LEVEL: Final = 0.02  # of a picture's values: 1 / 255 / 0.26, as Qwen2-VL scales them, and their rounding here


def settings_hashes(names: Mapping[str, str]) -> dict[str, str]:
    """Return hashes of the settings of generator, architecture, stages and card.

    Args:
        names: What the record calls a stage, where it is not the stage's name.
    """
    called = {names.get(stage.name, stage.name): stage for stage in STAGES}
    parts: dict[str, Any] = {
        "generator": [asdict(s) for s in (FILM, CROWDED, CEPHALOGRAM, VOLUME, CROWDED_VOLUME)],
        "blueprint": asdict(ARCHITECTURE),
        "recipe": [
            {name: [asdict(share) for share in stage.cases] for name, stage in called.items()},
            {name: (stage.steps, stage.rate) for name, stage in called.items()},
        ],
        # What cards came to say later is left out where it says nothing, as here.
        "card": card_to_dict(replace(PHANTOM, presence=(), confidence=None)),  # told of the weights afterwards
    }
    return {
        name: hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest() for name, value in parts.items()
    }


def code_hashes() -> dict[str, str]:
    """Return a hash of each part of the code, by package; words about the code are not counted."""
    found = {}
    for package, names in _CODE.items():
        folder, digest = Path(str(resources.files(package))), hashlib.sha256()
        for name in names:
            source = (folder / f"{name}.py").read_text(encoding="utf-8")
            digest.update(f"{name} {meaning(source)}\n".encode())
        found[package] = digest.hexdigest()
    return found


def meaning(source: str) -> str:
    """Return source code without what a computer does not run: comments, form and docstrings.

    Imports are left out too. A name that comes from elsewhere after a move does the same; where it does not, the
    digests of the data show it.
    """
    return _meaning(ast.parse(source))


def _meaning(node: object) -> str:
    if isinstance(node, list):
        return f"[{' '.join(_meaning(one) for one in node if not _is_unread(one))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    # Python 3.12 and 3.13 add fields, which are empty in code that 3.11 reads.
    fields = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
    return f"{type(node).__name__}({' '.join(f'{n}={_meaning(value)}' for n, value in fields)})"


def _is_unread(node: object) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Import | ast.ImportFrom)


def data_digests(encoder: Encoder) -> dict[str, Any]:
    """Return digests of what a build of seed 0 draws.

    Args:
        encoder: With the tokenizer of the weights.

    Returns:
        Of the tokenizer's text; and by stage, of the cases of all its steps, and of two rows of some of its steps:
        the first of each kind of case, and the last.
    """
    found: dict[str, Any] = {"tokenizer_lines": _sha256("\n".join(tokenizer_lines(0)))}
    for stage in STAGES:
        drawn = [Draws(stage).cases(step) for step in range(stage.steps)]
        first = {kind: step for step, (kind, _) in reversed(list(enumerate(drawn)))}
        steps = sorted({*first.values(), stage.steps - 1})
        found[stage.name] = {
            "cases": _sha256(json.dumps(drawn)),
            "batches": {str(step): _digest(_batch(stage, encoder, step)) for step in steps},
        }
    return found


def _batch(stage: BuildStage, encoder: Encoder, step: int) -> dict[str, Tensor]:
    made = StageBatches(Draws(stage, smoke=True), encoder)
    if stage.paper is None:
        return made.supervised(step)
    return collate(made.rows(step), image_pad=encoder.image_pad)


def _digest(batch: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return a hash of all that is whole numbers; of pictures some values, which machines round differently."""
    digest = hashlib.sha256()
    for name in sorted(batch):
        values = batch[name].numpy()
        if name == "presence":
            values = values > 0
        if values.dtype.kind != "f":
            digest.update(f"{name} {values.shape}".encode() + values.astype("<i8").tobytes())
    pixels = batch["pixel_values"].numpy().ravel()
    places = np.linspace(0, pixels.size - 1, _SAMPLES).astype(int)
    return {"whole": digest.hexdigest(), "pixels": [round(float(value), 2) for value in pixels[places]]}


def differences(found: Mapping[str, Any], kept: Mapping[str, Any], path: str = "") -> list[str]:
    """Return where two digests differ; pictures may by one grey level."""
    wrong = [] if found.keys() == kept.keys() else [f"{path}: other entries"]
    for name in found.keys() & kept.keys():
        one, other, here = found[name], kept[name], f"{path}/{name}"
        if isinstance(one, Mapping):
            wrong += differences(one, other, here)
        elif isinstance(one, str):
            wrong += [here] if one != other else []
        elif not np.allclose(one, other, rtol=0, atol=_GREY_LEVEL):
            wrong.append(here)
    return sorted(wrong)


def restate(statement: str) -> None:
    """Write the code's hashes into the record of the committed weights, with the reason why they still stand.

    Args:
        statement: Why the weights are still what this code makes.

    Raises:
        InputError: No reason, or the code draws other data.
    """
    from transformers.models.qwen2.tokenization_qwen2 import Qwen2Tokenizer

    from umit.engine.encode import Encoder

    encoder = Encoder(Qwen2Tokenizer.from_pretrained(WEIGHTS))
    wrong = differences(data_digests(encoder), json.loads(BATCHES.read_text(encoding="utf-8")))
    if wrong or not statement.strip():
        raise InputError(
            f"expected a reason, and the data that the weights were trained on; other are {', '.join(wrong) or 'none'}",
            code="restate",
            hint="Build the weights anew where the data are meant to change",
        )
    path = WEIGHTS / "build.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {**record, "code": {"statement": statement, **code_hashes()}})


def write_json(path: Path, record: Mapping[str, Any]) -> None:
    """Write a record, one value a line."""
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def write_batches(path: Path, digests: Mapping[str, Any]) -> None:
    """Write the digests of the data, one batch a line."""
    text = json.dumps(digests)
    for before, after in ((', "', ',\n"'), ("}, ", "},\n")):
        text = text.replace(before, after)
    path.write_text(text + "\n", encoding="utf-8")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()

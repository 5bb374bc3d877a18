"""The files of a checkpoint: where they are, whether all are there, and what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from umit.engine.adapters import TENSORS, base_of, is_adapter
from umit.engine.families import Family, family_named
from umit.engine.hub import fetched
from umit.engine.preprocessor import fitted
from umit.engine.quantised import Bits, bits_in
from umit.errors import CheckpointError

__all__ = ["check_files", "down_to_base", "explained", "family_in", "is_small", "place_of"]

_SMALL: Final = 100_000_000  # bytes of weights that load before a progress bar can be read
#: What transformers, tokenizers and torch raise over files that are missing, damaged or do not fit together.
_BROKEN: Final = (
    *(OSError, ValueError, RuntimeError, LookupError, TypeError),
    *(AttributeError, ArithmeticError, AssertionError),
)


def place_of(source: str | Path, revision: str | None, *, weights: bool = True) -> Path:
    """Return the folder, which may be the hub's copy on this disk."""
    folder = Path(source).expanduser()
    if folder.is_dir() and source != "":  # Path("") would be the working folder
        return folder
    if isinstance(source, Path) or not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?(:[\w-]+)?", source):
        raise CheckpointError(f"expected a folder with weights, found none at {folder.name!r:.99}")
    return Path(fetched(source, revision, weights=weights))


def down_to_base(place: Path, name: str, *, weights: bool = True) -> list[tuple[Path, str]]:
    """Return a folder, then its base if it is an adapter, and so on down to whole weights; each with its name."""
    found = [(place, name)]
    while is_adapter(found[-1][0]):
        base, base_name = base_of(*found[-1])
        below = place_of(base, None, weights=weights)
        if any(below.resolve() == one.resolve() for one, _ in found):
            raise CheckpointError(f"expected a base with weights under the adapter {name!r}, got adapters in a circle")
        found.append((below, base_name))
    return found


def check_files(place: Path, name: str) -> None:
    """Refuse a folder without the files that are read."""
    alone = is_adapter(place)
    wanted = {TENSORS: TENSORS} if alone else {one: one for one in ("config.json", "*.safetensors", "tokenizer.json")}
    if not alone:
        wanted["tokenizer.json"] = "vocab.json"  # of older repositories
    missing = [one for one, older in wanted.items() if not any((*place.glob(one), *place.glob(older)))]
    if not missing:
        return
    pickled = [path.name for path in place.glob("*.bin")] if {"*.safetensors", TENSORS} & {*missing} else []
    came, hint = f"no {' and no '.join(missing)}", "Copy the missing files."
    if pickled:
        came = f"{min(pickled)}, which could run code and is not read"
        hint = "Load it with transformers where you trust it, and save_pretrained it again."
    raise CheckpointError(f"expected {', '.join(wanted)} in {name!r}, found {came}. {hint}")


@contextmanager
def explained(place: Path, name: str) -> Iterator[None]:
    """Turn what transformers raises on damaged files into ours; only its calls go within."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    try:
        yield
    except (StrictDataclassError, SafetensorError, *_BROKEN) as error:
        said = " ".join(str(error).split()).replace(str(place), name)[:300]
        what = "damaged safetensors" if isinstance(error, SafetensorError) else type(error).__name__
        raise CheckpointError(
            f"expected a config.json, weights and a tokenizer that fit together in {name!r}, got: {what}: {said}"
        ) from error


def family_in(place: Path, name: str) -> tuple[Family, Bits | None]:
    """Return the family of a folder's weights, with the numbers of its own files for pictures, and in how many bits they are.

    Raises:
        CheckpointError: Another architecture, files that do not fit it, or weights that are quantised in a way not read here.
    """
    from transformers import PretrainedConfig

    config: Any = PretrainedConfig
    with explained(place, name):
        written, _ = config.get_config_dict(place)
    family = family_named(written.get("model_type") if isinstance(written, dict) else written, name)
    return fitted(family, place, name), bits_in(written, name)


def is_small(place: Path) -> bool:
    """Return whether weights load before a progress bar can be read."""
    sizes = [path.stat().st_size for path in place.glob("*.safetensors")]
    return bool(sizes) and sum(sizes) < _SMALL

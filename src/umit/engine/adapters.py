"""An adapter of peft in a folder of its own: its base is found by name, must be the one it was taught on, and gets it.

The base's name is peft's ``base_model_name_or_path``. What tells it from other weights stands in the head of the
adapter's tensors, so that no copy of them is without it.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

from umit.embedded import EMBEDDED, embedded
from umit.errors import CheckpointError, MissingExtraError

__all__ = ["ADAPTER", "BASE", "TENSORS", "base_of", "files_fingerprint", "is_adapter", "merged", "needs_peft"]

ADAPTER: Final = "adapter_config.json"  # peft's names
TENSORS: Final = "adapter_model.safetensors"
#: Of the tensors' metadata: the fingerprint of the base.
BASE: Final = "base_fingerprint"
_TOLD: Final = 64  # numbers of a tensor that tell it from another's
_PREFIX: Final = "base_model.model."


def is_adapter(place: Path) -> bool:
    """Return whether a folder holds an adapter and no weights to put it into."""
    return (place / ADAPTER).is_file() and not (place / "config.json").is_file()


def needs_peft() -> None:
    """Say what to install where peft is missing.

    Raises:
        MissingExtraError: It is.
    """
    try:
        import peft  # noqa: F401
    except ImportError as error:
        raise MissingExtraError('expected peft for LoRA; pip install "umit[lora]"', engine="local") from error


def base_of(place: Path, name: str) -> tuple[str | Path, str]:
    """Return where the base of an adapter is, a folder or a name on the hub, and what it is called.

    A folder that is not where it was is also looked for beside the adapter's own, so that both can be moved together.

    Args:
        place: The adapter's folder.
        name: Of that folder, for messages.

    Raises:
        CheckpointError: It names no base, or a folder that is not there.
    """
    try:
        found = json.loads((place / ADAPTER).read_text("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"expected JSON in {ADAPTER} of {name!r}, got: {error}") from error
    base = found.get("base_model_name_or_path") if isinstance(found, dict) else None
    if not isinstance(base, str) or not base:
        raise CheckpointError(f"expected base_model_name_or_path in {ADAPTER} of {name!r}, got {base!r:.80}")
    if base == EMBEDDED:
        return embedded(), EMBEDDED
    folder = Path(base).expanduser()
    beside = place.resolve().parent / folder.name
    for one in (folder, beside):
        if one.is_dir() and one.resolve() != place.resolve():
            return one, one.name
    if folder.is_absolute() or base.count("/") != 1 or base.startswith((".", "~")):
        raise CheckpointError(
            f"expected the base of the adapter {name!r}, the folder {folder.name!r}, found none where it was and none "
            f"beside {name!r}; copy it there, or write where it is as base_model_name_or_path into {ADAPTER}"
        )
    return base, base


def merged(model: Any, place: Path, name: str, *, base: Path, base_name: str) -> Any:
    """Return the base with the adapter added to its weights.

    Args:
        model: The base, loaded; changed in place.
        place: The adapter's folder.
        name: Of that folder, for messages.
        base: The base's folder.
        base_name: What it is called.

    Raises:
        CheckpointError: The adapter was taught on other weights, is no LoRA, or does not fit.
    """
    import peft
    from safetensors import safe_open

    with safe_open(place / TENSORS, "pt") as file:
        tensors = {key.removeprefix(_PREFIX): file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        taught_on = (file.metadata() or {}).get(BASE)
    if taught_on is not None and taught_on != files_fingerprint(base):
        raise CheckpointError(
            f"expected the base that the adapter {name!r} was taught on, {base_name!r} holds other weights; "
            f"put the right ones there, or write where they are as base_model_name_or_path into {ADAPTER}"
        )
    config = peft.PeftConfig.from_pretrained(str(place))
    if config.peft_type != peft.PeftType.LORA:
        raise CheckpointError(f"expected an adapter of type LORA in {name!r}, got {config.peft_type}")
    config.base_model_name_or_path = None  # else peft warns of any other spelling of the same
    whole = peft.get_peft_model(model, config)
    expected = peft.get_peft_model_state_dict(whole)
    shapes = {key.removeprefix(_PREFIX): tuple(t.shape) for key, t in expected.items()}
    came = {key: tuple(t.shape) for key, t in tensors.items()}
    differ = sorted(key for key in shapes.keys() | came.keys() if shapes.get(key) != came.get(key))
    if differ:
        first = differ[0]
        raise CheckpointError(
            f"expected an adapter in {name!r} that fits its base {base_name!r}, {len(differ)} tensors do not, such as "
            f"{first}: {shapes.get(first, 'none')} by {ADAPTER} and the base, {came.get(first, 'none')} in {TENSORS}"
        )
    peft.set_peft_model_state_dict(whole, {_PREFIX + key: tensor for key, tensor in tensors.items()})
    return whole.merge_and_unload().requires_grad_(True)  # as weights are that were loaded whole


def files_fingerprint(place: Path) -> str:
    """Tell the weights in a folder from others by the first numbers of every tensor, as they are stored."""
    from safetensors import safe_open

    digest, where = hashlib.sha256(), {}
    for path in sorted(place.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            where.update(dict.fromkeys(file.keys(), path))
    opened: dict[Path, Any] = {}
    for key in sorted(where):
        file = opened.get(where[key]) or opened.setdefault(where[key], safe_open(where[key], "pt"))
        part = file.get_slice(key)
        shape = part.get_shape()
        first = (part[:1] if shape else file.get_tensor(key)).flatten()[:_TOLD]
        digest.update(f"{key} {shape} {first.dtype}".encode() + first.float().numpy().tobytes())
    return digest.hexdigest()

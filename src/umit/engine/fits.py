"""Whether the parts of a checkpoint fit together, seen before any numbers load: each fault by its name, with what mends it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from umit.engine.encode import Encoder
from umit.engine.families import MERGE, TEMPORAL, Family
from umit.engine.files import explained
from umit.errors import CheckpointError

__all__ = ["check_config", "check_tensors", "check_words"]

_MOST: Final = 0.5  # of a model's numbers: files with less are of another one, or some of them are not there
#: What the files call the parts, in older ones without what transformers 5 puts before (its own renaming).
_OLDER: Final = ((r"^visual\.", "model.visual."), (r"^model\.(?!language_model\.|visual\.)", "model.language_model."))
_THEIR_CONFIG: Final = "take the config.json that came with the weights"


def check_config(config: Any, family: Family, name: str) -> None:
    """Refuse a configuration that umit would feed or ask otherwise than transformers does, or that fails when asked.

    Args:
        config: Of transformers.
        family: By its ``model_type``.
        name: Of the checkpoint, for messages.

    Raises:
        CheckpointError: It is such a one.
    """
    tower, words = config.vision_config, config.text_config
    wanted = {
        "patch_size": (tower.patch_size, family.patch),
        "spatial_merge_size": (tower.spatial_merge_size, MERGE),
        "temporal_patch_size": (tower.temporal_patch_size, TEMPORAL),
        "in_channels": (tower.in_channels, 3),
    }
    for key, (came, right) in wanted.items():
        if came != right:
            raise CheckpointError(
                f"expected {key} {right} in the config.json of {name!r}, as {family.title} has it, got {came!r:.80}; "
                f"{_THEIR_CONFIG}"
            )
    sliding = sorted({*(getattr(words, "layer_types", None) or ())} - {"full_attention"})
    if sliding:
        raise CheckpointError(
            f"expected layers that see all that stands before in the config.json of {name!r}, got {', '.join(sliding)}; "
            "no released model has them: set use_sliding_window to false if it came so by mistake"
        )
    _check_axes(words, family, name)


def _check_axes(words: Any, family: Family, name: str) -> None:
    """Refuse sections of M-RoPE that do not share out the numbers of a head."""
    heads = words.num_attention_heads
    if (
        not isinstance(heads, int)
        or heads < 1
        or (getattr(words, "head_dim", None) is None and words.hidden_size % heads)
    ):
        raise CheckpointError(
            f"expected num_attention_heads that divide the hidden_size {words.hidden_size} in the config.json of {name!r}, "
            f"got {heads!r:.80}; {_THEIR_CONFIG}"
        )
    half = (getattr(words, "head_dim", None) or words.hidden_size // heads) // 2
    rope = getattr(words, "rope_parameters", None) or {}
    came = rope.get("mrope_section") if isinstance(rope, Mapping) else None
    sections = family.sections if came is None else came
    fits = isinstance(sections, list | tuple) and len(sections) == 3 and all(type(n) is int and n > 0 for n in sections)
    if not fits or sum(sections) != half:
        said = f"{came!r:.80}" if came is not None else f"none, for which transformers takes {[*family.sections]}"
        raise CheckpointError(
            f"expected an mrope_section of three numbers that add up to {half}, half a head, in the config.json of "
            f"{name!r}, got {said}; {_THEIR_CONFIG}"
        )


def check_tensors(shell: Any, place: Path, name: str) -> None:
    """Refuse tensors of other shapes than the configuration describes, by the heads of their files.

    Args:
        shell: The model without numbers.
        place: The folder with the weights.
        name: Of it, for messages.

    Raises:
        CheckpointError: Shapes that differ, or far fewer numbers than the model has.
    """
    from safetensors import safe_open

    held: dict[str, tuple[int, ...]] = {}
    for path in sorted(place.glob("*.safetensors")):
        with explained(place, name), safe_open(path, "pt") as file:
            held.update({key: tuple(file.get_slice(key).get_shape()) for key in file.keys()})  # noqa: SIM118
    described = {key: tuple(tensor.shape) for key, tensor in shell.state_dict().items()}
    wrong = [
        (key, shape, described[own]) for key, shape in held.items() if described.get(own := _named(key), shape) != shape
    ]
    if wrong:
        key, came, right = min(wrong)
        raise CheckpointError(
            f"expected weights of the shapes that config.json describes in {name!r}, {len(wrong)} tensors have others, such "
            f"as {key}: {came} in its file, {right} by config.json; {_THEIR_CONFIG}"
        )
    numbers = sum(math.prod(shape) for shape in held.values())
    wanted = sum(one.numel() for one in {id(p): p for p in shell.parameters()}.values())
    if numbers < wanted * _MOST:  # transformers would fill the rest with random numbers, in whatever memory it takes
        raise CheckpointError(
            f"expected weights of the {wanted:,} numbers that config.json describes in {name!r}, the files hold "
            f"{numbers:,}; {_THEIR_CONFIG}, or copy the files that are missing"
        )


def _named(key: str) -> str:
    for older, newer in _OLDER:
        key = re.sub(older, newer, key)
    return key


def check_words(config: Any, encoder: Encoder, name: str) -> None:
    """Refuse a tokenizer whose tokens the weights do not have.

    Args:
        config: Of the model.
        encoder: With the tokenizer.
        name: Of the checkpoint, for messages.

    Raises:
        CheckpointError: Ids past the embedding, or another picture token than the configuration names.
    """
    rows, tokenizer = config.text_config.vocab_size, encoder.tokenizer
    added = getattr(tokenizer, "added_tokens_decoder", {})
    last = max(tokenizer.vocab_size - 1, *added) if added else tokenizer.vocab_size - 1
    if last >= rows:
        beyond = [str(added[number]) for number in sorted(added) if number >= rows]
        raise CheckpointError(
            f"expected an embedding of {last + 1} rows in {name!r}, one for each token of its tokenizer, got {rows}"
            + (f": without one are {', '.join(beyond[:3])}" if beyond else "")
            + "; take the tokenizer that came with the weights, or call resize_token_embeddings where tokens were added, "
            "and teach them"
        )
    if config.image_token_id != encoder.image_pad:
        raise CheckpointError(
            f"expected the picture token {encoder.image_pad} of the tokenizer in the config.json of {name!r}, got "
            f"{config.image_token_id!r} as image_token_id; take both files from the same checkpoint"
        )

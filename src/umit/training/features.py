"""What a frozen vision encoder makes of pictures, so that a picture that comes again costs its projector only.

A picture is known by its bytes as it is fed, in which file, window and size are, and an encoder by every number of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import torch
from safetensors.torch import load, save
from torch import Tensor

from umit.engine.vision import encode_patches, projector
from umit.errors import InputError
from umit.training.kept import Kept

__all__ = ["Features"]

_FORM: Final = 1  # of what is hashed and written


class Features:
    """The features of one frozen vision encoder.

    Args:
        kept: Where they are.
        model: A model of any family; its vision encoder must not train.
        bf16: Whether matrix products run in bfloat16, whose features are other ones.

    Raises:
        InputError: A vision encoder that trains or has adapters.
    """

    def __init__(self, kept: Kept, model: Any, *, bf16: bool = False) -> None:
        _refuse(model.model.visual)
        self._kept, self._encoder = kept, _fingerprint(model.model.visual, bf16)

    def look_up(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a batch with what is kept of its pictures in place of their patches.

        Args:
            batch: From :func:`umit.training.collate.collate`.

        Returns:
            The batch; ``pixel_values`` of the other pictures only, ``picture_known`` bool ``(pictures,)``, and
            where one is known ``picture_features`` ``(patches, width)``.
        """
        found = dict(batch)
        if "pixel_values" not in batch:
            return found
        pieces = torch.split(found.pop("pixel_values"), batch["image_grid_thw"].prod(1).tolist())
        known = [self._kept.read(name) for name in self._names(batch)]
        found["picture_known"] = torch.tensor([one is not None for one in known])
        if kept := [load(one)["features"] for one in known if one is not None]:
            found["picture_features"] = torch.cat(kept)
        if rest := [piece for piece, one in zip(pieces, known, strict=True) if one is None]:
            found["pixel_values"] = torch.cat(rest)
        return found

    def complete(self, model: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return a batch with the features of all its pictures, and keep those that are new.

        Args:
            model: With the same vision encoder, on the batch's device.
            batch: As :meth:`look_up` returned it.
        """
        found = dict(batch)
        if "pixel_values" not in batch:
            return found
        known = batch["picture_known"].tolist()
        shapes = [tuple(shape) for shape in batch["image_grid_thw"].tolist()]
        missing = [shape for shape, here in zip(shapes, known, strict=True) if not here]
        with torch.no_grad():
            made = encode_patches(model.model.visual, found.pop("pixel_values"), missing)
        sizes = [rows * columns for _, rows, columns in shapes]
        fresh = iter(torch.split(made, [size for size, here in zip(sizes, known, strict=True) if not here]))
        older = batch.get("picture_features", made[:0])
        kept = iter(torch.split(older, [size for size, here in zip(sizes, known, strict=True) if here]))
        pieces = [next(kept if here else fresh) for here in known]
        for name, piece, here in zip(self._names(batch), pieces, known, strict=True):
            if not here:
                self._kept.write(name, save({"features": piece.cpu().contiguous()}))
        found["picture_features"] = torch.cat(pieces)
        return found

    def _names(self, batch: Mapping[str, Tensor]) -> list[str]:
        return [f"{self._encoder}/{bytes(key).hex()}" for key in batch["picture_keys"].tolist()]


def _refuse(tower: Any) -> None:
    """Refuse an encoder whose features change from step to step."""
    outside = {id(one) for part in projector(tower) for one in (*part.parameters(), *part.modules())}
    trained = [n for n, p in tower.named_parameters() if p.requires_grad and id(p) not in outside]
    adapters = [n for n, m in tower.named_modules() if type(m).__module__.startswith("peft.") and id(m) not in outside]
    if trained or adapters:
        what = f"trains {trained[0]}" if trained else f"has an adapter at {adapters[0]}"
        raise InputError(
            f"expected a frozen vision encoder, whose features stay the same, got one that {what}",
            code="features", where="kept",
            hint="Take stage instruct without adapters in the vision encoder, or keep no features",
        )  # fmt: skip


def _fingerprint(tower: Any, bf16: bool) -> str:
    """Tell encoders apart by every number that features depend on; the projector is none of them."""
    config = tower.config
    about: tuple[object, ...] = (
        _FORM, bf16, config.num_heads, config.hidden_act, tower.rotary_pos_emb.inv_freq.tolist()
    )  # fmt: skip
    for own in ("fullatt_block_indexes", "window_size", "deepstack_visual_indexes"):  # of Qwen2.5-VL and Qwen3-VL
        about += (getattr(config, own),) if hasattr(config, own) else ()
    digest = hashlib.sha256(repr(about).encode())
    joined = {name for part in projector(tower) for name in _names_in(tower, part)}
    for name, tensor in tower.state_dict().items():
        if name not in joined:
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
            digest.update(tensor.cpu().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]


def _names_in(tower: Any, part: Any) -> list[str]:
    """Return what the numbers of a part of an encoder are called."""
    (prefix,) = (name for name, module in tower.named_modules() if module is part)
    return [f"{prefix}.{name}" for name in part.state_dict()]

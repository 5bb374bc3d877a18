"""LoRA by peft: small matrices are taught beside weights that stay as they are (arXiv 2106.09685)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from umit.engine.adapters import BASE, TENSORS, needs_peft
from umit.engine.quantised import needs_bitsandbytes
from umit.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from umit.training.stages import Stage

__all__ = ["Adapter", "Lora", "learned"]

#: All linear layers of the blocks: as good as all parameters (arXiv 2305.14314, section 4), and ms-swift's "all-linear".
_LANGUAGE: Final = r"model\.language_model\.layers\.\d+\.(self_attn\.[qkvo]_proj|mlp\.(gate|up|down)_proj)"
_VISION: Final = r"model\.visual\.blocks\.\d+\.(attn\.(qkv|proj)|mlp\.((linear_)?fc[12]|(gate|up|down)_proj))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """What of LoRA is taught; the defaults are those of ms-swift (``lora_rank`` 8, ``lora_alpha`` 32, ``lora_dropout`` .05).

    Args:
        rank: Of each update.
        alpha: An update is scaled by alpha / rank; ``None`` takes four times the rank.
        dropout: Share of an update's inputs that is dropped in training.
        vision: Whether the blocks of the vision encoder have updates, too; the projector has none.
        targets: A regular expression over whole names of linear layers, instead of all those of the blocks.
        merge: Whether the finished updates are added to the weights, which are then written whole.
        bits: 4 or 8 to keep the language model's weights quantised while its updates are taught (QLoRA, arXiv
            2305.14314), with ``umit[bits]``; what comes out is put into the whole weights. ``None`` keeps them whole.

    Raises:
        InputError: A rank or alpha below 1, a dropout outside 0 to 1, targets that are no expression, another number of
            bits, or bits with ``merge``.
    """

    rank: int = 8
    alpha: int | None = None
    dropout: float = 0.05
    vision: bool = False
    targets: str | None = None
    merge: bool = False
    bits: int | None = None

    def __post_init__(self) -> None:
        """Refuse what peft would fail on in the midst of loading."""
        if self.rank < 1:
            raise InputError(f"expected a rank of 1 or more, got {self.rank}", code="lora", where="rank")
        if self.scale < 1:
            raise InputError(f"expected an alpha of 1 or more, got {self.alpha}", code="lora", where="alpha")
        if not 0 <= self.dropout < 1:
            raise InputError(f"expected dropout from 0 to below 1, got {self.dropout}", code="lora", where="dropout")
        if self.bits not in (None, 4, 8):
            raise InputError(f"expected 4 or 8 bits, got {self.bits!r}", code="bits", where="bits")
        if self.bits and self.merge:
            raise InputError(
                "expected an adapter of its own over quantised weights, got merge", code="lora", where="merge",
                hint="Teach the adapter first; load it and merge it with peft's merge_and_unload",
            )  # fmt: skip
        if self.targets is not None:
            try:
                re.compile(self.targets)
            except re.error as error:
                raise InputError(f"expected a regular expression: {error}", code="lora", where="targets") from error

    @property
    def scale(self) -> int:
        """Alpha, as it is taken."""
        return 4 * self.rank if self.alpha is None else self.alpha

    @property
    def layers(self) -> str:
        """The expression over the names of the layers."""
        if self.targets is not None:
            return self.targets
        return f"({_LANGUAGE}|{_VISION})" if self.vision else _LANGUAGE

    def check(self, stages: Sequence[Stage]) -> None:
        """Refuse what cannot be taught, before any weights load.

        Raises:
            InputError: Updates of a vision encoder that every stage freezes.
            MissingExtraError: No peft, or no bitsandbytes for bits.
        """
        needs_peft()
        if self.bits:
            needs_bitsandbytes()
        if self.vision and not any(stage.vision for stage in stages):
            raise InputError(
                "expected a stage that trains the vision encoder, for its updates", code="lora", where="vision",
                hint="Take --stage align or both (in Python ALIGN), or leave the vision encoder as it is",
            )  # fmt: skip


class Adapter:
    """Updates inside a model; everything else of it is frozen.

    Args:
        model: A Qwen-VL; changed in place, its class stays.
        lora: What is taught.
        seed: Of the first updates, half of which are drawn; the others are 0, so that the model answers as before.

    Raises:
        InputError: The targets name no linear layer of the model.
    """

    def __init__(self, model: Any, lora: Lora, *, seed: int) -> None:
        import peft
        import torch

        self.lora = lora
        pattern = re.compile(lora.layers)
        if not any(pattern.fullmatch(n) and isinstance(m, torch.nn.Linear) for n, m in model.named_modules()):
            raise InputError(
                f"expected targets that match whole names of linear layers, {lora.layers!r} matches none",
                code="lora", where="targets", hint=f"The default is {_LANGUAGE!r}",
            )  # fmt: skip
        config = peft.LoraConfig(
            r=lora.rank, lora_alpha=lora.scale, lora_dropout=lora.dropout, target_modules=lora.layers
        )  # fmt: skip
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._inside: Any = peft.get_peft_model(model, config)
        model.train(False)

    def merge(self) -> None:
        """Add the updates to the weights; the model has no adapter after that."""
        self._inside.merge_and_unload()

    def write(self, folder: Path, *, base: str, fingerprint: str) -> None:
        """Write peft's two files.

        Args:
            folder: An existing one.
            base: What loads it: a name or a folder.
            fingerprint: Of the base's files; only weights that have it get the adapter put in.
        """
        from safetensors.torch import load_file, save

        self._inside.peft_config["default"].base_model_name_or_path = base
        self._inside.save_pretrained(str(folder), save_embedding_layers=False)  # else it asks the hub for the base
        path = folder / TENSORS
        path.write_bytes(save(load_file(path), {"format": "pt", BASE: fingerprint}))


def learned(model: Any) -> dict[str, Tensor]:
    """Return what of a model a run may change: the updates of its adapter, else all parameters."""
    found = dict(model.named_parameters())
    return {name: one for name, one in found.items() if "lora_" in name} or found

"""The architectures that load: what tells one from another, said once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType
from typing import Any, Final

from umit.errors import CheckpointError

__all__ = ["FAMILIES", "MERGE", "QWEN2_5_VL", "QWEN2_VL", "QWEN3_VL", "TEMPORAL", "Family", "family_named", "family_of"]

MERGE: Final = 2  # patches merged along each side into one token, in all three
TEMPORAL: Final = 2  # a still picture is shown to the encoder as two equal frames, in all three

_CLIP: Final = ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))  # OPENAI_CLIP_MEAN and _STD
_HALF: Final = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))  # Qwen/Qwen3-VL-8B-Instruct, preprocessor_config.json


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One architecture, and how its pictures become numbers.

    Args:
        model_type: What ``config.json`` calls it.
        title: What people call it.
        stem: What the names of its classes in transformers begin with.
        patch: Side of a patch in pixels.
        mean: Of red, green and blue, from 0 to 1; a checkpoint's own files may say other ones.
        std: Likewise.
        sections: How M-RoPE shares out half a head, where a configuration does not say.
        video: The class of its video processor, which plain ``AutoProcessor`` needs.
        layered_masks: Whether the language model takes a mask for each kind of layer, or one for all.

    Example:
        >>> QWEN3_VL.factor
        32
    """

    model_type: str
    title: str
    stem: str
    patch: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    sections: tuple[int, int, int] = (16, 24, 24)
    video: str = "Qwen2VLVideoProcessor"
    layered_masks: bool = True

    @property
    def factor(self) -> int:
        """Both sides of a picture that is fed are multiples of this."""
        return self.patch * MERGE

    @property
    def processor(self) -> str:
        """The class of its processor in transformers, which umit does not use."""
        return f"{self.stem}Processor"

    def config_class(self) -> Any:
        """Return transformers' configuration."""
        return self._named("configuration", "Config")

    def model_class(self) -> Any:
        """Return transformers' model with its language head."""
        return self._named("modeling", "ForConditionalGeneration")

    def _named(self, module: str, kind: str) -> Any:
        found = import_module(f"transformers.models.{self.model_type}.{module}_{self.model_type}")
        return getattr(found, f"{self.stem}{kind}")


QWEN2_VL: Final = Family(
    model_type="qwen2_vl", title="Qwen2-VL", stem="Qwen2VL", patch=14, mean=_CLIP[0], std=_CLIP[1]
)  # fmt: skip
QWEN2_5_VL: Final = Family(
    model_type="qwen2_5_vl", title="Qwen2.5-VL", stem="Qwen2_5_VL", patch=14, mean=_CLIP[0], std=_CLIP[1]
)  # fmt: skip
#: Instruct and Thinking are one architecture.
QWEN3_VL: Final = Family(
    model_type="qwen3_vl", title="Qwen3-VL", stem="Qwen3VL", patch=16, mean=_HALF[0], std=_HALF[1],
    sections=(24, 20, 20), video="Qwen3VLVideoProcessor", layered_masks=False,
)  # fmt: skip

#: By ``model_type``.
FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {family.model_type: family for family in (QWEN2_VL, QWEN2_5_VL, QWEN3_VL)}
)

#: Why relatives of theirs do not load.
_RELATIVES: Final[Mapping[str, str]] = MappingProxyType({
    "qwen3_vl_moe": "its layers are mixtures of experts, which umit was not held to transformers with",
    "qwen3_5": "most of its layers are linear attention, whose state cannot be shared by the questions of a picture",
    "qwen3_5_moe": "most of its layers are linear attention, whose state cannot be shared by the questions of a picture",
    "qwen2_5_omni": "it hears and speaks beside seeing, and its parts have other names",
    "qwen3_omni_moe": "it hears and speaks beside seeing, and its parts have other names",
    "qwen2_5_vl_text": "it is the language model alone, without the part that sees",
    "qwen3_vl_text": "it is the language model alone, without the part that sees",
    "qwen2": "it is a language model that sees nothing",
    "qwen3": "it is a language model that sees nothing",
    "citrus_v": "it is an architecture of its own, with SAM2 inside",
    "llava_qwen2": "it is LLaVA, whose pictures are read another way",
    "internvl": "it is InternVL, whose pictures are read another way",
    "internvl_chat": "it is InternVL, whose pictures are read another way",
})  # fmt: skip


def family_named(model_type: object, name: str) -> Family:
    """Return the family that ``config.json`` names.

    Args:
        model_type: What stands there.
        name: Of the checkpoint, for messages.

    Raises:
        CheckpointError: Another architecture, with the reason where it is a relative.
    """
    found = FAMILIES.get(model_type) if isinstance(model_type, str) else None
    if found is not None:
        return found
    *others, last = FAMILIES
    known = f"{', '.join(others)} or {last}"
    why = _RELATIVES.get(model_type) if isinstance(model_type, str) else None
    # transformers would fill such a model with random numbers and only warn.
    raise CheckpointError(
        f"expected weights of {known} in the config.json of {name!r}, got {model_type!r:.80}"
        + (f": {why}" if why else "")
    )


def family_of(model: Any) -> Family:
    """Return the family of a model in memory, with its own numbers for pictures and not a checkpoint's.

    Args:
        model: One of transformers' models with a language head.
    """
    return FAMILIES[model.config.model_type]
